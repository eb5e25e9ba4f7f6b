"""Losses in workspace and joint space, of one head or many, and the weights that balance them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from keras import ops

from firmware_host.kinematics import components, frames
from firmware_host.outputs import HeadOutputs
from firmware_host.problem import IkProblem
from firmware_host.solving.refine import DEFAULT_SETTINGS
from firmware_host.tasks.turn import Encoding, Turn

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
    chain = problem.chain
    turning = problem.task.turning_joints(chain) if problem.spare_joints else ()
    told = sum(2 if chain.circular[joint] else 1 for joint in turning)
    return problem.outputs.size + problem.task.size + told


def split_outputs(outputs: Any, size: int, heads: int) -> tuple[Any, Any]:
    """Heads' numbers (B, K, a), and promises (B, K) or (B, 0), of a network's outputs."""
    own = size * heads
    return ops.reshape(outputs[:, :own], (-1, heads, size)), outputs[:, own:]


def unit_circle(outputs: HeadOutputs, numbers: Any) -> list[Any]:
    """A head's numbers (..., a) part by part, sines and cosines scaled to length one."""
    if outputs.size == 2 * len(outputs.chain):
        sin_q, cos_q = numbers[..., : outputs.size // 2], numbers[..., outputs.size // 2 :]
        scale = ops.rsqrt(sin_q * sin_q + cos_q * cos_q + CIRCLE_EPSILON)
        return [*components(sin_q * scale), *components(cos_q * scale)]
    parts = components(numbers)
    for sine, cosine in outputs.circles:
        scale = ops.rsqrt(parts[sine] ** 2 + parts[cosine] ** 2 + CIRCLE_EPSILON)
        parts[sine], parts[cosine] = parts[sine] * scale, parts[cosine] * scale
    return parts


def squared_task_error(problem: IkProblem, numbers: Any, targets: Any) -> Any:
    """Squared distance (...) [m^2] of what a head's numbers (..., a) reach to targets (..., k).

    Directions count by their chordal distance; see `IkProblem.squared_error`. Its square is
    smooth everywhere, where the angle itself has a cusp at 0.
    """
    place = problem.outputs.placed(unit_circle(problem.outputs, numbers), ops)
    return problem.squared_error(frames(problem.chain, *place), components(targets))


def squared_error_after_step(problem: IkProblem, answers: Any, labels: Any) -> Any:
    """`squared_task_error` (B, K) of heads after one refinement step, clamped to the limits.

    Joints are kept within those limits that the network can know of: where it does not see
    how far a target has turned a joint, that joint is left free.

    Args:
        problem: The robot and the task.
        answers: (B, K, a) numbers of K heads.
        labels: (B, l) as `features_and_labels` gives them.
    """
    chain, outputs = problem.chain, problem.outputs
    turning = problem.task.turning_joints(chain)
    bounded = ~chain.periodic
    numbers = unit_circle(outputs, answers)
    target = components(labels[:, None, outputs.size :][..., : problem.task.size])
    if turning and problem.spare_joints:
        encoding = _told_moves(problem, labels)
        every = encoding.with_moves([part[:, None] for part in encoding.moves()])
        numbers = outputs.turned(numbers, every)
        own = outputs.turned(components(labels[:, : outputs.size]), encoding)
        reached = problem.task.reached(frames(chain, *outputs.placed(own, ops)))
        target = [part[:, None] for part in reached]
    else:
        bounded[list(turning)] = False
    limits = [
        (lower, upper, circular) if held else None
        for lower, upper, circular, held in zip(
            chain.lower.tolist(),
            chain.upper.tolist(),
            chain.circular.tolist(),
            bounded.tolist(),
            strict=True,
        )
    ]
    q = list(map(_within, outputs.read(numbers, ops.arctan2), limits))
    distance_squared, newton = problem.compiled_step
    settings = DEFAULT_SETTINGS
    sines, cosines = chain.placed(q, ops)
    place = [*sines, *cosines, *target]
    _, *dq = newton(*place, settings.damping, settings.damping_floor, *problem.unheld)
    # A joint that never moves the tool has a plain 0 for its change.
    changes = [ops.zeros_like(value) + change for value, change in zip(q, dq, strict=True)]
    most = (settings.max_step * chain.scales).tolist()
    moved = [
        _within(value + ops.clip(change, -step, step), limit)
        for value, change, step, limit in zip(q, changes, most, limits, strict=True)
    ]
    sines, cosines = chain.placed(moved, ops)
    (squared,) = distance_squared(*sines, *cosines, *target)
    return squared


def _told_moves(problem: IkProblem, labels: Any) -> Encoding:
    """How far each target has moved the robot's outer joints, as labels (B, l) tell it."""
    turning = problem.task.turning_joints(problem.chain)
    circular = problem.chain.circular
    start = problem.outputs.size + problem.task.size
    turns = {joint: Turn(0.0, 1.0) for joint in turning if circular[joint]}
    shifts = {joint: 0.0 for joint in turning if not circular[joint]}
    return Encoding([], turns, shifts).with_moves(components(labels[:, start:]))


def _within(value: Any, limit: tuple[float, float, bool] | None) -> Any:
    """Numbers of a joint brought into its limits, by a whole turn if it is circular."""
    if limit is None:
        return value
    lower, upper, circular = limit
    if circular:
        turns = ops.round((value - (lower + upper) / 2) / (2 * math.pi))
        value = value - 2 * math.pi * turns
    return ops.clip(value, lower, upper)


def squared_joint_error(numbers: Any, labels: Any, joints: int) -> Any:
    """Mean squared error (...) of heads' numbers (..., a).

    rad^2 a joint where it is small; of one that is not circular, in halves of its range.
    """
    error = numbers - labels
    return ops.sum(error * error, axis=-1) / joints


def excess_length(outputs: HeadOutputs, numbers: Any) -> Any:
    """Mean square of the squared length of each (sin, cos) beyond `FREE_LENGTH_SQUARED`.

    The same of the number of a joint that is not circular, whose range has length 1.
    """
    joints = len(outputs.chain)
    squared = numbers[..., :joints] ** 2
    if outputs.size == 2 * joints:
        squared = squared + numbers[..., joints:] ** 2
    else:
        parts = components(squared)
        for sine, cosine in outputs.circles:
            parts[sine] = parts[sine] + numbers[..., cosine] ** 2
        squared = ops.stack(parts, axis=-1)
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
        angle: (B,) its mean squared error of sines and cosines, and of other joints' numbers.
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
    n, reach, own = problem.joints, problem.chain.reach, problem.outputs.size
    size = problem.task.size
    answer, target = labels[:, :own], labels[:, own : own + size]
    if heads == 1:
        position = squared_task_error(problem, outputs, target)
        angle = squared_joint_error(outputs, answer, n)
        # The reach makes the workspace error a number without a unit, like the angle's.
        return Judged(position, angle, ops.stack([ops.mean(position) / reach**2, ops.mean(angle)]))
    answers, promises = split_outputs(outputs, own, heads)
    angles = squared_joint_error(answers, answer[:, None], n)  # (B, K)
    winner = ops.one_hot(ops.argmin(angles, axis=-1), heads)  # (B, K)
    angle = ops.sum(angles * winner, axis=-1)
    won = ops.sum(answers * winner[..., None], axis=1)
    position = squared_task_error(problem, won, target)
    after = squared_error_after_step(problem, ops.stop_gradient(answers), labels)
    missed = ops.mean((promises - ops.stop_gradient(promise(after, reach))) ** 2)
    losses = [
        robust_mean(position) / reach**2,
        robust_mean(angle) + EXCESS_WEIGHT * excess_length(problem.outputs, answers),
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
