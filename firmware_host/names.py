"""Names that users give: what one may be, and how it is written where marks have a meaning.

Robots, links, joints and branches bear names, which come from files that anybody may have
written. `is_name` decides what may be one. Whatever else of a user's is told, such as the path
of a file, may be any text at all. Both go through a function of this module to wherever
characters act: to a terminal, into C, and into the README and the files of build systems.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from firmware_host.errors import RobotError

# Characters of the longest name; those of generated descriptions have some 100.
LONGEST_NAME = 256
# Characters of text from elsewhere in a sentence, more than a name has.
LONGEST_TOLD = 2 * LONGEST_NAME
# What a sentence on an unusable name repeats of it.
REPEATED = 80
# Names and paths in a picture; matplotlib reads what is between two of these as a formula.
FORMULA = "$"

_PLAIN = re.compile(r"[^A-Za-z0-9 _.,:()+-]+")
_NOT_IN_FILE_NAMES = re.compile(r"[^\w.+-]+")


def is_name(value: Any, longest: int = LONGEST_NAME) -> bool:
    """Whether a value can be a name: printable text, not blank, and of bounded length.

    What Unicode has for layout is not printable: control characters, line ends of every kind,
    marks that turn the direction of writing, lone surrogates.

    Args:
        value: Anything.
        longest: The most characters.
    """
    return (
        isinstance(value, str)
        and len(value) <= longest
        and bool(value.strip())
        and value.isprintable()
    )


def check_name(value: str, what: str, longest: int = LONGEST_NAME) -> None:
    """Refuse what cannot be a name.

    Args:
        value: A name.
        what: What bears it, for the sentence: "robot".
        longest: The most characters.

    Raises:
        RobotError: If it is no name.
    """
    if not is_name(value, longest):
        raise RobotError(
            f"A {what} has no usable name. Expected printable text of at most {longest} "
            f"characters. Received: {value[:REPEATED]!r}",
            value,
        )


def check_names(named: Mapping[str, str]) -> None:
    """Refuse what cannot be a name, of several by what bears them; see `check_name`."""
    for what, name in named.items():
        check_name(name, what)


def shown(text: str) -> str:
    """Any text as a terminal may have it: what is not printable is written as its escape.

    Line ends stay, as sentences may have several lines.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in text)


def one_line(text: str) -> str:
    """Any text as it may stand in a cell or a sentence, in one line: `shown` without line ends."""
    return shown(text).replace("\n", "\\n")


def brief(text: str) -> str:
    """Any text as a sentence may repeat it: in one line, and no longer than names may be."""
    return one_line(text if len(text) <= LONGEST_TOLD else f"{text[:LONGEST_TOLD]}...")


def c_comment(text: str) -> str:
    """Any text as it may stand in a comment of C, and behind the `#` of a build system."""
    plain = re.sub(r"[^ -~]+", " ", text)
    return re.sub(r"\?\?/|[/*\\]{2,}|\\", "_", plain)


def c_string(text: str) -> str:
    """Any text as a string literal of C, quotation marks included."""
    escaped = c_comment(text).replace('"', '\\"').replace("?", "\\?")
    return f'"{escaped}"'


def plain(text: str) -> str:
    """Any text where most marks mean something: Markdown with its HTML, and manifests."""
    return _PLAIN.sub("_", text)


def file_name(text: str) -> str:
    """Any text as the name of one file: of no other folder, not hidden, and no option."""
    return _NOT_IN_FILE_NAMES.sub("_", text).lstrip(".-") or "_"


def in_picture(text: str) -> str:
    """Any text as matplotlib draws it, letter by letter."""
    return one_line(text).replace(FORMULA, "\\" + FORMULA)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
