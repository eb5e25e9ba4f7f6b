"""What a report is of: a model file or a run folder, opened, with what lies beside it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_ik import __version__
from edge_ik.data.focus import FocusCircle
from edge_ik.run import BEST_FILE, Run
from edge_ik.run_folder import RUN_FILE
from firmware_host.bounds import bounded
from firmware_host.errors import EdgeIkError, ModelFileError
from firmware_host.inspect_model import inspect_network
from firmware_host.model_file import read_model
from firmware_host.network.flatbuffer import read_graph
from firmware_host.solver import IkSolver

FLOAT = "float32"
# Files beside a model that are looked into, at most.
MOST_BESIDE = 32


@dataclass(frozen=True)
class Origin:
    """Where a model comes from, as far as it says so.

    Attributes:
        version: The edge-ik that made it.
        config_hash: Of its configuration.
        rng_seed: Of its training.
        one_branch: Whether it was trained in the branch of the home posture alone.
        focus: The focus circle, if there is one.
        format: float32, dynamic, int8 or int16x8.
        parameters: Numbers that its operators use.
        sha256: Of the network's own bytes.
        size_bytes: Of the file.
    """

    version: str
    config_hash: str
    rng_seed: int
    one_branch: bool
    focus: FocusCircle | None
    format: str
    parameters: int
    sha256: str
    size_bytes: int


@dataclass(frozen=True, eq=False)
class Twin:
    """The same network in floats beside the one in integers.

    Attributes:
        exact: The solver of the one in floats.
        rounded: The solver of the other.
        names: What both are called.
    """

    exact: IkSolver
    rounded: IkSolver
    names: tuple[str, str]


@dataclass(frozen=True, eq=False)
class Subject:
    """One model of a report.

    Attributes:
        path: As it was given.
        label: What it is called on the page.
        solver: It, ready to solve.
        origin: Where it comes from.
        run: The run folder that it is or that it was exported from, or why there is none.
        twin: The network in floats and the one in integers, or why there are no two.
    """

    path: Path
    label: str
    solver: IkSolver
    origin: Origin
    run: Run | str
    twin: Twin | str

    @property
    def exported(self) -> Path | None:
        """The exported model: it, or of a run folder one that was exported from it."""
        if not self.path.is_dir():
            return self.path
        folder = self.path / "export"
        beside = [
            path for exact in (False, True) for path, _ in _beside(folder, self.origin, exact)
        ]
        return beside[0] if beside else None


def labels(paths: Sequence[Path]) -> list[str]:
    """What models are called: their names, with so many folders that no two are alike."""
    parts = [path.resolve().parts for path in paths]
    for count in range(1, max(map(len, parts)) + 1):
        found = ["/".join(each[-count:]) for each in parts]
        if len(set(found)) == len(set(parts)):
            return found
    raise AssertionError("different paths differ somewhere")


def open_model(path: Path, label: str, runtime: str | None = None) -> Subject:
    """A model file with what lies beside it.

    Args:
        path: The `.tflite`.
        label: What it is called.
        runtime: What runs the network; see `firmware_host.network.runtimes`.

    Raises:
        ModelFileError: If the file is damaged or no edge-ik model.
        RuntimeUnavailableError: If the runtime is not installed.
    """
    solver = IkSolver.load(path, runtime)
    origin = _origin_of_file(path, solver)
    run = _run_of(path, origin)
    twin = _twin_of_file(path, solver, origin, run)
    return Subject(path, label, solver, origin, run, twin)


def open_run(run: Run, label: str) -> Subject:
    """A run, solved by Keras, with its export.

    Args:
        run: The run.
        label: What it is called.

    Raises:
        RunError: If it has no trained network yet.
        ModuleNotFoundError: If TensorFlow is not installed.
    """
    folder = run.folder
    solver, parameters = _keras_solver(run)
    best = folder / BEST_FILE
    origin = Origin(
        version=__version__,
        config_hash=run.config.hash(),
        rng_seed=run.config.training.rng_seed,
        one_branch=run.one_branch,
        focus=run.focus,
        format=FLOAT,
        parameters=parameters,
        sha256=hashlib.sha256(best.read_bytes()).hexdigest(),
        size_bytes=best.stat().st_size,
    )
    twin: Twin | str = (
        "There is no model in integers in its folder `export`; edge-ik export writes one."
    )
    for path, _ in _beside(folder / "export", origin, exact=False):
        twin = Twin(solver, IkSolver.load(path), (label, path.name))
        break
    return Subject(folder, label, solver, origin, run, twin)


def _keras_solver(run: Run) -> tuple[IkSolver, int]:
    """A solver that runs a run's network in Keras, and how many parameters that has."""
    from edge_ik.predictor import predictor

    network = run.load_network()
    return IkSolver(run.spec, predictor(network), runtime="keras"), int(network.count_params())


