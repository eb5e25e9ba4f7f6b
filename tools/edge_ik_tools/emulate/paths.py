"""What following a path takes: from the present joints, and seeded by the network each time."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_ik_tools.emulate.build import Sources, build_path
from edge_ik_tools.emulate.cores import Core
from edge_ik_tools.emulate.results import PathCost, Spread
from edge_ik_tools.emulate.toolchain import Toolchain
from edge_ik_tools.errors import EmulationError
from firmware_host.chain import FloatArray
from firmware_host.files import OTHER_TEMPORARY, working_folder, write_bytes
from firmware_host.problem import IkProblem

# A loop about the home posture in so many targets: ten seconds at 100 Hz.
POINTS = 1_000
# As far along it as a core goes that has the path in its flash.
POINTS_IN_FLASH = 100


def path_cost(
    tools: Toolchain,
    core: Core,
    sources: Sources,
    problem: IkProblem,
    start: FloatArray,
    targets: FloatArray,
) -> PathCost:
    """Follow a path on an emulated core.

    Args:
        tools: The compiler and the emulator.
        core: The core.
        sources: The solver.
        problem: Its robot and task.
        start: (n,) joints to start from [rad, m].
        targets: (N, k) components of targets close to one another.

    Raises:
        FirmwareBuildError: If the compiler refuses the sources.
        EmulationError: If the firmware fails.
    """
    points = POINTS_IN_FLASH if core.family.embeds else len(targets)
    single = np.ascontiguousarray(targets[:points], dtype="<f4")
    with working_folder() as folder:
        given = np.concatenate([np.asarray(start, dtype="<f4"), single.ravel()])
        write_bytes(folder / "path.bin", given.astype("<f4").tobytes(), OTHER_TEMPORARY)
        image = build_path(tools, core, sources, problem.chain, folder)
        tools.run(core, image, folder)
        found = np.fromfile(folder / "followed.bin", _followed(problem.joints))
    if len(found) != len(single):
        raise EmulationError(
            f"Expected {len(single)} answers from the firmware. Received: {len(found)}"
        )
    goals = single.astype(np.float64)
    answers = [found[name].astype(np.float64) for name in ("q", "near")]
    solved = [float(problem.is_solved(q, goals).mean()) for q in answers]
    return PathCost(
        points=len(single),
        track=Spread.of(found["track"].astype(np.int64)),
        track_solved=solved[0],
        asked=int(found["asked"].sum()),
        solve_near=Spread.of(found["solve_near"].astype(np.int64)),
        near_solved=solved[1],
        limit_violations=sum(int((~problem.chain.within_limits(q)).sum()) for q in answers),
        stack_bytes=int(found["stack"].max()),
    )


def _followed(joints: int) -> np.dtype[Any]:
    """The record that `path.c` writes for each target."""
    floats: list[Any] = [(name, "<f4", (joints,)) for name in ("q", "near")]
    numbers: list[Any] = [(name, "<i4") for name in ("status", "near_status", "asked")]
    counts: list[Any] = [(name, "<u4") for name in ("track", "solve_near", "stack")]
    return np.dtype([*floats, *numbers, *counts])
