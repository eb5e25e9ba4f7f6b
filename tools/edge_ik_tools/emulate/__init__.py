"""Generated firmware on emulated cores: exact instructions or cycles, memory and answers."""
