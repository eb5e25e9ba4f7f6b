"""Generated firmware on emulated Cortex-M cores: exact instructions, memory and answers."""
