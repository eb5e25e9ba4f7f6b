"""What ties an MJCF model's joints together beyond its tree: equalities of MuJoCo.

An equality of two joints, or of tendons that are weighted sums of them, is linear in q if its
polynomial is: one joint then follows another (a mimic joint), or is held. What is left, closed
loops above all, is looked at through its Jacobian J at the reference posture: the joints of a
chain move independently if the others can make good whatever they do,
rank J[:, others] = rank J.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_ik.arms.description import Loop
from firmware_host.chain import FloatArray

# Singular values below this share of the largest are rounding.
RANK = 1e-6


@dataclass(frozen=True)
class Coupling:
    """How one joint follows another: q = multiplier * q_leader + offset.

    Attributes:
        leader: Name of the other joint; None if this one is held at `offset`.
        multiplier: As in the equation.
        offset: As in the equation [rad or m].
    """

    leader: str | None
    multiplier: float
    offset: float


def couplings(
    mujoco: Any, model: Any, names: list[str]
) -> tuple[dict[int, Coupling], tuple[int, ...]]:
    """The joints that follow others.

    Args:
        mujoco: The package.
        model: The compiled model.
        names: Names of its joints.

    Returns:
        For joints by number how they follow, and the numbers of the equalities that are not
        told by that.
    """
    tied: dict[int, Coupling] = {}
    untold = []
    for equality in range(model.neq):
        if not model.eq_active0[equality]:
            continue
        row = _linear_row(mujoco, model, equality)
        first = int(model.eq_obj1id[equality])
        if model.eq_type[equality] != int(mujoco.mjtEq.mjEQ_JOINT):
            first = -1
        follower = -1 if row is None else _follower(row[0], first, tied)
        if row is None or follower < 0:
            untold.append(equality)
            continue
        weights, constant = row
        weight = weights.pop(follower)
        leader = next(iter(weights), None)
        tied[follower] = Coupling(
            None if leader is None else names[leader],
            0.0 if leader is None else -weights[leader] / weight,
            constant / weight,
        )
    return tied, tuple(untold)


def _linear_row(mujoco: Any, model: Any, equality: int) -> tuple[dict[int, float], float] | None:
    """The equality as sum_j w_j q_j = c over at most two joints; None if it is no such."""
    kind = int(model.eq_type[equality])
    joint_kind = int(mujoco.mjtEq.mjEQ_JOINT)
    if kind not in (joint_kind, int(mujoco.mjtEq.mjEQ_TENDON)):
        return None
    a = model.eq_data[equality, :5]
    second = int(model.eq_obj2id[equality])
    if second >= 0 and np.any(a[2:] != 0):
        return None
    # y - y0 = a0 + a1 (x - x0); without a second object y - y0 = a0.
    sides = [(int(model.eq_obj1id[equality]), 1.0)]
    if second >= 0:
        sides.append((second, -float(a[1])))
    weights: dict[int, float] = {}
    for number, factor in sides:
        if kind == joint_kind:
            parts = {number: 1.0}
        else:
            found = _tendon_weights(mujoco, model, number)
            if found is None:
                return None
            parts = found
        for joint, weight in parts.items():
            weights[joint] = weights.get(joint, 0.0) + factor * weight
    weights = {joint: weight for joint, weight in weights.items() if weight != 0}
    if len(weights) not in (1, 2):
        return None
    reference = sum(
        weight * float(model.qpos0[model.jnt_qposadr[joint]]) for joint, weight in weights.items()
    )
    return weights, float(a[0]) + reference


def _tendon_weights(mujoco: Any, model: Any, tendon: int) -> dict[int, float] | None:
    """Joint -> coefficient of a tendon that is a weighted sum of joints; None for others."""
    first = int(model.tendon_adr[tendon])
    parts = range(first, first + int(model.tendon_num[tendon]))
    if any(model.wrap_type[part] != int(mujoco.mjtWrap.mjWRAP_JOINT) for part in parts):
        return None
    weights: dict[int, float] = {}
    for part in parts:
        joint = int(model.wrap_objid[part])
        weights[joint] = weights.get(joint, 0.0) + float(model.wrap_prm[part])
    return weights


def _follower(weights: dict[int, float], first: int, tied: dict[int, Coupling]) -> int:
    """The joint that is said to follow: MuJoCo's first, else the last in the tree; -1 for none."""
    order = [*([first] if first in weights else []), *sorted(weights, reverse=True)]
    return next((joint for joint in order if joint not in tied), -1)


