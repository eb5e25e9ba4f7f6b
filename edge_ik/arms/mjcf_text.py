"""What of an MJCF file is kinematics: the part that MuJoCo is given to compile.

Meshes, textures and plugins are left out, so that their files need not be there, and the
text is bounded before MuJoCo sees it. The format is that of
https://mujoco.readthedocs.io/en/stable/XMLreference.html.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from edge_ik.arms.safe_xml import MAX_ELEMENTS, MAX_NESTING, read_xml, too_deep
from edge_ik.arms.text import decoded
from firmware_host.errors import RobotError

ROOTS = ("mujoco", "mujocoinclude")
# What MuJoCo is given, by the element that it stands in; "*" is for all bodies and frames.
_KEPT = {
    "mujoco": {"compiler", "default", "worldbody", "equality", "tendon", "include", "asset"},
    "asset": {"model", "include"},
    "default": {"default", "joint", "site", "equality", "tendon"},
    "equality": {"joint", "connect", "weld", "tendon", "include"},
    "tendon": {"fixed", "spatial", "include"},
    "fixed": {"joint"},
    "spatial": {"site"},
    "body": {
        *("body", "joint", "freejoint", "site", "frame", "replicate", "include", "attach"),
        *("composite", "flexcomp"),
    },
}
_BODIES = ("worldbody", "body", "frame", "replicate")
_COMPILER = ("angle", "autolimits", "coordinate", "eulerseq")
_ORIENTED = ("pos", "quat", "axisangle", "xyaxes", "zaxis", "euler")
_ATTRIBUTES = {
    "compiler": _COMPILER,
    "joint": (
        *("name", "class", "type", "pos", "axis", "ref", "range", "limited"),
        *("joint", "coef", "joint1", "joint2", "polycoef", "active"),
    ),
    "site": ("name", "class", "site", *_ORIENTED),
    "body": ("name", "childclass", "mocap", *_ORIENTED),
    "frame": ("name", "childclass", *_ORIENTED),
}
# MuJoCo wants inertia where a body moves, which kinematics do without.
_INERTIA = {"boundmass": "1", "boundinertia": "1"}
# Keeps the inertia matrix that MuJoCo computes far from singular.
_ARMATURE = "1"
MAX_DEPTH = 20  # of files that include files
# MuJoCo takes memory with the square of the joints in a row.
MAX_JOINTS = 2_000


def kinematics_text(text: str, source: str, folder: Path) -> tuple[str, tuple[str, ...]]:
    """The kinematics of an MJCF file as MJCF text, and sentences on what was left out.

    Args:
        text: The file's text.
        source: The file, for sentences.
        folder: Where the files are that it includes.

    Raises:
        RobotError: If a file that it includes cannot be read, or it is not MJCF, is too
            large, or is put together in a way that only MuJoCo itself can follow.
    """
    reader = _Reader(source, folder)
    root = reader.read(text, source, 0)
    if root.tag == ROOTS[1]:
        raise RobotError(
            f"'{source}' is a part that other MJCF files include. Give the file with <mujoco>.",
            source,
        )
    _bound(root, source)
    _drop_idle_tendons(root)
    return ElementTree.tostring(root, encoding="unicode"), tuple(reader.notes)


class _Reader:
    """Reads a file and what it includes, each file once, as MuJoCo does."""

    def __init__(self, source: str, folder: Path) -> None:
        self.source = source
        self.folder = folder
        self.included: set[Path] = set()
        self.notes: list[str] = []
        self.elements = 0

    def read(self, text: str, source: str, depth: int) -> Element:
        """The kinematics in one file."""
        root, notes = read_xml(text, source, _wanted)
        self.notes.extend(notes)
        if root.tag not in ROOTS:
            raise RobotError(
                f"'{source}' is not an MJCF description. Expected the root element <mujoco>. "
                f"Received: <{root.tag[:80]}>",
                source,
            )
        waiting = [(root, "")]
        while waiting:
            element, within = waiting.pop()
            self._clean(element, within, depth)
            waiting.extend((part, element.tag) for part in element)
        if depth == 0:
            root.insert(0, Element("compiler", _INERTIA))
            root.insert(0, Element("option", {"jacobian": "dense"}))
        return root

    def _clean(self, element: Element, within: str, depth: int) -> None:
        """Keep an element's kinematics, and put included files in their places."""
        self.elements += 1
        if self.elements > MAX_ELEMENTS:
            raise RobotError(
                f"'{self.source}' and what it includes have more than {MAX_ELEMENTS:,} elements.",
                self.source,
            )
        kept = _ATTRIBUTES.get(element.tag)
        if kept is not None:
            for name in [name for name in element.attrib if name not in kept]:
                del element.attrib[name]
        if element.tag == "joint" and within in _BODIES:
            element.set("armature", _ARMATURE)
        parts = list(element)
        element[:] = []
        for part in parts:
            if part.tag == "include":
                element.extend(self._include(part, element, depth))
            elif part.tag in ("composite", "flexcomp"):
                self._tell(f"A soft body (<{part.tag}>) is left out.")
            elif part.tag == "attach" or (part.tag == "asset" and part.find("model") is not None):
                raise RobotError(
                    f"'{self.source}' attaches the model of another file. Store it as one file "
                    "first: mujoco.MjSpec.from_file(...), compile() and to_xml().",
                    self.source,
                )
            elif part.tag != "asset":
                element.append(part)

    def _include(self, part: Element, within: Element, depth: int) -> list[Element]:
        """The elements of an included file that may stand where it is included."""
        name = part.get("file", "")
        path = self.folder / name
        if depth == MAX_DEPTH:
            raise RobotError(
                f"'{self.source}' includes files that include files, more than {MAX_DEPTH} deep.",
                self.source,
            )
        try:
            path = path.resolve(strict=True)
            if path in self.included or not path.is_file():
                raise RobotError(
                    f"'{self.source}' includes '{name}' twice, or it is no file. MJCF files "
                    "include another once.",
                    name,
                )
            data = path.read_bytes()
        except (OSError, ValueError) as error:
            raise RobotError(
                f"'{self.source}' includes '{name}', which cannot be read: {error}. Expected it "
                f"in '{self.folder}'.",
                name,
            ) from error
        self.included.add(path)
        text, notes = decoded(data, name)
        self.notes.extend(notes)
        return [each for each in self.read(text, name, depth + 1) if _fits(within, each.tag)]

    def _tell(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


def _wanted(parent: Element | None, tag: str) -> bool:
    """Whether an element is kinematics, or may hold some."""
    return parent is None or _fits(parent, tag)


def _fits(parent: Element, tag: str) -> bool:
    if parent.tag == "mujocoinclude":
        return any(tag in kept for kept in _KEPT.values())
    return tag in _KEPT.get("body" if parent.tag in _BODIES else parent.tag, ())


def _bound(root: Element, source: str) -> None:
    """Refuse what MuJoCo would multiply beyond `MAX_JOINTS`, and files nested in files too deep."""
    waiting = [(root, 1, 1)]
    joints = bodies = 0
    while waiting:
        element, times, depth = waiting.pop()
        if depth > MAX_NESTING:
            raise too_deep(source)
        if element.tag == "replicate":
            count = element.get("count", "1")
            # MuJoCo says it better where it is no number.
            times *= min(int(count), MAX_ELEMENTS) if count.strip().isdecimal() else 1
        joints += times * (element.tag in ("joint", "freejoint"))
        bodies += times * (element.tag in ("body", "site", "replicate"))
        if joints > MAX_JOINTS or bodies > 10 * MAX_JOINTS:
            raise RobotError(
                f"'{source}' has more than {MAX_JOINTS:,} joints, or {10 * MAX_JOINTS:,} bodies "
                "and sites, which is no robot that a chain could be taken from. Give a file "
                "with the part of interest.",
                source,
            )
        waiting.extend((part, times, depth + 1) for part in element)


def _drop_idle_tendons(root: Element) -> None:
    """Drop the tendons along sites that no equality uses: they tie no joints."""
    used = {
        part.get(name)
        for equality in root.iter("equality")
        for part in equality
        for name in ("tendon1", "tendon2")
    }
    for tendons in root.iter("tendon"):
        for tendon in tendons.findall("spatial"):
            if tendon.get("name") not in used:
                tendons.remove(tendon)
