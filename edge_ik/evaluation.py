"""The error figures, one definition for training, evaluation and exported models."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_ik import __version__
from edge_ik.data.aspects import Aspect, find_home_aspect, sample_aspect
from edge_ik.data.sampling import FocusCircle
from edge_ik.run import METRICS_FILE, Run
from firmware_host.chain import Chain, FloatArray
from firmware_host.encoding import Normalization, decode_joints, network_features
from firmware_host.errors import ModelFileError
from firmware_host.files import write_json
from firmware_host.kinematics import tool_position
from firmware_host.model_file import read_model
from firmware_host.refine import refinements
from firmware_host.solver import IkSolver, Predict

REFINE_STEPS = 3
SOLVED_TOLERANCE = 1e-3  # [m]
FOCUS_TARGETS = 10_000

# Figures of the published reference, in the units of `ErrorFigures`.
REFERENCE = {
    "rmse_m": 0.009,
    "focus_rmse_m": 0.003,
    "joint_error_mean_deg": 1.2,
    "p95_m": 0.015,
    "max_m": 0.025,
}

# Independent streams of random numbers drawn from one seed.
ASPECT_STREAM, POOL_STREAM, VALIDATION_STREAM, EVALUATION_STREAM = range(4)


def stream(rng_seed: int, index: int) -> np.random.Generator:
    """The generator of one purpose; streams of one seed share no numbers."""
    return np.random.default_rng([rng_seed, index])


def aspect_stream() -> np.random.Generator:
    """The generator that aspects are found with: they are the robot's, whatever the run's seed."""
    return stream(0, ASPECT_STREAM)


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
        focus_rmse_m: Root mean square of the position error on the focus path [m].
        solved_1mm: Share of targets with an error under 1 mm and every limit held.
        limit_violations: Targets whose answer breaks a joint limit.
    """

    rmse_m: float
    mean_m: float
    p95_m: float
    max_m: float
    joint_error_mean_deg: float
    focus_rmse_m: float
    solved_1mm: float
    limit_violations: int


@dataclass(frozen=True)
class Evaluation:
    """Error figures of the network alone and after each number of refinement steps.

    Attributes:
        network: Figures of the network alone.
        refined: Figures by number of steps.
        targets: Number of targets.
    """

    network: ErrorFigures
    refined: dict[int, ErrorFigures]
    targets: int

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "network": asdict(self.network),
            "refined": {str(steps): asdict(figures) for steps, figures in self.refined.items()},
            "targets": self.targets,
            "reference": REFERENCE,
        }


@dataclass(frozen=True, eq=False)
class TargetSet:
    """Targets with the aspect's own solutions.

    Attributes:
        q: (N, n) joint vectors, uniform in the aspect [rad].
        position: (N, 3) their tool positions: the targets [m].
        focus: (M, 3) targets on the focus path [m].
    """

    q: FloatArray
    position: FloatArray
    focus: FloatArray


def draw_targets(
    aspect: Aspect, focus: FocusCircle, count: int, rng: np.random.Generator
) -> TargetSet:
    """Targets uniform in the aspect's joint space, and along the focus path."""
    chain = aspect.chain
    q = sample_aspect(aspect, count, rng)
    angles = rng.uniform(0, 2 * math.pi, FOCUS_TARGETS)
    return TargetSet(q, tool_position(chain, np.sin(q), np.cos(q)), focus.points(angles))


def evaluation_targets(run: Run, count: int) -> TargetSet:
    """The targets that a run's final figures are measured on, unseen in training."""
    training, margin = run.config.training, run.config.arm.singularity_margin
    return unseen_targets(run.chain, run.home, margin, training.rng_seed, run.focus, count)


def unseen_targets(
    chain: Chain,
    home: npt.ArrayLike,
    singularity_margin: float,
    rng_seed: int,
    focus: FocusCircle,
    count: int,
) -> TargetSet:
    """Targets in the aspect of a posture, from a stream that training never draws from."""
    aspect = find_home_aspect(chain, home, singularity_margin, aspect_stream())
    return draw_targets(aspect, focus, count, stream(rng_seed, EVALUATION_STREAM))


def evaluate(
    chain: Chain,
    normalization: Normalization,
    predict: Predict,
    targets: TargetSet,
    steps: int = REFINE_STEPS,
) -> Evaluation:
    """Measure a network alone and refined.

    Args:
        chain: The robot.
        normalization: Statistics of the features.
        predict: The network, from features (N, 6) to sines and cosines (N, 2n).
        targets: What to solve.
        steps: Largest number of refinement steps.

    Returns:
        Figures after 0, 1, ..., `steps` steps; each error is recomputed by forward
        kinematics on the clamped joints.
    """
    everything = np.concatenate([targets.position, targets.focus])
    seeds = decode_joints(chain, predict(network_features(chain, normalization, everything)))
    count = len(targets.position)
    figures = [
        _figures(chain, q[:count], error[:count], error[count:], targets.q)
        for q, error in refinements(chain, seeds, everything, steps)
    ]
    return Evaluation(figures[0], dict(enumerate(figures[1:], start=1)), count)


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
    found = evaluate(run.chain, run.normalization, predictor(network), targets)
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
        runtime: What runs the network; see `firmware_host.interpreter`.

    Returns:
        The same figures as `evaluate_run`.

    Raises:
        ModelFileError: If the file is damaged or no edge-ik model.
        RuntimeUnavailableError: If the runtime is not installed.
    """
    solver = IkSolver.load(path, runtime)
    _, record = read_model(path)
    provenance = record["provenance"]
    try:
        rng_seed = int(provenance["rng_seed"])
        margin = float(provenance["singularity_margin"])
        focus = FocusCircle.from_dict(provenance["focus"])
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
    targets = unseen_targets(solver.chain, solver.home, margin, rng_seed, focus, count)
    found = evaluate(solver.chain, solver.normalization, solver.predict, targets)
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
    chain: Chain, q: FloatArray, error: FloatArray, focus_error: FloatArray, q_true: FloatArray
) -> ErrorFigures:
    held = chain.within_limits(q)
    return ErrorFigures(
        rmse_m=float(np.sqrt(np.mean(error**2))),
        mean_m=float(error.mean()),
        p95_m=float(np.quantile(error, 0.95)),
        max_m=float(error.max()),
        joint_error_mean_deg=math.degrees(float(joint_difference(q, q_true).mean())),
        focus_rmse_m=float(np.sqrt(np.mean(focus_error**2))),
        solved_1mm=float(np.mean((error < SOLVED_TOLERANCE) & held)),
        limit_violations=int((~held).sum()),
    )
