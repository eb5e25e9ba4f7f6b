"""Losses in workspace and joint space, of one head or many, and the weights that balance them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from keras import ops

from firmware_host.kinematics import components, frames
from firmware_host.problem import IkProblem
from firmware_host.solving.refine import DEFAULT_SETTINGS
from firmware_host.tasks.turn import Turn

# Keeps the unit circle's projection differentiable at the origin.
CIRCLE_EPSILON = 1e-6

# Of a mean that heeds easy samples more than a plain one, so that the few hardest, near
# singularities, do not rule the gradient: weights L^(power - 1), and what keeps them finite.
MEAN_POWER, MEAN_FLOOR = 0.75, 1e-7

# Sines and cosines of a head that wins nothing may grow to this squared length at no cost;
# beyond it they would waste the range of an integer output.
FREE_LENGTH_SQUARED = 1.3

# What the promises' loss counts beside the answers' losses, and the excess length of idle
# heads beside the angle loss.
PROMISE_WEIGHT, EXCESS_WEIGHT = 0.1, 0.1

# Promise is linear in the logarithm of the error over the reach: -1 at 1, and 1 at 1e-5.
PROMISE_MIDDLE, PROMISE_SPAN = -2.5, 2.5
SMALLEST_ERROR_SQUARED = 1e-10


def label_size(problem: IkProblem) -> int:
    """How many numbers a label has; see `features_and_labels`."""
    turns = problem.task.turning_joints(problem.chain) if problem.spare_joints else ()
    return 2 * problem.joints + len(problem.task.component_names) + 2 * len(turns)


def split_outputs(outputs: Any, joints: int, heads: int) -> tuple[Any, Any]:
    """Sines and cosines (B, K, 2n), and promises (B, K) or (B, 0), of a network's outputs."""
    size = 2 * joints * heads
    return ops.reshape(outputs[:, :size], (-1, heads, 2 * joints)), outputs[:, size:]


def unit_circle(outputs: Any, joints: int) -> tuple[Any, Any]:
    """Sines and cosines (..., n) from outputs (..., 2n), scaled to length one."""
    sin_q, cos_q = outputs[..., :joints], outputs[..., joints:]
    scale = ops.rsqrt(sin_q * sin_q + cos_q * cos_q + CIRCLE_EPSILON)
    return sin_q * scale, cos_q * scale


def squared_task_error(problem: IkProblem, outputs: Any, targets: Any) -> Any:
    """Squared distance (...) [m^2] between what the outputs (..., 2n) reach and targets (..., k).

    Directions count by their chordal distance; see `IkProblem.squared_error`. Its square is
    smooth everywhere, where the angle itself has a cusp at 0.
    """
    sin_q, cos_q = unit_circle(outputs, problem.joints)
    walked = frames(problem.chain, components(sin_q), components(cos_q))
    return problem.squared_error(walked, components(targets))


def squared_error_after_step(problem: IkProblem, answers: Any, labels: Any) -> Any:
    """`squared_task_error` (B, K) of heads after one refinement step, clamped to the limits.

    Joints are kept within those limits that the network can know of: where it does not see
    how far a target has turned a joint, that joint is left free.

    Args:
        problem: The robot and the task.
        answers: (B, K, 2n) sines and cosines of K heads.
        labels: (B, l) as `features_and_labels` gives them.
    """
    n, size = problem.joints, len(problem.task.component_names)
    chain, turning = problem.chain, problem.task.turning_joints(problem.chain)
    bounded = ~chain.periodic
    sines, cosines = (components(part) for part in unit_circle(answers, n))
    target = labels[:, None, 2 * n : 2 * n + size]
    if turning and problem.spare_joints:
        own = [components(labels[:, :n]), components(labels[:, n : 2 * n])]
        for number, joint in enumerate(turning):
            sin, cos = components(labels[:, 2 * n + size + 2 * number :][:, :2])
            sines[joint], cosines[joint] = Turn(sin[:, None], cos[:, None]).applied(
                sines[joint], cosines[joint]
            )
            own[0][joint], own[1][joint] = Turn(sin, cos).applied(own[0][joint], own[1][joint])
        reached = problem.task.reached(frames(chain, *own))
        target = ops.stack(reached, axis=-1)[:, None]
    else:
        bounded[list(turning)] = False
    limits = [
        (lower, upper) if held else None
        for lower, upper, held in zip(
            chain.lower.tolist(), chain.upper.tolist(), bounded.tolist(), strict=True
        )
    ]
    angles = [
        _within(ops.arctan2(s, c), limit)
        for s, c, limit in zip(sines, cosines, limits, strict=True)
    ]
    place = [*map(ops.sin, angles), *map(ops.cos, angles), *components(target)]
    distance_squared, newton = problem.compiled_step
    settings = DEFAULT_SETTINGS
    _, *dq = newton(*place, settings.damping, settings.damping_floor, *problem.unheld)
    # A joint that never moves the tool has a plain 0 for its change.
    changes = [ops.zeros_like(angle) + change for angle, change in zip(angles, dq, strict=True)]
    moved = [
        _within(angle + ops.clip(change, -settings.max_step, settings.max_step), limit)
        for angle, change, limit in zip(angles, changes, limits, strict=True)
    ]
    (squared,) = distance_squared(*map(ops.sin, moved), *map(ops.cos, moved), *components(target))
    return squared


