"""A model as firmware for TensorFlow Lite Micro: its network, and the solver around it."""
