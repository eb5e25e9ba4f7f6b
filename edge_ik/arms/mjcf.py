"""MJCF: the links and joints that MuJoCo makes of a model.

MuJoCo itself reads what it is given (`mjcf_text`): defaults, compiler options, replicated
bodies. Its joints turn or slide one after another in their body's frame, each about an axis
through an anchor, away from a reference value (`ref`):

    T = T_body  prod_j  Trans(p_j) Rot(a_j, q_j - ref_j) Trans(-p_j)     hinge
    T = T_body  prod_j  Trans(a_j (q_j - ref_j))                         slide
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edge_ik.arms.couplings import Coupling, couplings, loops
from edge_ik.arms.description import (
    CONTINUOUS,
    FIXED,
    PRISMATIC,
    REVOLUTE,
    Description,
    Geometry,
    LinkJoint,
    known,
)
from edge_ik.arms.mjcf_text import kinematics_text
from edge_ik.arms.rotation import pose_from_quaternion, rotation, translation
from firmware_host.chain import FloatArray
from firmware_host.errors import RobotError, optional_import
from firmware_host.names import is_name

Model = Any
"""A model of MuJoCo, `mujoco.MjModel`, which is imported only where it is needed."""
_X = np.array([1.0, 0.0, 0.0])


def parse_mjcf(text: str, source: str, folder: Path) -> Description:
    """Read an MJCF description.

    Args:
        text: The file's text.
        source: The file, for error messages; its stem is the name of a model that has none.
        folder: Where the files are that it includes.

    Raises:
        RobotError: If MuJoCo cannot compile its kinematics, in MuJoCo's own words.
        MissingExtraError: If MuJoCo is not installed.
    """
    bare, notes = kinematics_text(text, source, folder)
    with optional_import("mujoco", "mjcf", "Reading MJCF"):
        import mujoco
    # MuJoCo calls a model without a name by a name of its own.
    name = _model_name(text) or Path(source).stem
    with _warnings_told(mujoco) as warnings:
        try:
            model = mujoco.MjModel.from_xml_string(bare)
        except (ValueError, mujoco.FatalError) as error:
            reason = " ".join(str(error).split())[:400].rstrip(".")
            raise RobotError(f"MuJoCo cannot read '{source}': {reason}.", source) from error
        found = _Reader(mujoco, model).description(name, notes)
    return replace(found, notes=(*found.notes, *dict.fromkeys(warnings)))


@contextmanager
def _warnings_told(mujoco: Any) -> Iterator[list[str]]:
    """What MuJoCo warns of, as sentences; otherwise it writes a file where it is called."""
    told: list[str] = []
    before = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(lambda text: told.append(f"MuJoCo warns: {text}"))
    try:
        yield told
    finally:
        mujoco.set_mju_user_warning(before)


def _model_name(text: str) -> str:
    """The name that a model has in its file."""
    from edge_ik.arms.safe_xml import read_xml

    root, _ = read_xml(text, "", lambda parent, _tag: parent is None)
    name = root.get("model", "")
    return name if is_name(name) else ""


class _Names:
    """Names, each given out once."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def new(self, *wishes: str) -> str:
        """The first of the wishes that is free; a number is put behind the last one."""
        wish = next((wish for wish in wishes if wish and wish not in self._given), "")
        number = 1
        while not wish or wish in self._given:
            number += 1
            wish = f"{wishes[-1]}{number}"
        self._given.add(wish)
        return wish


