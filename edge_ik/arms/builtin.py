"""The robots that come with the package: their names, home postures and files."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class BuiltinArm:
    """One robot that comes with the package.

    Attributes:
        name: Name to give to `load_arm`.
        description: What it is, in one line.
        home: (n,) a posture well inside the limits and away from singularities [rad, m].
        task: The task that it is trained for if none is named.
    """

    name: str
    description: str
    home: tuple[float, ...]
    task: str = "position"

    def urdf(self) -> bytes:
        """The robot's URDF file."""
        return files("edge_ik.arms").joinpath(f"{self.name}.urdf").read_bytes()


_ARMS = (
    BuiltinArm(
        "arm3",
        "3 joints: yaw, shoulder, elbow; two links of 0.25 m (the default)",
        (0.0, 0.85, 1.375),
    ),
    BuiltinArm(
        "leg3",
        "3 joints: a quadruped's leg; links of 0.21 and 0.20 m",
        (0.0, 0.5, -1.45),
    ),
    BuiltinArm(
        "a1_leg",
        "3 joints: Unitree A1, front left leg, trunk to foot",
        (0.0, 0.9, -1.8),
    ),
    BuiltinArm(
        "leg2",
        "2 joints: Unitree A1, front left leg, hip to foot, in the plane of the leg",
        (0.9, -1.8),
        "planar",
    ),
    BuiltinArm(
        "openmanipulator_x",
        "4 joints: ROBOTIS OpenMANIPULATOR-X, base to the point between the fingertips",
        (0.0, -0.6, 0.3, 0.8),
        "pitch",
    ),
    BuiltinArm(
        "palletizer",
        "3 joints: Dobot Magician, whose linkage keeps the hand level; base to suction cup",
        (0.0, 0.6, 0.4),
    ),
    BuiltinArm(
        "scara",
        "4 joints, one of which slides: Omron eCobra 600, base to flange",
        (0.0, 1.2, 0.1, 0.0),
        "yaw",
    ),
    BuiltinArm(
        "so101",
        "5 joints: SO-ARM101, base to gripper frame",
        (0.0, -0.4, 0.5, 0.7, 0.0),
    ),
    BuiltinArm(
        "ur5",
        "6 joints: Universal Robots UR5, base to tool flange (tool0)",
        (0.0, -math.pi / 2, math.pi / 2, -math.pi / 2, -math.pi / 2, 0.0),
    ),
    BuiltinArm(
        "ur5_rail",
        "7 joints, the first of which slides: UR5 on a rail of 2 m",
        (0.0, 0.0, -math.pi / 2, math.pi / 2, -math.pi / 2, -math.pi / 2, 0.0),
        "pose",
    ),
    BuiltinArm(
        "panda",
        "7 joints: Franka Emika Panda, base to the point between the fingertips",
        (0.0, -math.pi / 4, 0.0, -3 * math.pi / 4, 0.0, math.pi / 2, math.pi / 4),
    ),
)


def builtin_arms() -> dict[str, BuiltinArm]:
    """The built-in robots by name; the default comes first."""
    return {arm.name: arm for arm in _ARMS}


def arm_names() -> tuple[str, ...]:
    """Names of the built-in robots; the default comes first."""
    return tuple(arm.name for arm in _ARMS)
