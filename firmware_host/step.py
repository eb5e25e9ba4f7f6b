"""One damped-least-squares step: its equations, and what is recorded of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from firmware_host.kinematics import Scalar, add, dot, mul, sub
from firmware_host.linear import gram, solve_symmetric
from firmware_host.straightline import Symbol, Tape


@dataclass(frozen=True, eq=False)
class StepTrace:
    """The arithmetic of one step of a problem, recorded but not yet compiled.

    Attributes:
        tape: The operations.
        sines: s inputs, the sine of each segment's angle, or its displacement [m]; or what they
            are of other inputs.
        cosines: The same of the cosine of each segment's angle; unused where it slides.
        target: k inputs, the components that the task names.
        damping: Input, `RefineSettings.damping`.
        floor: Input, `RefineSettings.damping_floor`.
        held: Two inputs for each joint with stops, as `IkProblem.held` gives them: first of
            each joint h [m^2], or with joints to spare 1, and 0 for one whose change is
            given; then of each h times that change, or with joints to spare the change [rad, L].
        squared: Output, the squared distance [m^2]; needs neither damping nor floor.
        dq: n outputs, the joint changes [rad, m], not yet bounded.
    """

    tape: Tape
    sines: list[Symbol]
    cosines: list[Symbol]
    target: list[Symbol]
    damping: Symbol
    floor: Symbol
    held: list[Symbol]
    squared: Scalar
    dq: list[Scalar]


def whole_step(
    columns: Sequence[Sequence[Scalar]],
    e: Sequence[Scalar],
    strength: Scalar,
    given: Mapping[int, tuple[Scalar, Scalar]],
) -> list[Scalar]:
    """A step dq (n,) [rad, L] = (J^T J + diag(strength + h))^-1 (J^T e + h b).

    Args:
        columns: n columns of J (m,) [m].
        e: (m,) the error [m].
        strength: lambda^2 [m^2].
        given: For joints with stops h [m^2], and h times the change b that is given.
    """
    rows = [[column[k] for column in columns] for k in range(len(e))]  # m of (n,)
    matrix, right = gram(rows, strength), [dot(column, e) for column in columns]
    for joint, (stiffness, pull) in given.items():
        matrix[joint][joint] = add(matrix[joint][joint], stiffness)
        right[joint] = add(right[joint], pull)
    return solve_symmetric(matrix, right)


def spare_step(
    columns: Sequence[Sequence[Scalar]],
    e: Sequence[Scalar],
    strength: Scalar,
    given: Mapping[int, tuple[Scalar, Scalar]],
) -> list[Scalar]:
    """A step dq (n,) [rad, L] with joints to spare: J^T (J J^T + lambda^2 I)^-1 (e - J b).

    Args:
        columns: n columns of J (m,) [m].
        e: (m,) the error [m].
        strength: lambda^2 [m^2].
        given: For joints with stops 1, or 0 where the change is given, and the change b [rad, L].
    """
    rows = range(len(e))
    free = [
        tuple(mul(given[joint][0], part) for part in column) if joint in given else column
        for joint, column in enumerate(columns)
    ]
    rest = list(e)
    if given:
        changes = [change for _, change in given.values()]
        rest = [sub(e[k], dot(changes, [columns[joint][k] for joint in given])) for k in rows]
    weights = solve_symmetric(gram(free, strength), rest)  # (m,)
    dq = [dot(column, weights) for column in free]  # (n,) [rad]
    return [add(step, given[joint][1]) if joint in given else step for joint, step in enumerate(dq)]