def _within(angle: Any, limit: tuple[float, float] | None) -> Any:
    """Angles brought into a joint's limits, by a whole turn if that helps."""
    if limit is None:
        return angle
    lower, upper = limit
    turns = ops.round((angle - (lower + upper) / 2) / (2 * math.pi))
    return ops.clip(angle - 2 * math.pi * turns, lower, upper)


def squared_angle_error(outputs: Any, labels: Any, joints: int) -> Any:
    """Mean squared error (...) of sines and cosines (..., 2n); rad^2 a joint where it is small."""
    error = outputs - labels
    return ops.sum(error * error, axis=-1) / joints


def excess_length(outputs: Any, joints: int) -> Any:
    """Mean square of the squared length of each (sin, cos) beyond `FREE_LENGTH_SQUARED`."""
    squared = outputs[..., :joints] ** 2 + outputs[..., joints:] ** 2
    return ops.mean(ops.maximum(squared - FREE_LENGTH_SQUARED, 0.0) ** 2)


def promise(squared_error: Any, reach: float) -> Any:
    """How promising a head is (...), from -1 to 1, of its squared error [m^2]."""
    relative = ops.log(squared_error / reach**2 + SMALLEST_ERROR_SQUARED) / math.log(100.0)
    return ops.clip(-(relative - PROMISE_MIDDLE) / PROMISE_SPAN, -1.0, 1.0)


def robust_mean(values: Any) -> Any:
    """Mean of losses (B,), weighted by their power `MEAN_POWER` - 1."""
    weights = ops.stop_gradient(values + MEAN_FLOOR) ** (MEAN_POWER - 1.0)
    return ops.sum(values * weights) / ops.sum(weights)


class Judged(NamedTuple):
    """How a network's outputs for a batch compare with the labels.

    Attributes:
        position: (B,) squared task error of the head nearest to each label [m^2].
        angle: (B,) its mean squared error of sines and cosines.
        losses: (2,) losses of task and joints, without a unit; with several heads (3,), the
            last that of their promises.
    """

    position: Any
    angle: Any
    losses: Any


def judged(problem: IkProblem, heads: int, outputs: Any, labels: Any) -> Judged:
    """Compare outputs with labels (B, l), as `features_and_labels` gives them.

    Of several heads the winner takes all: a sample trains the one that is nearest to its
    label, and no other, so that the heads part joint space among themselves where labels
    demand it (Guzman-Rivera, Batra and Kohli, "Multiple Choice Learning", NeurIPS 2012;
    Rupprecht et al., "Learning in an Uncertain World", ICCV 2017). All heads learn to
    tell how promising they are: their own error after one refinement step.
    """
    n, reach = problem.joints, problem.chain.reach
    size = len(problem.task.component_names)
    answer, target = labels[:, : 2 * n], labels[:, 2 * n : 2 * n + size]
    if heads == 1:
        position = squared_task_error(problem, outputs, target)
        angle = squared_angle_error(outputs, answer, n)
        # The reach makes the workspace error a number without a unit, like the angle's.
        return Judged(position, angle, ops.stack([ops.mean(position) / reach**2, ops.mean(angle)]))
    answers, promises = split_outputs(outputs, n, heads)
    angles = squared_angle_error(answers, answer[:, None], n)  # (B, K)
    winner = ops.one_hot(ops.argmin(angles, axis=-1), heads)  # (B, K)
    angle = ops.sum(angles * winner, axis=-1)
    won = ops.sum(answers * winner[..., None], axis=1)
    position = squared_task_error(problem, won, target)
    after = squared_error_after_step(problem, ops.stop_gradient(answers), labels)
    missed = ops.mean((promises - ops.stop_gradient(promise(after, reach))) ** 2)
    losses = [
        robust_mean(position) / reach**2,
        robust_mean(angle) + EXCESS_WEIGHT * excess_length(answers, n),
        missed,
    ]
    return Judged(position, angle, ops.stack(losses))


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
