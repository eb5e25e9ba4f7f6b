"""What a robot's own computer needs to solve inverse kinematics, and no more."""

from firmware_host.chain import Chain
from firmware_host.errors import EdgeIkError
from firmware_host.kinematics import forward_kinematics
from firmware_host.solver import IkBatch, IkSolution, IkSolver, Status
from firmware_host.tolerances import Tolerance
from firmware_host.tracking import IkPath, track

__all__ = [
    "Chain",
    "EdgeIkError",
    "IkBatch",
    "IkPath",
    "IkSolution",
    "IkSolver",
    "Status",
    "Tolerance",
    "forward_kinematics",
    "track",
]
