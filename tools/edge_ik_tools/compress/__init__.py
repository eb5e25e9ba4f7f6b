"""Quantization-aware training and pruning, through the tf_keras twin of a network."""
