"""The error figures, one definition for training, evaluation and exported models."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edge_ik import __version__
from edge_ik.data.focus import FocusCircle
from edge_ik.data.targets import TargetSet, evaluation_targets, unseen_targets
from edge_ik.run import METRICS_FILE, Run
from firmware_host.chain import FloatArray
from firmware_host.errors import ModelFileError
from firmware_host.files import write_json
from firmware_host.problem import IkProblem
from firmware_host.solver import IkSolver
from firmware_host.solving.branches import solve_any
from firmware_host.solving.refine import refinements
from firmware_host.solving.seeding import Seeder
from firmware_host.tolerances import SOLVED_POSITION, SOLVED_ROTATION

REFINE_STEPS = 3
# With an orientation, or joints to spare, the figures of the last steps still differ.
FURTHER_STEPS = 6
# An orientation that is this near counts where a tool is set down by hand [rad].
COARSE_ANGLE = math.radians(1.0)

# Figures of the published reference, in the units of `ErrorFigures`.
REFERENCE = {
    "rmse_m": 0.009,
    "focus_rmse_m": 0.003,
    "joint_error_mean_deg": 1.2,
    "p95_m": 0.015,
    "max_m": 0.025,
}


@dataclass(frozen=True)
class ErrorFigures:
    """How far the answers for a set of targets are off.

    Attributes:
        rmse_m: Root mean square of the position error [m].
        mean_m: Its mean [m].
        p95_m: Its 95th percentile [m].
        max_m: Its maximum [m].
        joint_error_mean_deg: Mean absolute difference to the aspect's own solution, over
            targets and joints [degrees].
        focus_rmse_m: Root mean square of the position error on the focus path [m]; None
            without one.
        solved_1mm: Share of targets with an error under 1 mm and every limit held.
        limit_violations: Targets whose answer breaks a joint limit.
        rotation_mean_deg: Mean angle between the orientation reached and the target's, or
            between the axes [degrees]; None without an orientation.
        solved_1mm_1deg: Of `solved_1mm`, those within 1 degree too; None without an
            orientation.
        solved_1mm_01deg: Of `solved_1mm`, those within 0.1 degrees too; None without an
            orientation.
    """

    rmse_m: float
    mean_m: float
    p95_m: float
    max_m: float
    joint_error_mean_deg: float | None
    focus_rmse_m: float | None
    solved_1mm: float
    limit_violations: int
    rotation_mean_deg: float | None = None
    solved_1mm_1deg: float | None = None
    solved_1mm_01deg: float | None = None


@dataclass(frozen=True)
class Evaluation:
    """Error figures of the network alone and after each number of refinement steps.

    Attributes:
        network: Figures of the network alone.
        refined: Figures by number of steps.
        targets: Number of targets.
        any_branch: Figures of branch "any" by number of steps, on configurations drawn
            from all of joint space, singular ones too; empty for one branch.
    """

    network: ErrorFigures
    refined: dict[int, ErrorFigures]
    targets: int
    any_branch: dict[int, ErrorFigures] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        values: dict[str, Any] = {
            "network": _measured(self.network),
            "refined": _by_steps(self.refined),
            "targets": self.targets,
        }
        if self.any_branch:
            values["any_branch"] = _by_steps(self.any_branch)
        if self.network.rotation_mean_deg is None:
            values["reference"] = REFERENCE
        return values


def _by_steps(figures: Mapping[int, ErrorFigures]) -> dict[str, Any]:
    return {str(steps): _measured(found) for steps, found in figures.items()}


def _measured(figures: ErrorFigures) -> dict[str, Any]:
    """The figures that the task has, by name."""
    return {name: value for name, value in asdict(figures).items() if value is not None}


def evaluate_seeds(seeder: Seeder, targets: TargetSet, steps: int | None = None) -> Evaluation:
    """Measure a network alone and refined.

    Args:
        seeder: The network with its problem.
        targets: What to solve.
        steps: Largest number of refinement steps; by default 6 with an orientation or
            joints to spare, else 3.

    Returns:
        Figures after 0, 1, ..., `steps` steps; each error is recomputed by forward
        kinematics on the clamped joints.
    """
    problem = seeder.spec.problem
    if steps is None:
        further = problem.task.has_orientation or problem.spare_joints
        steps = FURTHER_STEPS if further else REFINE_STEPS
    everything = np.concatenate([targets.target, targets.focus])
    count = len(targets.target)
    asked = np.zeros(len(everything), dtype=int)
    asked[:count] = targets.branch
    seeds = seeder.seeds(everything, asked)
    figures = []
    for q, _ in refinements(problem, seeds, everything, steps):
        distance, angle = problem.errors(q, everything)
        own = distance[:count], angle[:count]
        figures.append(_figures(problem, q[:count], own, distance[count:], targets.q))
    anywhere = {}
    if len(targets.anywhere) and steps > 0:
        for taken in range(1, steps + 1):
            q = solve_any(seeder, targets.anywhere, taken).q
            errors = problem.errors(q, targets.anywhere)
            anywhere[taken] = _figures(problem, q, errors, np.zeros(0), None)
    return Evaluation(figures[0], dict(enumerate(figures[1:], start=1)), count, anywhere)


def evaluate_run(folder: Path, count: int) -> dict[str, Any]:
    """Measure a run's best network and write its `metrics.json`.

    Args:
        folder: The run folder.
        count: Number of unseen targets.

    Returns:
        The figures of `Evaluation.to_dict`, with what was measured.

    Raises:
        RunError: If the folder is not a run, or has no trained network yet.
    """
    from edge_ik.predictor import predictor

    run = Run.load(folder)
    network = run.load_network()
    targets = evaluation_targets(run, count)
    found = evaluate_seeds(Seeder(run.spec, predictor(network)), targets)
    metrics = {
        **found.to_dict(),
        "robot": run.chain.name,
        "parameters": network.count_params(),
        "format": "float32",
        "runtime": "keras",
        "config_hash": run.config.hash(),
        "version": __version__,
    }
    write_json(folder / METRICS_FILE, metrics)
    return metrics


def evaluate_model(path: Path, count: int, runtime: str | None = None) -> dict[str, Any]:
    """Measure an exported model on the targets that its run is measured on.

    Args:
        path: The model file.
        count: Number of unseen targets.
        runtime: What runs the network; see `firmware_host.network.interpreter`.

    Returns:
        The same figures as `evaluate_run`.

    Raises:
        ModelFileError: If the file is damaged or no edge-ik model.
        RuntimeUnavailableError: If the runtime is not installed.
    """
    solver = IkSolver.load(path, runtime)
    provenance = solver.spec.provenance
    try:
        rng_seed = int(provenance["rng_seed"])
        margin = float(provenance["singularity_margin"])
        circle = provenance["focus"]
        focus = None if circle is None else FocusCircle.from_dict(circle)
        every = bool(provenance.get("every_aspect", False))
        described = {
            "parameters": int(provenance["parameters"]),
            "format": str(provenance["quantization"]["format"]),
            "config_hash": str(provenance["config_hash"]),
            "version": str(provenance["version"]),
        }
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"{path} does not say what it was trained on: {type(error).__name__}: {error}."
        ) from error
    targets = unseen_targets(solver.problem, solver.home, margin, rng_seed, focus, count, every)
    found = evaluate_seeds(solver.seeder, targets)
    return {
        **found.to_dict(),
        "robot": solver.chain.name,
        "runtime": solver.runtime,
        **described,
    }


def joint_difference(q: FloatArray, q_true: FloatArray) -> FloatArray:
    """Absolute angle (..., n) [rad] between joint vectors, around the circle."""
    difference: FloatArray = np.abs((q - q_true + np.pi) % (2 * np.pi) - np.pi)
    return difference


def _figures(
    problem: IkProblem,
    q: FloatArray,
    errors: tuple[FloatArray, FloatArray],
    focus_error: FloatArray,
    q_true: FloatArray | None,
) -> ErrorFigures:
    """The figures of answers q (N, n), of `IkProblem.errors` and those on the focus path (M,)."""
    error, angle = errors
    within = problem.chain.within_limits(q)
    near = (error < SOLVED_POSITION) & within
    has_orientation = problem.task.has_orientation
    joint_error = None
    # Of an arm with joints to spare, another posture than the sample's is as good.
    if q_true is not None and not problem.spare_joints:
        joint_error = math.degrees(float(joint_difference(q, q_true).mean()))
    return ErrorFigures(
        rmse_m=float(np.sqrt(np.mean(error**2))),
        mean_m=float(error.mean()),
        p95_m=float(np.quantile(error, 0.95)),
        max_m=float(error.max()),
        joint_error_mean_deg=joint_error,
        focus_rmse_m=float(np.sqrt(np.mean(focus_error**2))) if len(focus_error) else None,
        solved_1mm=float(np.mean(near)),
        limit_violations=int((~within).sum()),
        rotation_mean_deg=math.degrees(float(angle.mean())) if has_orientation else None,
        solved_1mm_1deg=float(np.mean(near & (angle < COARSE_ANGLE))) if has_orientation else None,
        solved_1mm_01deg=float(np.mean(near & (angle < SOLVED_ROTATION)))
        if has_orientation
        else None,
    )