def _origin_of_file(path: Path, solver: IkSolver) -> Origin:
    """What a model file says of where it comes from.

    Raises:
        ModelFileError: If what it says cannot be read.
    """
    flatbuffer, _ = read_model(path)
    said = solver.spec.provenance
    parameters = inspect_network(read_graph(flatbuffer))["parameters"]
    try:
        circle = said.get("focus")
        quantization = said.get("quantization", {})
        return Origin(
            version=str(said.get("version", "")),
            config_hash=str(said.get("config_hash", "")),
            rng_seed=int(said.get("rng_seed", 0)),
            one_branch=said.get("trained_branches") == "home",
            focus=None if circle is None else _circle(circle),
            format=str(quantization.get("format", "")),
            parameters=int(said.get("parameters", parameters)),
            sha256=hashlib.sha256(flatbuffer).hexdigest(),
            size_bytes=path.stat().st_size,
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ModelFileError(
            f"{path} does not say what it was trained on: {type(error).__name__}: {error}."
        ) from error


def _circle(values: Mapping[str, Any]) -> FocusCircle:
    """The focus circle of a record; ValueError if it is none."""
    circle = FocusCircle.from_dict(values)
    if not bounded([*circle.center, circle.radius, *circle.normal]) or not any(circle.normal):
        raise ValueError("the focus circle has no usable size")
    return circle


def _run_of(path: Path, origin: Origin) -> Run | str:
    """The run folder that a model was exported from, or why it cannot be used."""
    reason = "Its run folder is not where edge-ik export writes, above the folder of the model."
    own = path.resolve().parent
    if not path.is_absolute():
        # What is told of its folders is read where its path is: no place of this machine.
        own = Path(os.path.relpath(own))
    for folder in (Path(os.path.normpath(own / "..")), own):
        if not (folder / RUN_FILE).is_file():
            continue
        try:
            run = Run.load(folder)
        except EdgeIkError as error:
            reason = str(error)
            continue
        if run.config.hash() == origin.config_hash:
            return run
        reason = f"The run folder '{folder}' is of another training."
    return reason


def _beside(folder: Path, origin: Origin, exact: bool) -> list[tuple[Path, str]]:
    """Models in a folder of the same training, in floats or in integers, and their formats."""
    found = []
    for path in sorted(folder.glob("*.tflite"))[:MOST_BESIDE]:
        try:
            _, record = read_model(path)
        except EdgeIkError:
            continue
        said = record.get("provenance")
        if not isinstance(said, Mapping) or said.get("config_hash") != origin.config_hash:
            continue
        format_ = _format(said)
        if (format_ == FLOAT) == exact and format_:
            found.append((path, format_))
    # What is most often deployed comes first.
    return sorted(found, key=lambda each: each[1] != "int8")


def _format(said: Mapping[str, Any]) -> str:
    quantization = said.get("quantization")
    return str(quantization.get("format", "")) if isinstance(quantization, Mapping) else ""


def _twin_of_file(path: Path, solver: IkSolver, origin: Origin, run: Run | str) -> Twin | str:
    """A model file beside the same network in the other kind of numbers, or why there is none."""
    exact = origin.format == FLOAT
    for other, _ in _beside(path.resolve().parent, origin, exact=not exact):
        found = IkSolver.load(other)
        if exact:
            return Twin(solver, found, (path.name, other.name))
        return Twin(found, solver, (other.name, path.name))
    if exact:
        return "No model of the same training in integers lies beside this one in floats."
    if isinstance(run, str):
        return (
            f"No float32 model of the same training lies beside it. {run} "
            "edge-ik export RUN --quantize float32 --quantize int8 writes both."
        )
    try:
        keras, _ = _keras_solver(run)
    except ModuleNotFoundError as error:
        return (
            f"Its run folder holds the network in floats, which needs the package '{error.name}' "
            "to run: pip install 'edge-ik[train]'."
        )
    except EdgeIkError as error:
        return str(error)
    return Twin(keras, solver, (f"{run.folder.name} (Keras)", path.name))
