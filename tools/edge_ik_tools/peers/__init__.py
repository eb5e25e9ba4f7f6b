"""Other solvers of inverse kinematics, beside ours on the same targets."""
