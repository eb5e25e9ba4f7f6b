"""URDF text: its links and joints, whatever else the file holds.

What is not kinematics (meshes, inertia, transmissions, plugins) is not even built. Numbers
are read for the joints of a chain alone (`LinkJoint.geometry`), and an error names the joint
at fault. The format is that of http://wiki.ros.org/urdf/XML.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import PurePath
from xml.etree.ElementTree import Element

import numpy as np

from edge_ik.arms.description import CONTINUOUS, FIXED, REVOLUTE, Description, Geometry, LinkJoint
from edge_ik.arms.numbers import numbers_in
from edge_ik.arms.rotation import pose_from_rpy
from edge_ik.arms.safe_xml import local_name, read_xml
from edge_ik.arms.units import check_angles, in_order
from edge_ik.arms.xacro_source import XacroParts, refuse_xacro, xacro_prefixes
from firmware_host.errors import RobotError
from firmware_host.names import LONGEST_NAME, brief, is_name

# The parts of a joint that are kinematics.
_PARTS = ("parent", "child", "origin", "axis", "limit", "mimic")
NO_LIMIT = (0.0, 0.0)


def parse_urdf(text: str, source: str) -> Description:
    """Read a URDF description.

    Args:
        text: The URDF text.
        source: File or robot name for error messages; its stem is the name of a robot
            that has none.

    Raises:
        RobotError: If the text is not a URDF description, or a xacro source.
    """
    root, notes = read_xml(text, source, _wanted)
    if local_name(root.tag) != "robot":
        raise RobotError(
            f"'{source}' is not a URDF description. Expected the root element <robot>. "
            f"Received: <{root.tag[:80]}>",
            source,
        )
    parts = _xacro_parts(root)
    if parts.is_source:
        refuse_xacro(source)
    name = root.get("name", "")
    if not name.strip():
        name = PurePath(source).stem
        notes += (f"The <robot> has no name; it is called '{name}' after its file.",)
    if not is_name(name):
        _refuse_name("robot", name, source)
    prefix = root.tag.removesuffix("robot")
    links, linked = _links(root, prefix, source)
    joints, joined = _joints(root, prefix, source)
    return Description(name, "URDF", links, joints, (*notes, *parts.notes, *linked, *joined))


def _wanted(parent: Element | None, tag: str) -> bool:
    """Whether an element is kinematics, or a xacro element where there could be kinematics."""
    if parent is None:
        return True
    within = local_name(parent.tag)
    if within == "robot":
        return local_name(tag) in ("link", "joint") or ":" in tag
    return within == "joint" and (local_name(tag) in _PARTS or ":" in tag)


def _xacro_parts(root: Element) -> XacroParts:
    """What of xacro stands in a file."""
    prefixes = xacro_prefixes(root)
    parts = XacroParts()
    for element in root:
        if _is_xacro(element, prefixes):
            parts.see_element(local_name(element.tag))
            continue
        if local_name(element.tag) != "joint":
            parts.see_text(element.get("name", ""))
            continue
        parts.see_joint(element.get("type", ""))
        for part in (element, *element):
            if part is not element and _is_xacro(part, prefixes):
                parts.see_inside()
            for value in part.attrib.values():
                parts.see_text(value)
    return parts


def _is_xacro(element: Element, prefixes: frozenset[str]) -> bool:
    return element.tag.rpartition(":")[0] in prefixes


def _links(root: Element, prefix: str, source: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the links, each once, and sentences."""
    names = [_name_of(element, source) for element in root.findall(f"{prefix}link")]
    links = tuple(dict.fromkeys(names))
    if len(links) == len(names):
        return links, ()
    twice = next(name for name, count in Counter(names).items() if count > 1)
    return links, (f"Link '{twice}' is in the file more than once; kinematics need it once.",)


