"""The files that draw a robot's links, found through its URDF; kinematics do without them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from edge_ik.arms.numbers import numbers_in
from edge_ik.arms.rotation import pose_from_rpy
from edge_ik.arms.safe_xml import local_name, read_xml
from edge_ik.arms.sources import read_description
from edge_ik.arms.text import decoded
from edge_ik.arms.tree import LinkTree, build_tree
from edge_ik_tools.view.bodies import MeshFile
from firmware_host.chain import Chain, FloatArray
from firmware_host.errors import EdgeIkError, RobotError

# What trimesh reads without further packages.
SUFFIXES = frozenset({".stl", ".obj", ".glb", ".gltf", ".ply", ".off"})
# How far up a folder of packages is looked for.
FOLDERS_UP = 8
MAX_BYTES = 10_000_000


def find_meshes(chain: Chain, urdf: Path) -> tuple[list[list[MeshFile]], tuple[str, ...]]:
    """For the base and each moving joint the files that draw what it carries, and sentences.

    Args:
        chain: The chain, one of the URDF's.
        urdf: The file; anything but a URDF draws nothing.
    """
    drawn: list[list[MeshFile]] = [[] for _ in range(len(chain.segments) + 1)]
    try:
        data = urdf.read_bytes()[:MAX_BYTES]
        root, _ = read_xml(decoded(data, str(urdf))[0], str(urdf), _wanted)
        tree = build_tree(read_description(urdf))
    except (OSError, EdgeIkError) as error:
        return drawn, (f"The robot is drawn as bars: {error}",)
    if local_name(root.tag) != "robot":
        return drawn, ("The robot is drawn as bars: meshes are read from URDF files alone.",)
    visuals = {element.get("name", ""): element for element in root}
    missing: list[str] = []
    for link, body, T_body_link in _carried(chain, tree):
        for mesh in _meshes(visuals.get(link), T_body_link, urdf, missing):
            drawn[body].append(mesh)
    notes = (f"{len(missing)} meshes cannot be drawn, such as {missing[0]}.",) if missing else ()
    return drawn, notes


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


def _meshes(
    link: Element | None, T_body_link: FloatArray, urdf: Path, missing: list[str]
) -> Iterator[MeshFile]:
    """The files of one link."""
    for visual in [] if link is None else link:
        parts = {local_name(part.tag): part for part in visual}
        origin, geometry = parts.get("origin"), parts.get("geometry")
        for mesh in [] if geometry is None else geometry:
            name = mesh.get("filename", "")
            path = resolved(name, urdf)
            if path is None or path.suffix.lower() not in SUFFIXES:
                missing.append(name)
                continue
            yield MeshFile(
                path,
                T_body_link @ _pose(origin),
                _numbers(mesh.get("scale"), [1.0, 1.0, 1.0]),
                _color(parts.get("material")),
            )


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


def resolved(name: str, urdf: Path) -> Path | None:
    """Where the file of a mesh is: beside the URDF, or in a package above it; None if nowhere."""
    plain = name.removeprefix("file://")
    package, found, rest = plain.partition("://")
    if found and package in ("package", "model"):
        for folder in list(urdf.resolve().parents)[:FOLDERS_UP]:
            for path in (folder / rest, folder / rest.partition("/")[2]):
                if rest and path.is_file():
                    return path
        return None
    path = urdf.parent / plain
    return path if path.is_file() else None
