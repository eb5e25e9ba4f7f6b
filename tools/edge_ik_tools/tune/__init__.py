"""Trainings that have a goal: going on until it is met, and the smallest network that does."""
