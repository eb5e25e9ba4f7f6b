"""What people import: one place for all of it."""

import firmware_host
from firmware_host import (
    Chain,
    EdgeIkError,
    IkBatch,
    IkPath,
    IkSolution,
    IkSolver,
    Status,
    Tolerance,
    chain,
    errors,
    forward_kinematics,
    kinematics,
    solver,
    tolerances,
    track,
    tracking,
)

NAMES = {
    "Chain": (Chain, chain),
    "EdgeIkError": (EdgeIkError, errors),
    "IkBatch": (IkBatch, solver),
    "IkPath": (IkPath, tracking),
    "IkSolution": (IkSolution, solver),
    "IkSolver": (IkSolver, solver),
    "Status": (Status, solver),
    "Tolerance": (Tolerance, tolerances),
    "forward_kinematics": (forward_kinematics, kinematics),
    "track": (track, tracking),
}


def test_the_public_names_are_those_of_their_modules():
    assert set(firmware_host.__all__) == set(NAMES)
    for name, (value, module) in NAMES.items():
        assert getattr(module, name) is value
