"""Look at a robot and its answers in a browser on this machine."""
