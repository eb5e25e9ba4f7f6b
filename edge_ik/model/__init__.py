"""The network, its losses and its training step."""
