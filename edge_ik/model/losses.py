"""Losses in workspace and joint space, and the weights that balance them."""

from __future__ import annotations

from typing import Any

from keras import ops

from firmware_host.kinematics import components
from firmware_host.problem import IkProblem

# Keeps the unit circle's projection differentiable at the origin.
CIRCLE_EPSILON = 1e-6


def unit_circle(outputs: Any, joints: int) -> tuple[Any, Any]:
    """Sines and cosines (B, n) from outputs (B, 2n), scaled to length one."""
    sin_q, cos_q = outputs[:, :joints], outputs[:, joints:]
    scale = ops.rsqrt(sin_q * sin_q + cos_q * cos_q + CIRCLE_EPSILON)
    return sin_q * scale, cos_q * scale


def squared_task_error(problem: IkProblem, outputs: Any, labels: Any) -> Any:
    """Squared distance (B,) [m^2] between what the outputs reach and the target.

    Directions count by their chordal distance; see `Task.squared_parts`. Its square is
    smooth everywhere, where the angle itself has a cusp at 0.
    """
    n = problem.joints
    walked = problem.walked(*unit_circle(outputs, n))
    return problem.squared_error(walked, components(labels[:, 2 * n :]))


def squared_angle_error(outputs: Any, labels: Any, joints: int) -> Any:
    """Mean squared error (B,) of sines and cosines; rad^2 a joint where it is small."""
    error = outputs - labels[:, : 2 * joints]
    return ops.sum(error * error, axis=-1) / joints


def balanced_loss(losses: Any, log_variance: Any) -> Any:
    """Sum of the losses, each weighted by a learned uncertainty.

    L = sum_i exp(-s_i) L_i + s_i with s_i = log sigma_i^2 trained along with the
    network (Kendall, Gal and Cipolla, "Multi-task learning using uncertainty to weigh
    losses for scene geometry and semantics", CVPR 2018, up to a factor of one half).

    Args:
        losses: (k,) losses.
        log_variance: (k,) trainable s.

    Returns:
        The scalar to minimize.
    """
    return ops.sum(ops.exp(-log_variance) * losses + log_variance)