def _joints(
    root: Element, prefix: str, source: str
) -> tuple[tuple[LinkJoint, ...], tuple[str, ...]]:
    """The joints, each once, and sentences.

    Raises:
        RobotError: If two joints that differ have one name.
    """
    found: dict[str, Mapping[str, Mapping[str, str]]] = {}
    notes: tuple[str, ...] = ()
    for element in root.findall(f"{prefix}joint"):
        name = _name_of(element, source)
        parts: dict[str, Mapping[str, str]] = {"": element.attrib}
        for tag in _PARTS:
            part = element.find(f"{prefix}{tag}")
            if part is not None:
                parts[tag] = part.attrib
        if name in found and found[name] != parts:
            raise RobotError(
                f"Joint name '{name}' is used 2 times, for joints that differ. Expected once: "
                "rename one of them.",
                name,
            )
        if name in found:
            notes = (f"Joint '{name}' is in the file more than once, the same each time.",)
        found[name] = parts
    return tuple(_joint(name, parts) for name, parts in found.items()), notes


def _joint(name: str, parts: Mapping[str, Mapping[str, str]]) -> LinkJoint:
    """One joint, its numbers still to be read."""
    for tag in ("parent", "child"):
        if tag not in parts:
            raise RobotError(f"Joint '{name}' has no <{tag}> link.", name)
    kind = brief(parts[""].get("type", "").strip())
    return LinkJoint(
        name,
        kind,
        brief(parts["parent"].get("link", "")),
        brief(parts["child"].get("link", "")),
        read=partial(_geometry, name, kind, parts),
        leader=brief(parts["mimic"].get("joint", ""))
        if "mimic" in parts and kind != FIXED
        else None,
    )


def _geometry(name: str, kind: str, parts: Mapping[str, Mapping[str, str]]) -> Geometry:
    """The numbers of a joint; an axis that is left out is x, as URDF has it."""
    origin, mimic = parts.get("origin", {}), parts.get("mimic", {})
    xyz = numbers_in(name, "origin", "xyz", origin.get("xyz", "0 0 0"), 3)
    rpy = numbers_in(name, "origin", "rpy", origin.get("rpy", "0 0 0"), 3)
    check_angles(f"Joint '{name}'", "rpy", rpy)
    if kind == FIXED:
        return Geometry(pose_from_rpy(xyz, rpy), np.array([1.0, 0.0, 0.0]))
    axis = numbers_in(name, "axis", "xyz", parts.get("axis", {}).get("xyz", "1 0 0"), 3)
    lower, upper, notes = _limits(name, kind, parts.get("limit", {}), "mimic" in parts)
    multiplier = numbers_in(name, "mimic", "multiplier", mimic.get("multiplier", "1"), 1)
    offset = numbers_in(name, "mimic", "offset", mimic.get("offset", "0"), 1)
    return Geometry(
        pose_from_rpy(xyz, rpy), np.array(axis), lower, upper, multiplier[0], offset[0], notes
    )


def _limits(
    name: str, kind: str, limit: Mapping[str, str], follows: bool
) -> tuple[float | None, float | None, tuple[str, ...]]:
    """Lower and upper limit [rad or m], with sentences; one that is left out is 0."""
    if "lower" not in limit and "upper" not in limit:
        return None, None, ()
    lower, upper = (
        numbers_in(name, "limit", side, limit.get(side, "0"), 1, finite=False)[0]
        for side in ("lower", "upper")
    )
    if kind == CONTINUOUS:
        return None, None, ()
    if (lower, upper) == NO_LIMIT and follows:
        return None, None, ()
    if (lower, upper) == NO_LIMIT and kind == REVOLUTE:
        words = "exporters write that where no limit was entered. It was given a full turn"
        return -math.pi, math.pi, (f"Joint '{name}' has limits of 0 and 0: {words}.",)
    return in_order(name, lower, upper)


def _name_of(element: Element, source: str) -> str:
    """The element's name, which must be one that can be printed."""
    name = element.get("name", "")
    if not is_name(name):
        _refuse_name(local_name(element.tag), name, source)
    return name


def _refuse_name(tag: str, name: str, source: str) -> None:
    raise RobotError(
        f"A <{tag}> in '{source}' has no usable name. Expected name=printable text, at "
        f"most {LONGEST_NAME} characters. "
        f"Received: name={name[:80]!r}",
        source,
    )