def loops(
    mujoco: Any, model: Any, names: list[str], equalities: tuple[int, ...]
) -> tuple[Loop, ...]:
    """What equalities tie together beyond the couplings; those that share joints are one.

    Args:
        mujoco: The package.
        model: The compiled model.
        names: Names of its joints.
        equalities: Numbers of those that are not told by couplings. The others count where
            they share joints with these: a joint that follows another takes no rank away.
    """
    if not equalities:
        return ()
    data = mujoco.MjData(model)
    # No more than constraints need: what follows would warn of inertia that is not there.
    for step in (
        mujoco.mj_kinematics,
        mujoco.mj_comPos,
        mujoco.mj_tendon,
        mujoco.mj_makeConstraint,
    ):
        step(model, data)
    J = np.array(data.efc_J, dtype=np.float64).reshape(data.nefc, model.nv)
    is_equality = data.efc_type == int(mujoco.mjtConstraint.mjCNSTR_EQUALITY)
    found: list[tuple[list[str], frozenset[int], FloatArray]] = []
    for equality in np.flatnonzero(model.eq_active0).tolist():
        rows = J[is_equality & (data.efc_id == equality)]
        joints = _tied_joints(mujoco, model, equality, rows)
        words = [_words(mujoco, model, equality)] if equality in equalities else []
        if not joints:
            continue
        for other in [other for other in found if other[1] & joints]:
            found.remove(other)
            words, joints = other[0] + words, other[1] | joints
            rows = np.vstack([other[2], rows])
        found.append((words, joints, rows))
    return tuple(_loop(model, names, *parts) for parts in found if parts[0])


def _tied_joints(mujoco: Any, model: Any, equality: int, rows: FloatArray) -> frozenset[int]:
    """Numbers of the joints that an equality ties."""
    kinds = mujoco.mjtEq
    if int(model.eq_type[equality]) not in (int(kinds.mjEQ_CONNECT), int(kinds.mjEQ_WELD)):
        columns = np.flatnonzero(np.any(rows != 0, axis=0))
        return frozenset(int(joint) for joint in model.dof_jntid[columns])
    above: list[set[int]] = []
    for number in (model.eq_obj1id[equality], model.eq_obj2id[equality]):
        body = int(number)
        if model.eq_objtype[equality] == int(mujoco.mjtObj.mjOBJ_SITE):
            body = int(model.site_bodyid[body])
        # A body that a person moves ties nothing: it is a handle to pull the robot by.
        if body > 0 and model.body_mocapid[body] >= 0:
            return frozenset()
        joints: set[int] = set()
        while body > 0:
            first = int(model.body_jntadr[body])
            joints.update(range(first, first + int(model.body_jntnum[body])))
            body = int(model.body_parentid[body])
        above.append(joints)
    return frozenset(above[0] ^ above[1])


def _loop(
    model: Any, names: list[str], words: list[str], joints: frozenset[int], rows: FloatArray
) -> Loop:
    columns = {names[joint]: int(model.jnt_dofadr[joint]) for joint in joints}

    def free(chosen: frozenset[str]) -> bool:
        """Whether joints, given by name, can move independently."""
        held = [columns[name] for name in chosen if name in columns]
        return _rank(np.delete(rows, held, axis=1)) == _rank(rows)

    return Loop(" and ".join(words), frozenset(columns), free)


def _rank(matrix: FloatArray) -> int:
    """Number of independent rows."""
    if not matrix.size:
        return 0
    values = np.linalg.svd(matrix, compute_uv=False)
    return int(np.sum(values > RANK * max(float(values[0]), 1e-12)))


def _words(mujoco: Any, model: Any, equality: int) -> str:
    """What to call an equality."""
    kinds = mujoco.mjtEq
    words = {
        int(kinds.mjEQ_CONNECT): "connect",
        int(kinds.mjEQ_WELD): "weld",
        int(kinds.mjEQ_JOINT): "joint",
        int(kinds.mjEQ_TENDON): "tendon",
    }.get(int(model.eq_type[equality]), "other")
    name = mujoco.mj_id2name(model, mujoco.mjtObj.mjOBJ_EQUALITY, equality)
    return f"equality '{name}' ({words})" if name else f"equality {equality} ({words})"
