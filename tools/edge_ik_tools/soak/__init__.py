"""Targets by the million, and every answer judged again: limits, numbers, statuses."""