class _Reader:
    """Makes links and joints of a compiled model."""

    def __init__(self, mujoco: Any, model: Model) -> None:
        self.mujoco = mujoco
        self.model = model
        self.link_names = _Names()
        self.joint_names = _Names()
        kinds = mujoco.mjtJoint
        self.kinds = {
            int(kinds.mjJNT_HINGE): REVOLUTE,
            int(kinds.mjJNT_SLIDE): PRISMATIC,
            int(kinds.mjJNT_BALL): "a ball joint",
            int(kinds.mjJNT_FREE): "a free joint",
        }

    def description(self, name: str, notes: tuple[str, ...]) -> Description:
        """The whole model."""
        mujoco, model = self.mujoco, self.model
        bodies = [
            self.link_names.new(self._name(mujoco.mjtObj.mjOBJ_BODY, body), f"body{body}")
            for body in range(model.nbody)
        ]
        joints = [
            self.joint_names.new(self._name(mujoco.mjtObj.mjOBJ_JOINT, joint), f"joint{joint}")
            for joint in range(model.njnt)
        ]
        tied, untold = couplings(mujoco, model, joints)
        links, made = [bodies[0]], []
        for body in range(1, model.nbody):
            for joint in self._body(body, bodies, joints, tied):
                made.append(joint)
                links.append(joint.child)
        for site in range(model.nsite):
            made.append(self._site(site, bodies))
            links.append(made[-1].child)
        found = loops(mujoco, model, joints, untold)
        return Description(name, "MJCF", tuple(links), tuple(made), notes, found)

    def _body(
        self, body: int, bodies: list[str], names: list[str], tied: dict[int, Coupling]
    ) -> Iterable[LinkJoint]:
        """The joints that carry a body, a link between each two of them."""
        model = self.model
        parent = bodies[model.body_parentid[body]]
        before = pose_from_quaternion(model.body_pos[body], model.body_quat[body])
        first = int(model.body_jntadr[body])
        moving = [first + k for k in range(int(model.body_jntnum[body]))]
        for joint in moving:
            origin, after = self._frames(joint)
            last = joint == moving[-1] and np.array_equal(after, np.eye(4))
            child = bodies[body] if last else self.link_names.new(f"{bodies[body]}_{names[joint]}")
            geometry = self._geometry(joint, names[joint], before @ origin)
            yield _tied_joint(
                LinkJoint(names[joint], self._kind(joint), parent, child, known(geometry)),
                tied.get(joint),
            )
            parent, before = child, after
            if last:
                return
        name = self.joint_names.new(f"{bodies[body]}_fixed")
        yield _fixed(name, parent, bodies[body], before)

    def _site(self, site: int, bodies: list[str]) -> LinkJoint:
        """A site as a link that is fixed to its body."""
        model = self.model
        name = self._name(self.mujoco.mjtObj.mjOBJ_SITE, site)
        child = self.link_names.new(name, f"{name}_site" if name else f"site{site}")
        pose = pose_from_quaternion(model.site_pos[site], model.site_quat[site])
        joint = self.joint_names.new(f"{child}_fixed")
        return _fixed(joint, bodies[model.site_bodyid[site]], child, pose)

    def _frames(self, joint: int) -> tuple[FloatArray, FloatArray]:
        """A joint's frame at q = 0 in what is before it, and what is after it in that frame."""
        model = self.model
        anchor, axis = model.jnt_pos[joint], model.jnt_axis[joint]
        kind = self._kind(joint)
        reference = float(model.qpos0[model.jnt_qposadr[joint]])
        if kind in (REVOLUTE, CONTINUOUS):
            return translation(anchor) @ rotation(axis, -reference), translation(-anchor)
        if kind == PRISMATIC:
            return translation(-reference * axis), np.eye(4)
        return np.eye(4), np.eye(4)

    def _kind(self, joint: int) -> str:
        model = self.model
        kind = self.kinds[int(model.jnt_type[joint])]
        return CONTINUOUS if kind == REVOLUTE and not model.jnt_limited[joint] else kind

    def _geometry(self, joint: int, name: str, origin: FloatArray) -> Geometry:
        model = self.model
        lower = upper = None
        notes: tuple[str, ...] = ()
        first, second = (float(limit) for limit in model.jnt_range[joint])
        if model.jnt_limited[joint] and self._kind(joint) in (REVOLUTE, PRISMATIC):
            lower, upper = first, second
        elif first > second:
            notes = (f"Joint '{name}' has its range reversed, which MuJoCo takes as no limits.",)
        return Geometry(origin, np.array(model.jnt_axis[joint]), lower, upper, notes=notes)

    def _name(self, kind: Any, number: int) -> str:
        name = self.mujoco.mj_id2name(self.model, kind, number) or ""
        return name if is_name(name) else ""


def _fixed(name: str, parent: str, child: str, origin: FloatArray) -> LinkJoint:
    return LinkJoint(name, FIXED, parent, child, known(Geometry(origin, _X)))


def _tied_joint(joint: LinkJoint, coupling: Coupling | None) -> LinkJoint:
    """The joint as a coupling leaves it: following another, or held in one place."""
    if coupling is None:
        return joint
    geometry = joint.geometry
    if coupling.leader is not None:
        tied = replace(geometry, multiplier=coupling.multiplier, offset=coupling.offset)
        return replace(joint, leader=coupling.leader, read=known(tied))
    along = geometry.axis / math.sqrt(float(geometry.axis @ geometry.axis)) * coupling.offset
    held = (
        translation(along) if joint.kind == PRISMATIC else rotation(geometry.axis, coupling.offset)
    )
    return _fixed(joint.name, joint.parent, joint.child, geometry.origin @ held)
