"""From a robot description to a constant-time inverse-kinematics network."""

__version__ = "0.1.0"
