"""The firmware on this machine: compiled, loaded, and answering as a solver."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_ik_tools.c99.source import Firmware
from edge_ik_tools.errors import FirmwareBuildError
from edge_ik_tools.templates import filled
from firmware_host.chain import FloatArray
from firmware_host.errors import EdgeIkError
from firmware_host.files import tidy_folder, write_atomically
from firmware_host.model_file import read_model
from firmware_host.network.flatbuffer import read_graph
from firmware_host.network.interpreter import Interpreter
from firmware_host.solver import Branch, IkSolver
from firmware_host.solving.branches import ANY, NEAREST
from firmware_host.solving.checks import checked_near, checked_steps
from firmware_host.solving.following import unstarted
from firmware_host.solving.solution import IkBatch, IkSolution, Status
from firmware_host.solving.telling import Found, Measured, told
from firmware_host.tasks.targets import checked_target

COMPILERS = ("cc", "gcc", "clang")
FLAGS = ("-O3", "-std=c99", "-shared", "-fPIC", "-ffp-contract=fast")
# The machine's own instructions; compilers that do not know the word go without.
NATIVE = "-march=native"
COMPILE_SECONDS = 300.0
OTHER_CACHE = "name another folder of caches in the environment variable XDG_CACHE_HOME"
# How much of the compiler's complaint is told.
TOLD_CHARACTERS = 1500

# The order of the C enumeration.
BAD_TARGET = 2
# How the C is told to choose a branch.
CODES = {ANY: -1, NEAREST: -2}
STATUS = np.array(list(Status), dtype=object)


class MissingCompilerError(EdgeIkError):
    """There is no C compiler on this machine."""

    def __init__(self) -> None:
        super().__init__(
            "The runtime 'firmware' compiles C for this machine, and no C compiler was found: "
            f"looked for {', '.join(COMPILERS)}, or what the environment variable CC names. "
            "Install one, on Debian or Ubuntu with: apt-get install gcc libc6-dev"
        )


class FirmwareSolver(IkSolver):
    """`IkSolver` whose answers come from the generated C, built for this machine.

    The C works in single precision. Everything else is that of `IkSolver`.

    Args:
        firmware: The model, ready to be printed.
        library: The compiled firmware.
        compiler: What it was compiled with.
    """

    def __init__(self, firmware: Firmware, library: Path, compiler: str) -> None:
        self._native = ctypes.CDLL(str(library))
        spec, runtime = firmware.spec, f"firmware ({compiler})"
        super().__init__(
            spec,
            _FirmwareNetwork(runtime, firmware, self._native).run,
            firmware.steps,
            runtime=runtime,
            restarts=firmware.restarts,
        )
        self._answer = np.dtype(
            [("q", np.float32, (len(spec.chain),))]
            + [(name, np.float32) for name in ("residual", "rotation", "seed_residual")]
            + [(name, np.int32) for name in ("status", "steps", "branch", "tried", "restarts")]
        )

    @classmethod
    def load(
        cls,
        path: str | Path,
        runtime: str | None = None,
        refine_steps: int | None = None,
        restarts: int = 0,
    ) -> FirmwareSolver:
        """Generate, compile and load a model's firmware.

        The library is kept in the user's cache, by model, compiler and options.

        Args:
            path: A `.tflite` that carries its robot.
            runtime: "firmware" or None.
            refine_steps: Refinement steps, 0 or more, compiled in; by default 3 or 4, by the task.
            restarts: Seeds drawn at random, at most, for branch "any".

        Raises:
            ConfigError: If a number is negative.
            ModelFileError: If the model is damaged, or made of what no firmware is made for.
            MissingCompilerError: If there is no C compiler.
            FirmwareBuildError: If the compiler refuses the firmware.
        """
        firmware = Firmware.load(Path(path), "robot", refine_steps, restarts)
        compiler = find_compiler()
        library = build_library(firmware, compiler)
        return cls(firmware, library, compiler.name)

    @classmethod
    def obstacle(cls) -> str | None:
        """Why firmware cannot be built on this machine, or None."""
        try:
            find_compiler()
        except MissingCompilerError as error:
            return str(error)
        return None

    def seed(self, targets: npt.ArrayLike, branch: Branch = 0) -> FloatArray:
        """The network's first guess q (N, n) [rad] for the components of targets (N, k)."""
        single = np.ascontiguousarray(targets, dtype=np.float32)
        q = self._room(len(single))["q"].copy()
        number = ctypes.c_int32(self._code(branch, None))
        self._native.edge_ik_seed_batch(_size(len(q)), _address(single), number, _address(q))
        return q.astype(np.float64)

    def solve(
        self,
        target: npt.ArrayLike,
        q_near: npt.ArrayLike | None = None,
        branch: Branch | None = None,
    ) -> IkSolution:
        """Solve one target; see `IkSolver.solve`."""
        began = time.perf_counter()
        components = checked_target(target, task=self.task)
        near = None if q_near is None else checked_near(self.chain, q_near)
        single, present = components.astype(np.float32), self._single(near)
        answer = self._room(1)
        number = ctypes.c_int32(self._code(branch, q_near))
        self._native.edge_ik_solve(_address(single), number, _address(present), _address(answer))
        return self._told(answer[0], components, near, began)

    def track(
        self,
        target: npt.ArrayLike,
        q_now: npt.ArrayLike | None = None,
        max_step: npt.ArrayLike | None = None,
    ) -> IkSolution:
        """Solve the next target of a path; see `IkSolver.track`."""
        began = time.perf_counter()
        most = self._single(checked_steps(self.chain, max_step))
        if q_now is None:
            return unstarted(self.solve(target, np.zeros(len(self.chain)), NEAREST))
        near = checked_near(self.chain, q_now)
        components = checked_target(target, task=self.task)
        single, present, answer = components.astype(np.float32), self._single(near), self._room(1)
        given = (_address(values) for values in (single, present, most, answer))
        self._native.edge_ik_track(*given)
        return self._told(answer[0], components, near, began)

    def _told(
        self, found: Any, components: FloatArray, near: FloatArray | None, began: float
    ) -> IkSolution:
        """An answer of the C as a solution."""
        q = found["q"].astype(np.float64)
        q = q if near is None else self.chain.nearest_turn(q, near)
        counts = (int(found[name]) for name in ("steps", "branch", "tried", "restarts"))
        errors = (float(found[name]) for name in ("residual", "rotation", "seed_residual"))
        measured = Measured(STATUS[found["status"]], *errors)
        return told(self.spec, components, Found(q, q, *counts), near, began, measured)

    def solve_batch(
        self,
        targets: npt.ArrayLike,
        q_near: npt.ArrayLike | None = None,
        branch: Branch | None = None,
    ) -> IkBatch:
        """Solve N targets in one call of C; see `IkSolver.solve_batch`."""
        began = time.perf_counter()
        rows = checked_target(targets, batch=True, finite=False, task=self.task)
        single, count = np.ascontiguousarray(rows, dtype=np.float32), len(rows)
        near = None if q_near is None else checked_near(self.chain, q_near, count)
        present = self._single(near)
        answers = self._room(count)
        self._native.edge_ik_solve_batch(
            _size(count),
            _address(single),
            ctypes.c_int32(self._code(branch, q_near)),
            _address(present),
            _size(len(self.chain) if present.ndim == 2 else 0),
            _address(answers),
        )
        q, status = answers["q"].astype(np.float64), STATUS.take(answers["status"])
        near_inside = None
        if near is not None:
            q = self.chain.nearest_turn(q, near)
            near_inside = np.broadcast_to(self.chain.within_limits(near), count).copy()
        good = answers["status"] != BAD_TARGET
        inside = None
        if self.workspace is not None:
            harmless = rows if good.all() else np.where(good[:, None], rows, 0.0)
            inside = self.workspace.contains(self.chain, self.task.positions(harmless)) & good
        if not good.all():
            place = self.home if near is None else self.chain.clamp(near)
            q = np.where(good[:, None], q, place)
        errors, seed_errors, angles = (
            np.where(good, answers[name].astype(np.float64), np.nan)
            for name in ("residual", "seed_residual", "rotation")
        )
        return IkBatch(
            q=q,
            q_all=np.asarray(self.chain.q_all(q)),
            position_error_m=errors,
            status=status,
            within_limits=self.chain.within_limits(q),
            in_workspace=inside,
            seed_error_m=seed_errors,
            steps=self.refine_steps,
            microseconds=(time.perf_counter() - began) * 1e6,
            rotation_error_rad=angles if self.task.has_orientation else None,
            branch=answers["branch"].astype(int),
            tried=answers["tried"].astype(int),
            restarts=answers["restarts"].astype(int),
            near_within_limits=near_inside,
            servo=self.spec.servo(q),
        )

    def _room(self, count: int) -> npt.NDArray[Any]:
        """Room for answers, at home: C leaves joints as they are for what is no target."""
        answers = np.zeros(count, self._answer)
        answers["q"] = self.home
        return answers

    def _code(self, branch: Branch | None, q_near: npt.ArrayLike | None) -> int:
        """The branch as the C takes it: a number, or one of those below 0."""
        number = self._number(branch, q_near)
        return CODES[number] if isinstance(number, str) else number

    def _single(self, near: FloatArray | None) -> npt.NDArray[np.float32]:
        """The present joints as C takes them; zeros, which nothing reads, without them."""
        if near is None:
            return np.zeros(len(self.chain), np.float32)
        return np.ascontiguousarray(near, dtype=np.float32)

    def solve_times(self, targets: npt.ArrayLike) -> FloatArray:
        """The time of each solve alone, taken in C (N,) [microseconds]."""
        single = np.ascontiguousarray(targets, dtype=np.float32)
        taken = np.empty(len(single))
        self._native.edge_ik_time(_size(len(single)), _address(single), _address(taken))
        return taken / 1e3


