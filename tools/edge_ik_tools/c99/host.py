"""The firmware on this machine: compiled, loaded, and answering as a solver."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_ik_tools.c99.build import (
    MissingCompilerError,
    MissingHeadersError,
    find_compiler,
    find_headers,
    load_firmware,
)
from edge_ik_tools.c99.source import Firmware
from firmware_host.chain import FloatArray
from firmware_host.errors import TargetError
from firmware_host.model_file import read_model
from firmware_host.network.flatbuffer import read_graph
from firmware_host.network.interpreter import Interpreter
from firmware_host.solver import Branch, IkSolver
from firmware_host.solving.batches import FoundRows, told_batch
from firmware_host.solving.branches import ANY, NEAREST
from firmware_host.solving.checks import checked_near, checked_threads
from firmware_host.solving.solution import STATUSES, Found, IkBatch, IkSolution
from firmware_host.tasks.neighbours import WXYZ, real_part_first
from firmware_host.tasks.targets import checked_components, checked_target
from firmware_host.tolerances import Tolerance

# The order of the C enumeration.
BAD_TARGET = 2
# How the C is told to choose a branch.
CODES = {ANY: -1, NEAREST: -2}
STATUS = np.array(STATUSES, dtype=object)
# Fewer rows are not worth a thread of their own.
LEAST_ROWS = 64
# How long C works before Python looks whether Ctrl-C was pressed [s].
CHUNK_SECONDS = 0.05


class FirmwareSolver(IkSolver):
    """`IkSolver` whose answers come from the generated C, built for this machine.

    The C works in single precision. Everything else is that of `IkSolver`.

    Args:
        firmware: The model, ready to be printed.
        flatbuffer: Its network.
    """

    def __init__(self, firmware: Firmware, flatbuffer: bytes) -> None:
        compiler = find_compiler()
        self.library, self._native = load_firmware(firmware, compiler)
        self._firmware, self._flatbuffer = firmware, flatbuffer
        named = shlex.join([Path(compiler[0]).name, *compiler[1:]])
        spec, runtime = firmware.spec, f"firmware ({named})"
        super().__init__(
            spec,
            _FirmwareNetwork(runtime, flatbuffer, self._native).run,
            firmware.steps,
            runtime=runtime,
            restarts=firmware.restarts,
        )
        # What C takes as a target is what users give, where a target is a place alone.
        self._direct = not spec.task.has_orientation
        self._usual = self._code(None, None)
        self._answer = np.dtype(
            [("q", np.float64, (len(spec.chain),))]
            + [(name, np.float32) for name in ("residual", "rotation", "seed_residual")]
            + [(name, np.int32) for name in ("status", "steps", "branch", "tried", "restarts")]
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # Where it arrives it is built anew, or found in the cache.
        return FirmwareSolver, (self._firmware, self._flatbuffer)

    @classmethod
    def load(
        cls,
        path: str | Path,
        runtime: str | None = None,
        refine_steps: int | None = None,
        restarts: int = 0,
        tolerance: Tolerance | None = None,
    ) -> FirmwareSolver:
        """Generate, compile and load a model's firmware.

        The library is kept in the user's cache and used again for the same model, compiler,
        Python, processor and options.

        Arguments as in `IkSolver.load`; steps, restarts and tolerance are compiled in.

        Raises:
            ConfigError: If a number is negative.
            ModelFileError: If the model is damaged, or made of what no firmware is made for.
            MissingCompilerError: If there is no C compiler.
            MissingHeadersError: If Python's headers are not installed.
            FirmwareBuildError: If the compiler refuses the firmware.
            WriteError: If there is no place for it in the cache.
        """
        flatbuffer, _ = read_model(path)
        # The integers are for cores without a floating-point unit.
        firmware = Firmware.load(
            Path(path), "robot", refine_steps, restarts, arithmetic="float", tolerance=tolerance
        )
        return cls(replace(firmware, vectors=True), flatbuffer)

    def with_steps(self, refine_steps: int) -> FirmwareSolver:
        """The same with another number of steps, built anew; see `IkSolver.with_steps`.

        Raises:
            ConfigError: If it is no such number, or the tolerance too small for so many.
        """
        if refine_steps == self.refine_steps:
            return self
        return FirmwareSolver(self._firmware.with_steps(refine_steps), self._flatbuffer)

    @classmethod
    def obstacle(cls) -> str | None:
        """Why firmware cannot be built on this machine, or None."""
        try:
            find_compiler()
            find_headers()
        except (MissingCompilerError, MissingHeadersError) as error:
            return str(error)
        return None

    def seed(self, targets: npt.ArrayLike, branch: Branch = 0) -> FloatArray:
        """The network's first guess q (N, n) [rad, m]; see `IkSolver.seed`."""
        single = np.ascontiguousarray(checked_components(targets, self.task), dtype=np.float32)
        q = np.full((len(single), len(self.chain)), np.nan, dtype=np.float32)
        head = self._head(branch, ())

        def seed(part: slice) -> None:
            self._native.seed_batch(len(q[part]), head, single[part], q[part])

        in_chunks(seed, 0, len(q))
        refused = np.isnan(q).any(axis=1)
        if refused.any():
            raise TargetError(
                f"Expected targets in metres and unit vectors. Received one that the firmware "
                f"refuses, in single precision (row {int(np.argmax(refused))})."
            )
        return q.astype(np.float64)

    def solve(
        self,
        target: Any,
        q_near: npt.ArrayLike | None = None,
        branch: Branch | None = None,
        *,
        quaternion: str = WXYZ,
    ) -> IkSolution:
        """Solve one target; see `IkSolver.solve`."""
        if self._direct and quaternion == WXYZ:
            began = time.perf_counter()
            usual = branch is None and q_near is None
            code = self._usual if usual else self._code(branch, q_near)
            found = self._native.solve(target, q_near, code)
            if found is not None:
                return IkSolution(self.spec, found, time.perf_counter() - began)
        return super().solve(target, q_near, branch, quaternion=quaternion)

    def _found(self, target: list[float], near: list[float] | None, number: int | str) -> Found:
        code = CODES[number] if isinstance(number, str) else number
        return Found(*self._native.solve(target, near, code))

    def track(
        self,
        target: Any,
        q_now: npt.ArrayLike | None = None,
        max_step: npt.ArrayLike | None = None,
        *,
        quaternion: str = WXYZ,
    ) -> IkSolution:
        """Solve the next target of a path; see `IkSolver.track`."""
        if self._direct and quaternion == WXYZ:
            began = time.perf_counter()
            found = self._native.track(target, q_now, max_step)
            if found is not None:
                return IkSolution(self.spec, found, time.perf_counter() - began)
        return super().track(target, q_now, max_step, quaternion=quaternion)

    def _followed(self, target: list[float], near: list[float], most: list[float]) -> Found:
        return Found(*self._native.track(target, near, most))

    def solve_batch(
        self,
        targets: Any,
        q_near: npt.ArrayLike | None = None,
        branch: Branch | None = None,
        threads: int | None = 1,
        *,
        quaternion: str = WXYZ,
    ) -> IkBatch:
        """Solve N targets in C, on so many cores; see `IkSolver.solve_batch`."""
        began = time.perf_counter()
        targets = real_part_first(targets, quaternion, self.task, batch=True)
        rows = checked_target(targets, batch=True, finite=False, task=self.task)
        rows, count, code = np.ascontiguousarray(rows), len(rows), self._code(branch, q_near)
        near = None if q_near is None else checked_near(self.chain, q_near, count)
        answers = np.zeros(count, self._answer)
        answers["q"] = self.home
        self._solve_rows(rows, near, code, answers, checked_threads(threads))
        found = FoundRows(
            q=answers["q"],
            distance=answers["residual"].astype(np.float64),
            angle=answers["rotation"].astype(np.float64),
            seed_distance=answers["seed_residual"].astype(np.float64),
            status=STATUS.take(answers["status"]),
            steps=self.refine_steps,
            branch=answers["branch"].astype(int),
            tried=answers["tried"].astype(int),
            restarts=answers["restarts"].astype(int),
        )
        good = answers["status"] != BAD_TARGET
        return told_batch(self.spec, rows, good, found, near, began)

    def _solve_rows(
        self,
        rows: FloatArray,
        near: FloatArray | None,
        code: int,
        answers: npt.NDArray[Any],
        threads: int,
    ) -> None:
        """Solve N rows (N, k) in C, which does without the interpreter's lock."""
        if near is not None:
            near = np.ascontiguousarray(np.broadcast_to(near, (len(rows), len(self.chain))))

        def solve(part: slice) -> None:
            own, count = answers[part], len(answers[part])
            if near is None:
                self._native.solve_batch(count, code, rows[part], own)
            else:
                self._native.solve_batch_near(count, code, rows[part], near[part], own)

        size = max(-(-len(rows) // threads), LEAST_ROWS)
        if size >= len(rows):
            in_chunks(solve, 0, len(rows))
            return
        stopped = Event()

        def share(start: int) -> None:
            in_chunks(solve, start, min(start + size, len(rows)), stopped)

        with ThreadPoolExecutor(threads) as pool:
            try:
                list(pool.map(share, range(0, len(rows), size)))
            finally:
                # On Ctrl-C too, after which the threads are waited for.
                stopped.set()

    def _code(self, branch: Branch | None, q_near: npt.ArrayLike | None) -> int:
        """The branch as the C takes it: a number, or one of those below 0."""
        number = self._number(branch, q_near)
        return CODES[number] if isinstance(number, str) else number

    def solve_times(self, targets: npt.ArrayLike, seeds: bool = False) -> FloatArray:
        """The time of each solve alone, taken in C (N,) [microseconds]; see `IkSolver`."""
        single = np.ascontiguousarray(checked_components(targets, self.task), dtype=np.float32)
        taken = np.empty(len(single))
        self._native.time_batch(len(single), seeds, single, taken)
        return taken / 1e3


def in_chunks(
    work: Callable[[slice], None], start: int, end: int, stopped: Event | None = None
) -> None:
    """Work on rows in chunks of about `CHUNK_SECONDS`, between which Python looks at signals.

    Args:
        work: Called with the rows of each chunk; while C runs, Ctrl-C has to wait.
        start: The first row.
        end: The first row that is not worked on.
        stopped: Set by another thread where no more are wanted.
    """
    size = LEAST_ROWS
    while start < end and not (stopped is not None and stopped.is_set()):
        began = time.perf_counter()
        work(slice(start, min(start + size, end)))
        start += size
        took = time.perf_counter() - began
        size = 2 * size if took < CHUNK_SECONDS / 2 else max(1, int(size * CHUNK_SECONDS / took))


class _FirmwareNetwork(Interpreter):
    """The firmware's network alone, behind the face of the other runtimes."""

    def __init__(self, runtime: str, flatbuffer: bytes, native: Any) -> None:
        super().__init__(runtime, read_graph(flatbuffer))
        self._native = native

    def _network(self, q: npt.NDArray[Any]) -> npt.NDArray[Any]:
        x, y = np.ascontiguousarray(q), np.empty((len(q), self.output_shape[1]), self.dtype)

        def run(part: slice) -> None:
            self._native.network_batch(len(x[part]), 0, x[part], y[part])

        in_chunks(run, 0, len(x))
        return y
