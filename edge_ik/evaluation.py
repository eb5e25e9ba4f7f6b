"""The error figures, one definition for training, evaluation and exported models."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from edge_ik.config import Config
from edge_ik.data.aspects import Aspect, find_home_aspect, sample_aspect
from edge_ik.data.sampling import FocusCircle
from firmware_host.chain import Chain, FloatArray
from firmware_host.encoding import Normalization, decode_joints, network_features
from firmware_host.kinematics import tool_position
from firmware_host.refine import refinements
from firmware_host.solver import Predict

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


def evaluation_targets(
    chain: Chain, home: tuple[float, ...], config: Config, focus: FocusCircle, count: int
) -> TargetSet:
    """The targets that a run's final figures are measured on, unseen in training."""
    seed = config.training.rng_seed
    aspect = find_home_aspect(
        chain, home, config.arm.singularity_margin, stream(seed, ASPECT_STREAM)
    )
    return draw_targets(aspect, focus, count, stream(seed, EVALUATION_STREAM))


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
