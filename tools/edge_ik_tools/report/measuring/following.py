"""A path followed: how far the tool is off it, where the joints go, and where they jump."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_ik.data.focus import FocusCircle
from edge_ik_tools.report.measuring.geometry import skeletons
from firmware_host.bench.targets import bench_path
from firmware_host.chain import FloatArray
from firmware_host.errors import TargetError
from firmware_host.names import brief
from firmware_host.solver import IkSolver
from firmware_host.solving.branches import NEAREST
from firmware_host.solving.following import TRACK_JUMP
from firmware_host.tasks import Task
from firmware_host.tasks.targets import checked_target
from firmware_host.tracking import track

# Targets of a path that is not given.
POINTS = 240
# Targets of a path from a file, at most: each is drawn.
MOST_POINTS = 20_000
MOST_BYTES = 32 * 2**20


@dataclass(frozen=True, eq=False)
class Followed:
    """A path and the answers along it.

    Attributes:
        what: What path it is, in words.
        place: (N, 3) the targets [m].
        tool: (N, 3) where the tool is at the answers [m].
        error: (N,) distance of the tool from the target [m].
        angle: (N,) angle between the orientations [rad]; None where targets have none.
        solved: (N,) whether the target is reached.
        asked: (N,) whether the network was asked.
        q: (N, n) the joints [rad, m].
        joints: Names of the joints.
        units: rad or m, of each.
        step: (N,) largest way of a joint since the target before [rad, L]; the first 0.
        jumps: Indices of the targets that a joint had to jump to.
        largest_step: A longer way than this is a jump [rad, L].
        points: (s + 2, 3) the robot at the first target [m].
    """

    what: str
    place: FloatArray
    tool: FloatArray
    error: FloatArray
    angle: FloatArray | None
    solved: npt.NDArray[np.bool_]
    asked: npt.NDArray[np.bool_]
    q: FloatArray
    joints: tuple[str, ...]
    units: tuple[str, ...]
    step: FloatArray
    jumps: tuple[int, ...]
    largest_step: float
    points: FloatArray


def follow(solver: IkSolver, focus: FocusCircle | None, given: FloatArray | None) -> Followed:
    """Follow a path with `track`, from the answer to its first target that is nearest to home.

    Args:
        solver: The model.
        focus: The focus circle, taken if no path is given.
        given: Targets as `IkSolver.solve_batch` takes them, or None; without a focus circle
            either, joints go to and fro about the home posture.
    """
    task, chain = solver.task, solver.chain
    if given is not None:
        what, rows = f"the given path of {len(given):,} targets", given
    elif focus is not None:
        angles = np.linspace(0, 2 * math.pi, POINTS)
        rows = focus.points(angles)
        what = f"the focus circle, {2e3 * focus.radius:.0f} mm across"
    else:
        what = "a loop about the home posture, each joint going to and fro once"
        rows = task.given(bench_path(solver, POINTS)[1])
    start = solver.solve(rows[0], solver.home, NEAREST).q
    found = track(solver, rows, start)
    components = checked_target(rows, batch=True, task=task)
    tool = np.asarray(solver.forward(found.q))[:, :3, 3]
    place = np.where(np.isin(range(3), task.place), task.positions(components), tool)
    step = found.joint_step.copy()
    step[0] = 0.0
    return Followed(
        what=what,
        place=place,
        tool=tool,
        error=found.position_error_m,
        angle=found.rotation_error_rad,
        solved=found.solved,
        asked=found.asked,
        q=found.q,
        joints=chain.joint_names,
        units=chain.units,
        step=step,
        jumps=found.jumps,
        largest_step=TRACK_JUMP,
        points=skeletons(chain, found.q[:1])[0],
    )


@dataclass(frozen=True, eq=False)
class GivenPath:
    """A path to follow that was read from a file.

    Attributes:
        file: The file.
        targets: (N, ...) the targets, as `IkSolver.solve_batch` takes them.
        where: Of each where it stands in the file, in words.
    """

    file: Path
    targets: FloatArray
    where: tuple[str, ...]

    def check(self, task: Task) -> None:
        """Refuse targets that are none of a task.

        Raises:
            TargetError: If one is none, with where it stands.
        """
        try:
            checked_target(self.targets, batch=True, task=task)
        except TargetError as all_of_them:
            for where, target in zip(self.where, self.targets, strict=True):
                try:
                    checked_target(target, task=task)
                except TargetError as error:
                    raise TargetError(f"The path '{self.file}', {where}: {error}") from error
            raise TargetError(f"The path '{self.file}': {all_of_them}") from all_of_them


def read_path(path: Path) -> GivenPath:
    """The targets of a file: a list of rows in JSON, or lines of numbers.

    Numbers stand between commas, semicolons or spaces; a line that begins with # is passed over.

    Raises:
        TargetError: If the file cannot be read, is too long, or holds no rows of numbers.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
        text = path.read_text(encoding="utf-8")
        if text.lstrip().startswith("["):
            rows = json.loads(text)
            where = tuple(f"row {number}" for number in range(1, len(rows) + 1))
        else:
            rows, where = _lines(text)
        targets = np.array(rows, dtype=np.float64)
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise TargetError(
            f"The path '{path}' cannot be read: {brief(str(error))}. Expected a line of numbers "
            "for each target, or a list of such rows in JSON."
        ) from error
    if targets.ndim < 2 or not 2 <= len(targets) <= MOST_POINTS:
        raise TargetError(
            f"Expected 2 to {MOST_POINTS:,} targets in '{path}', a row of numbers each. "
            f"Received: shape {targets.shape}"
        )
    return GivenPath(path, targets, where)


def _lines(text: str) -> tuple[list[list[float]], tuple[str, ...]]:
    """The numbers of each line that has some, and which line that is.

    Raises:
        ValueError: If something is no number, or a line has more or fewer than the first.
    """
    rows: list[list[float]] = []
    where = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].replace(",", " ").replace(";", " ").split()
        if not words:
            continue
        where.append(f"line {number}")
        try:
            rows.append([float(word) for word in words])
        except ValueError as error:
            raise ValueError(f"{where[-1]}: {error}") from error
        if len(rows[-1]) != len(rows[0]):
            raise ValueError(
                f"{where[-1]} has {len(rows[-1])} numbers where {where[0]} has {len(rows[0])}"
            )
    return rows, tuple(where)
