"""Latency, throughput and memory of a model on this machine."""
