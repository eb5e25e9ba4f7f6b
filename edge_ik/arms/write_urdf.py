"""A chain as URDF text, so that every description can go where URDFs go."""

from __future__ import annotations

from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from edge_ik.arms.fold import Segment
from edge_ik.arms.load import ArmSelection
from edge_ik.arms.rotation import rpy_from
from firmware_host.chain import FloatArray

# URDF demands an effort and a velocity where there are limits; kinematics have none.
_UNKNOWN = {"effort": "0", "velocity": "0"}


def chain_urdf(selection: ArmSelection) -> str:
    """URDF text of a chain: its links and joints, those that follow others as mimic joints.

    Reading it back gives the same chain, up to the rounding of roll, pitch and yaw.
    """
    chain = selection.chain
    robot = Element("robot", name=chain.name)
    links = [chain.base]
    SubElement(robot, "link", name=chain.base)
    bounds = dict(zip(chain.joint_names, zip(chain.lower, chain.upper, strict=True), strict=True))
    for segment in selection.segments:
        last = segment is selection.segments[-1]
        child = _new(
            f"{segment.joint.name}_link" if last else segment.joint.child, links, chain.tip
        )
        joint = _joint(
            robot, segment.joint.name, segment.joint.kind, (links[-1], child), segment.origin
        )
        axis = segment.joint.geometry.axis
        SubElement(joint, "axis", xyz=_words(axis / (axis @ axis) ** 0.5))
        _limit(joint, segment, bounds)
        SubElement(robot, "link", name=child)
        links.append(child)
    _joint(
        robot,
        _new(f"{chain.tip}_fixed", list(bounds), ""),
        "fixed",
        (links[-1], chain.tip),
        chain.tool,
    )
    SubElement(robot, "link", name=chain.tip)
    ElementTree.indent(robot)
    return ElementTree.tostring(robot, encoding="unicode", xml_declaration=False) + "\n"


def _limit(joint: Element, segment: Segment, bounds: dict[str, tuple[float, float]]) -> None:
    """The limits of a joint, and what it follows."""
    name = segment.joint.name
    if segment.leader is not segment.joint:
        SubElement(
            joint,
            "mimic",
            joint=segment.leader.name,
            multiplier=_word(segment.multiplier),
            offset=_word(segment.offset),
        )
        ends = [
            segment.multiplier * bound + segment.offset for bound in bounds[segment.leader.name]
        ]
    else:
        ends = list(bounds[name])
    lower, upper = sorted(ends)
    if segment.joint.kind != "continuous":
        SubElement(joint, "limit", {"lower": _word(lower), "upper": _word(upper), **_UNKNOWN})


def _joint(
    robot: Element, name: str, kind: str, ends: tuple[str, str], origin: FloatArray
) -> Element:
    joint = SubElement(robot, "joint", name=name, type=kind)
    SubElement(joint, "parent", link=ends[0])
    SubElement(joint, "child", link=ends[1])
    SubElement(joint, "origin", xyz=_words(origin[:3, 3]), rpy=_words(rpy_from(origin)))
    return joint


def _new(wish: str, taken: list[str], tip: str) -> str:
    """A name that is not taken, nor the tip's."""
    while wish in taken or wish == tip:
        wish += "_"
    return wish


def _words(numbers: FloatArray | tuple[float, ...]) -> str:
    return " ".join(_word(float(number)) for number in numbers)


def _word(number: float) -> str:
    """A number that reads back as itself."""
    return repr(float(number) + 0.0)
