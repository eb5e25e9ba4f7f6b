"""A benchmark firmware for a real board, and the host's side of its serial line."""
