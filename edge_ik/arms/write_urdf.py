"""A chain as URDF text, so that every description can go where URDFs go."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from edge_ik.arms.rotation import rpy_from
from firmware_host.chain import Chain, FloatArray, Joint

# URDF demands an effort and a velocity where there are limits; kinematics have none.
_UNKNOWN = {"effort": "0", "velocity": "0"}


def chain_urdf(chain: Chain) -> str:
    """URDF text of a chain: its joints, those that follow others as mimic joints.

    Numbers are written to the last digit, so that reading it back gives the same chain up to
    the rounding of roll, pitch and yaw. A joint that leads others and lies beside the chain
    moves a link of its own at the base.
    """
    robot = Element("robot", name=chain.name)
    links = [chain.base]
    taken = {chain.base, chain.tip}
    SubElement(robot, "link", name=chain.base)
    for joint in (*chain.beside, *chain.moving):
        child = _new(f"{joint.name}_link", taken)
        parent = chain.base if joint in chain.beside else links[-1]
        _write_joint(robot, joint, (parent, child))
        SubElement(robot, "link", name=child)
        if joint not in chain.beside:
            links.append(child)
    names = {joint.name for joint in (*chain.beside, *chain.moving)}
    _element(robot, _new(f"{chain.tip}_fixed", names), "fixed", (links[-1], chain.tip), chain.tool)
    SubElement(robot, "link", name=chain.tip)
    ElementTree.indent(robot)
    return ElementTree.tostring(robot, encoding="unicode") + "\n"


def _write_joint(robot: Element, joint: Joint, ends: tuple[str, str]) -> None:
    """A moving joint with its axis, its limits, and what it follows."""
    element = _element(robot, joint.name, joint.kind, ends, joint.origin)
    SubElement(element, "axis", xyz=_words(joint.axis))
    if joint.kind != "continuous":
        bounds = {"lower": _word(joint.lower), "upper": _word(joint.upper)}
        SubElement(element, "limit", {**bounds, **_UNKNOWN})
    if joint.mimic is not None:
        numbers = {
            "multiplier": _word(joint.mimic.multiplier),
            "offset": _word(joint.mimic.offset),
        }
        SubElement(element, "mimic", {"joint": joint.mimic.joint, **numbers})


def _element(
    robot: Element, name: str, kind: str, ends: tuple[str, str], origin: FloatArray
) -> Element:
    """A joint between two links."""
    joint = SubElement(robot, "joint", name=name, type=kind)
    SubElement(joint, "parent", link=ends[0])
    SubElement(joint, "child", link=ends[1])
    SubElement(joint, "origin", xyz=_words(origin[:3, 3]), rpy=_words(rpy_from(origin)))
    return joint


def _new(wish: str, taken: set[str]) -> str:
    """A name that is not taken yet."""
    while wish in taken:
        wish += "_"
    taken.add(wish)
    return wish


def _words(numbers: Iterable[float]) -> str:
    return " ".join(_word(float(number)) for number in numbers)


def _word(number: float) -> str:
    """A number that reads back as itself."""
    return repr(number + 0.0)
