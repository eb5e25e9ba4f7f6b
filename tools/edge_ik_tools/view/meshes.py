"""The files that draw a robot's links, found through its URDF; kinematics do without them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from edge_ik.arms.numbers import numbers_in
from edge_ik.arms.rotation import pose_from_rpy
from edge_ik.arms.safe_xml import local_name, read_xml
from edge_ik.arms.sources import read_description
from edge_ik.arms.text import decoded
from edge_ik.arms.tree import LinkTree, build_tree
from edge_ik_tools.view.bodies import Surface
from edge_ik_tools.view.surfaces import MeshError, read_surfaces
from firmware_host.chain import Chain, FloatArray
from firmware_host.errors import EdgeIkError, RobotError
from firmware_host.names import one_line

# How far up a folder of packages is looked for.
FOLDERS_UP = 8
MAX_BYTES = 10_000_000


def find_meshes(chain: Chain, urdf: Path) -> tuple[list[list[Surface]], tuple[str, ...]]:
    """For the base and each moving joint what is drawn of what it carries, and sentences.

    Args:
        chain: The chain, one of the URDF's.
        urdf: The file; anything but a URDF draws nothing.
    """
    drawn: list[list[Surface]] = [[] for _ in range(len(chain.segments) + 1)]
    try:
        data = urdf.read_bytes()[:MAX_BYTES]
        root, _ = read_xml(decoded(data, str(urdf))[0], str(urdf), _wanted)
        tree = build_tree(read_description(urdf))
    except (OSError, EdgeIkError) as error:
        return drawn, (f"The robot is drawn as bars: {error}",)
    if local_name(root.tag) != "robot":
        return drawn, ("The robot is drawn as bars: meshes are read from URDF files alone.",)
    name = one_line(urdf.name)
    if lacking := _lacking(chain, tree):
        other = f"{name} is of another robot than {one_line(chain.name)}, for it has no {lacking}"
        return drawn, (f"The robot is drawn as bars: {other}.",)
    visuals = {element.get("name", ""): element for element in root}
    undrawn: dict[str, list[str]] = {}
    for link, body, T_body_link in _carried(chain, tree):
        drawn[body] += _surfaces(visuals.get(link), T_body_link, urdf, undrawn)
    if not any(drawn) and not undrawn:
        return drawn, (f"The robot is drawn as bars: {name} names no meshes for its links.",)
    return drawn, tuple(map(_told, undrawn, undrawn.values()))


def _lacking(chain: Chain, tree: LinkTree) -> str:
    """What of a chain a description does not have, in words; nothing if it is all there."""
    joints = {joint.name for below in tree.joints_below.values() for joint in below}
    lacking = [segment.name for segment in chain.segments if segment.name not in joints]
    if lacking:
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        return f"joint '{one_line(lacking[0])}'{more}"
    return "" if chain.base in tree.joints_below else f"link '{one_line(chain.base)}'"


def _told(reason: str, names: Sequence[str]) -> str:
    """That meshes cannot be drawn, and why."""
    if len(names) == 1:
        return f"The mesh {one_line(names[0])} cannot be drawn: {reason}."
    return f"{len(names)} meshes cannot be drawn, such as {one_line(names[0])}: {reason}."


def _wanted(parent: Element | None, tag: str) -> bool:
    """Whether an element draws something."""
    if parent is None:
        return True
    within, name = local_name(parent.tag), local_name(tag)
    inside = {
        "robot": ("link",),
        "link": ("visual",),
        "visual": ("origin", "geometry", "material"),
        "geometry": ("mesh",),
        "material": ("color",),
    }
    return name in inside.get(within, ())


def _carried(chain: Chain, tree: LinkTree) -> Iterator[tuple[str, int, FloatArray]]:
    """Links below the chain's base: name, the body that carries it, and its pose in that body.

    Of joints beside the chain those are followed that are fixed, and those behind the tip, which
    are drawn at 0.
    """
    names = [segment.name for segment in chain.segments]
    zero, T = [np.eye(4)], np.eye(4)
    for between in chain.links[:-1]:
        T = T @ between
        zero.append(T)
    tip = chain.tip.removesuffix("+offset")
    waiting: list[tuple[str, int, FloatArray, bool]] = [
        (chain.base, 0, np.eye(4), chain.base == tip)
    ]
    while waiting:
        link, body, T_base_link, behind = waiting.pop()
        yield link, body, np.linalg.inv(zero[body]) @ T_base_link
        for joint in tree.joints_below.get(link, ()):
            own = names.index(joint.name) + 1 if joint.name in names else body
            if own == body and joint.moves and not behind:
                continue
            try:
                pose = T_base_link @ joint.geometry.origin
            except RobotError:
                continue
            waiting.append((joint.child, own, pose, behind or joint.child == tip))


def _surfaces(
    link: Element | None, T_body_link: FloatArray, urdf: Path, undrawn: dict[str, list[str]]
) -> Iterator[Surface]:
    """What files draw of one link; the names of those that cannot be are kept by the reason."""
    for visual in [] if link is None else link:
        parts = {local_name(part.tag): part for part in visual}
        origin, geometry = parts.get("origin"), parts.get("geometry")
        for mesh in [] if geometry is None else geometry:
            name = mesh.get("filename", "")
            scale = _numbers(mesh.get("scale"), [1.0, 1.0, 1.0])
            T_body_mesh = T_body_link @ _pose(origin) @ np.diag([*scale, 1.0])
            try:
                path = resolved(name, urdf)
                yield from read_surfaces(path, T_body_mesh, _color(parts.get("material")))
            except MeshError as error:
                undrawn.setdefault(str(error), []).append(name)


def _pose(origin: Element | None) -> FloatArray:
    given = {} if origin is None else origin.attrib
    xyz, rpy = (_numbers(given.get(name), [0.0, 0.0, 0.0]).tolist() for name in ("xyz", "rpy"))
    return pose_from_rpy(xyz, rpy)


def _color(material: Element | None) -> tuple[float, float, float] | None:
    for part in [] if material is None else material:
        red, green, blue = _numbers(part.get("rgba"), [0.6, 0.6, 0.6, 1.0])[:3].tolist()
        return red, green, blue
    return None


def _numbers(text: str | None, default: list[float]) -> FloatArray:
    """Numbers of an attribute; the default where they are missing or are none."""
    try:
        return np.array(numbers_in("", "visual", "", text or "", len(default)))
    except RobotError:
        return np.array(default)


def resolved(name: str, urdf: Path) -> Path:
    """Where the file of a mesh is: beside the URDF, or in a package above it.

    Raises:
        MeshError: If it is nowhere there.
    """
    plain = name.removeprefix("file://")
    package, found, rest = plain.partition("://")
    if not found:
        path = urdf.parent / plain
        if path.is_file():
            return path
        raise MeshError(f"there is no such file beside {one_line(urdf.name)}")
    if package not in ("package", "model"):
        raise MeshError("only files, package:// and model:// are looked for")
    for folder in list(urdf.resolve().parents)[:FOLDERS_UP]:
        for path in (folder / rest, folder / rest.partition("/")[2]):
            if rest and path.is_file():
                return path
    raise MeshError(f"its package is in none of the folders above {one_line(urdf.name)}")
