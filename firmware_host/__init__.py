"""What a robot's own computer needs to solve inverse kinematics, and no more."""
