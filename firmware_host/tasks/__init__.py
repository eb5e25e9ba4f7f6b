"""What a target is: one file for each task."""
