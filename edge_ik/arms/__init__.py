"""Robots: the built-in arms, and any serial chain of a robot description."""

from edge_ik.arms.builtin import BuiltinArm, arm_names, builtin_arms
from edge_ik.arms.load import ArmSelection, load_arm, select_arm

__all__ = [
    "ArmSelection",
    "BuiltinArm",
    "arm_names",
    "builtin_arms",
    "load_arm",
    "select_arm",
]
