"""Reading XML that may be anything: no entities, no more elements than a robot has.

Names keep their prefixes (`xacro:macro`), and prefixes need no declaration: simulators'
files use some that nobody declared.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NoReturn
from xml.etree.ElementTree import Element
from xml.parsers import expat

from firmware_host.errors import RobotError

# A robot of this many joints is no chain that a network could be trained for; MAX_ELEMENTS
# leaves each of them its parts, and keeps reading within a second and some 100 MB.
MAX_JOINTS = 10_000
MAX_ELEMENTS = 100_000
# A tree has one link more than joints; some that nothing holds may be left in a file.
MAX_LINKS = 2 * MAX_JOINTS
# A robot's parts stand 20 deep, in MJCF one deeper for each joint in a row; writing a tree again
# takes a call for each, of which Python has 1,000, and MuJoCo reads 500.
MAX_NESTING = 400
MOST_PARTS = {"joint": MAX_JOINTS, "link": MAX_LINKS}

# The parser has no bound for one element, and takes seconds for a million attributes.
_LONG = re.compile(r"<[^<]{1000000}")
_DECLARATION = re.compile(r"<\?xml\b.*?\?>", re.DOTALL)

# Whether an element of this name is of interest inside that one (None: the outermost).
Wanted = Callable[[Element | None, str], bool]
"""Whether an element is kept: from its parent, None at the root, and its tag."""


def read_xml(text: str, source: str, wanted: Wanted) -> tuple[Element, tuple[str, ...]]:
    """The tree of the elements of interest, and sentences on what was put right.

    An element that is not wanted is skipped with all that is in it.

    Args:
        text: The document; blank lines and a mark before its declaration are passed over.
        source: File or robot name for sentences.
        wanted: Which elements to keep.

    Raises:
        RobotError: If it is no well-formed XML, has a document type, or is too large.
    """
    text = text.lstrip("\ufeff \t\r\n")
    if _LONG.search(text):
        raise RobotError(f"'{source}' has an element of more than a million characters.", source)
    # The text is decoded: what a declaration says of its encoding no longer holds.
    text = _DECLARATION.sub("", text, count=1) if text.startswith("<?xml") else text
    try:
        return _parsed(text, source, wanted), ()
    except expat.ExpatError as error:
        # The one repair: a comment may hold "--" in files that other readers take.
        without = without_comments(text)
        try:
            root = _parsed(without, source, wanted)
        except expat.ExpatError:
            raise RobotError(f"'{source}' is not well-formed XML: {error}.", source) from error
    return root, (f"'{source}' has a comment with '--' in it, which XML forbids; passed over.",)


class _Builder:
    """Builds the tree, and stops before an entity could be declared or memory runs out."""

    def __init__(self, source: str, wanted: Wanted) -> None:
        self.source = source
        self.wanted = wanted
        self.root: Element | None = None
        self.open: list[Element] = []
        self.skipped = 0
        self.elements = 0
        self.parts = dict.fromkeys(MOST_PARTS, 0)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        if len(self.open) + self.skipped == MAX_NESTING:
            raise too_deep(self.source)
        parent = self.open[-1] if self.open else None
        if self.skipped or not self.wanted(parent, tag):
            self.skipped += 1
            return
        self._count(tag)
        element = Element(tag, attributes)
        if parent is None:
            self.root = element
        else:
            parent.append(element)
        self.open.append(element)

    def end(self, _tag: str) -> None:
        """An element ends."""
        if self.skipped:
            self.skipped -= 1
        else:
            self.open.pop()

    def doctype(self, *_arguments: object) -> NoReturn:
        """Refuse a document type, which could declare entities."""
        raise RobotError(
            f"'{self.source}' has a DOCTYPE, which could pull in other files. "
            "Remove it: robot descriptions need none.",
            self.source,
        )

    def _count(self, tag: str) -> None:
        """Refuse what is too large while it is read."""
        self.elements += 1
        if tag in self.parts:
            self.parts[tag] += 1
            if self.parts[tag] > MOST_PARTS[tag]:
                raise self._too_large(f"{MOST_PARTS[tag]:,} {tag}s")
        if self.elements > MAX_ELEMENTS:
            raise self._too_large(f"{MAX_ELEMENTS:,} elements")

    def _too_large(self, what: str) -> RobotError:
        return RobotError(
            f"'{self.source}' has more than {what}, which is no robot that a chain could be "
            "taken from. Give a file with the part of interest.",
            self.source,
        )


def too_deep(source: str) -> RobotError:
    """The refusal of a description whose elements are nested too deeply."""
    return RobotError(
        f"'{source}' has elements in elements, more than {MAX_NESTING} deep, which is no robot "
        "that a chain could be taken from. Give a file with the part of interest.",
        source,
    )


def _parsed(text: str, source: str, wanted: Wanted) -> Element:
    """The tree of a document without a declaration."""
    builder = _Builder(source, wanted)
    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.StartDoctypeDeclHandler = builder.doctype
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise RobotError(f"'{source}' is not text: {error.reason}.", source) from error
    parser.Parse(data, True)
    if builder.root is None:
        raise RobotError(f"'{source}' has no element of a robot description.", source)
    return builder.root


def without_comments(text: str) -> str:
    """The text with its comments blank, in one pass; one that does not end stays."""
    kept: list[str] = []
    at = 0
    while True:
        start = text.find("<!--", at)
        end = text.find("-->", start + 4) if start >= 0 else -1
        if end < 0:
            return "".join([*kept, text[at:]])
        # Its lines stay, so that an error further on names the right one.
        kept += [text[at:start], "\n" * text.count("\n", start, end)]
        at = end + 3


def outermost(text: str) -> str:
    """Name of a document's first element; empty if there is none."""
    found = re.search(r"<([A-Za-z_][\w:.-]*)", without_comments(text))
    return found.group(1) if found else ""


def local_name(tag: str) -> str:
    """The name of an element without its prefix."""
    return tag.rpartition(":")[2]