class _FirmwareNetwork(Interpreter):
    """The firmware's network alone, behind the face of the other runtimes."""

    def __init__(self, runtime: str, firmware: Firmware, native: ctypes.CDLL) -> None:
        flatbuffer, _ = read_model(firmware.path)
        super().__init__(runtime, read_graph(flatbuffer))
        self._native = native

    def _network(self, q: npt.NDArray[Any]) -> npt.NDArray[Any]:
        y = np.empty((len(q), self.output_shape[1]), self.dtype)
        self._native.edge_ik_network_batch(_size(len(q)), _address(q), _address(y))
        return y


def find_compiler() -> Path:
    """The C compiler that CC names, or the first of `COMPILERS` that is installed.

    Raises:
        MissingCompilerError: If there is none.
    """
    named = os.environ.get("CC")
    for name in (named,) if named else COMPILERS:
        found = shutil.which(name)
        if found:
            return Path(found)
    raise MissingCompilerError


def build_library(firmware: Firmware, compiler: Path) -> Path:
    """The firmware as a shared library, from the cache or newly compiled.

    Args:
        firmware: The model, ready to be printed.
        compiler: The C compiler.

    Raises:
        FirmwareBuildError, WriteError: If the compiler refuses it, or there is no place for it.
    """
    names = {"name": firmware.name, "NAME": firmware.name.upper()}
    texts = {
        f"{firmware.name}.h": firmware.header(),
        f"{firmware.name}.c": firmware.source(),
        "host.c": filled("c99", "host.c.in", names),
    }
    version = _run([compiler, "--version"]).stdout
    key = hashlib.sha256("\0".join([*texts.values(), *FLAGS, NATIVE, version]).encode())
    library = cache_folder() / f"firmware-{key.hexdigest()[:32]}.so"
    if library.exists():
        return library
    tidy_folder(library.parent, OTHER_CACHE)
    with tempfile.TemporaryDirectory(prefix="edge-ik-host-") as name:
        folder = Path(name)
        for file, text in texts.items():
            (folder / file).write_text(text, encoding="utf-8")
        _compile(compiler, folder / "host.c", folder / library.name)
        write_atomically(library, partial(shutil.copyfile, folder / library.name), OTHER_CACHE)
    return library


def cache_folder() -> Path:
    """Where compiled firmware is kept: `edge-ik` in the user's folder of caches."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "edge-ik"


def _compile(compiler: Path, source: Path, out: Path) -> None:
    result = _run([compiler, *FLAGS, NATIVE, source, "-o", out])
    if result.returncode != 0:
        result = _run([compiler, *FLAGS, source, "-o", out])
    if result.returncode != 0:
        raise FirmwareBuildError(
            f"{compiler} refuses the generated firmware: {result.stderr[:TOLD_CHARACTERS]}"
        )


def _run(command: list[str | Path]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=COMPILE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FirmwareBuildError(f"The compiler {command[0]} cannot be run: {error}.") from error


def _address(values: npt.NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(values.ctypes.data)


def _size(count: int) -> ctypes.c_size_t:
    return ctypes.c_size_t(count)
