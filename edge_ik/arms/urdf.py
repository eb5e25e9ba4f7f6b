"""Reading URDF text that may be anything: no entities, nothing but links and joints.

What is not kinematics (meshes, inertia, plugins) is dropped before the URDF library
sees it, and every number is checked first, so that an error names the joint at fault.
"""

from __future__ import annotations

import io
import math
from typing import Any
from xml.etree import ElementTree

from firmware_host.errors import MissingExtraError, RobotError

MAX_BYTES = 10_000_000
# No robot has a joint this far away; larger numbers overflow later, in float32.
MAX_NUMBER = 1e6

# The part of a joint that is kinematics: child element -> attributes.
_KEPT = {
    "parent": ("link",),
    "child": ("link",),
    "origin": ("xyz", "rpy"),
    "axis": ("xyz",),
    "limit": ("lower", "upper"),
    "mimic": ("joint",),
}


class _DoctypeError(Exception):
    """The text has a document type."""


class _SafeBuilder(ElementTree.TreeBuilder):
    """Builds the element tree, and stops before the first entity could be declared."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        """Refuse the document type."""
        raise _DoctypeError


def parse_urdf(data: bytes, source: str) -> Any:
    """Parse a URDF description.

    Args:
        data: The URDF text.
        source: File or robot name for error messages.

    Returns:
        `yourdfpy.Robot` with the robot's name, links and joints.

    Raises:
        RobotError: If the text is not a URDF description or a number is not one.
        MissingExtraError: If yourdfpy is not installed.
    """
    xml = ElementTree.tostring(_kinematics(_parse_xml(data, source), source))
    try:
        from yourdfpy import URDF  # takes a second to import
    except ImportError as error:
        raise MissingExtraError("yourdfpy", "train", "Reading a robot description") from error
    try:
        return URDF.load(io.BytesIO(xml), build_scene_graph=False, load_meshes=False).robot
    except Exception as error:  # the library documents no error of its own
        raise RobotError(
            f"'{source}' cannot be read as URDF: {type(error).__name__}: {error}", source
        ) from error


def _parse_xml(data: bytes, source: str) -> ElementTree.Element:
    """The <robot> element, or a RobotError that says what the text is instead."""
    if not data.strip():
        raise RobotError(f"'{source}' is empty. Expected a URDF description.", source)
    try:
        root = ElementTree.fromstring(data, ElementTree.XMLParser(target=_SafeBuilder()))
    except _DoctypeError as error:
        raise RobotError(
            f"'{source}' has a DOCTYPE, which could pull in other files. "
            "Remove it: URDF needs none.",
            source,
        ) from error
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise RobotError(f"'{source}' is not well-formed XML: {error}.", source) from error
    if root.tag.rpartition("}")[2] != "robot":
        raise RobotError(
            f"'{source}' is not a URDF description. Expected the root element <robot>. "
            f"Received: <{root.tag[:80]}>",
            source,
        )
    if any("xacro}" in element.tag for element in root):
        raise RobotError(
            f"'{source}' is a xacro template. Expand it first: xacro {source} > robot.urdf",
            source,
        )
    return root


def _kinematics(root: ElementTree.Element, source: str) -> ElementTree.Element:
    """A <robot> with the names of the links and the checked geometry of the joints."""
    namespace = root.tag.removesuffix("robot")
    bare = ElementTree.Element("robot", name=_name_of(root, source))
    for element in root.findall(f"{namespace}link"):
        ElementTree.SubElement(bare, "link", name=_name_of(element, source))
    for element in root.findall(f"{namespace}joint"):
        bare.append(_bare_joint(element, namespace, source))
    return bare


def _bare_joint(element: ElementTree.Element, namespace: str, source: str) -> ElementTree.Element:
    """The joint without everything that is not kinematics."""
    name = _name_of(element, source)
    bare = ElementTree.Element("joint", name=name, type=element.get("type", ""))
    for tag, attributes in _KEPT.items():
        part = element.find(f"{namespace}{tag}")
        if part is None:
            if tag in ("parent", "child"):
                raise RobotError(f"Joint '{name}' has no <{tag}> link.", name)
            continue
        kept = ElementTree.SubElement(bare, tag)
        for attribute in attributes:
            value = part.get(attribute)
            if value is not None:
                _check_value(value, tag, attribute, name)
                kept.set(attribute, value)
    return bare


def _check_value(value: str, tag: str, attribute: str, joint: str) -> None:
    """Raise a RobotError naming the joint if an attribute's numbers are not usable."""
    if attribute in ("link", "joint"):
        return
    count = 1 if tag == "limit" else 3
    numbers = [_number(word) for word in value.split()]
    # A limit may be infinite where it is not used, at a continuous joint.
    bad = tag != "limit" and not all(
        number is not None and abs(number) <= MAX_NUMBER for number in numbers
    )
    if bad or None in numbers or len(numbers) != count:
        expected = "a number" if count == 1 else "three finite numbers"
        raise RobotError(
            f"Joint '{joint}' has an unusable <{tag}>. Expected {attribute}={expected}. "
            f"Received: {attribute}='{value[:80]}'",
            joint,
        )


def _number(word: str) -> float | None:
    """The number that a word stands for; None if it is none (float() takes '1_0' too)."""
    try:
        number = float(word) if word.isascii() and "_" not in word else math.nan
    except ValueError:
        return None
    return None if math.isnan(number) else number


def _name_of(element: ElementTree.Element, source: str) -> str:
    """The element's name, which must be one that can be printed."""
    name = element.get("name", "")
    if not name.strip() or not name.isprintable():
        tag = element.tag.rpartition("}")[2]
        raise RobotError(
            f"A <{tag}> in '{source}' has no usable name. Expected name=printable text. "
            f"Received: name={name[:80]!r}",
            source,
        )
    return name
