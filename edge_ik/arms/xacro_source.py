"""xacro source: how it is told from a URDF, and its expansion through the package `xacro`."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import IO, NoReturn
from xml.etree.ElementTree import Element

from edge_ik.arms.description import MOVING
from edge_ik.arms.expand_xacro import NO_MEMORY
from firmware_host.errors import RobotError
from firmware_host.installed import install_command

# The arms of ROS's packages take 0.1 s and 16 MB, a thousand joints 1.1 s and 36 MB: room for a
# board that is ten times as slow. What a file says may take any time and memory.
SECONDS = 5
MEGABYTES = 500
# Of what xacro complains, the end is read for its reason.
MAX_COMPLAINT_BYTES = 100_000
# Elements that only say what others may use: alone, they change nothing.
_DEFINITIONS = ("macro", "property", "arg")
_URLS = ("ros.org/wiki/xacro", "wiki.ros.org/xacro", "ros.org/xacro")
# Runs in its own process, so that neither time nor memory of a strange file is ours. As a file, for
# it needs nothing of this package; -P: what lies beside it, or in the working folder, is no module.
COMMAND = (sys.executable, "-P", str(Path(__file__).with_name("expand_xacro.py")))


class XacroSourceError(RobotError):
    """A file is xacro source."""


@dataclass
class XacroParts:
    """What of xacro was seen in a file.

    A file is xacro source if expansion would add to its kinematics: where attributes hold
    expressions, or elements are made by macros. One element that was left over in a file
    that has its moving joints written out is no more than that.

    Attributes:
        calls: Elements that make others: includes, conditions, calls of macros.
        definitions: Elements that only define.
        expressions: Whether an attribute of a link or joint holds an expression.
        inside: Whether a part of a joint is made by an element.
        moving: Moving joints that are written out.
        first: Name of the first element of xacro; nothing if there is none.
    """

    calls: int = 0
    definitions: int = 0
    expressions: bool = False
    inside: bool = False
    moving: int = 0
    first: str = ""

    def see_element(self, name: str) -> None:
        """A xacro element outside of links and joints."""
        self.first = self.first or name
        if name in _DEFINITIONS:
            self.definitions += 1
        else:
            self.calls += 1

    def see_text(self, value: str) -> None:
        """The value of an attribute of a link, a joint or a part of one."""
        self.expressions = self.expressions or "${" in value or "$(" in value

    def see_joint(self, kind: str) -> None:
        """A joint that is written out."""
        self.moving += kind in MOVING

    def see_inside(self) -> None:
        """A xacro element in a joint."""
        self.inside = True

    @property
    def is_source(self) -> bool:
        """Whether the file must be expanded first."""
        if self.expressions or self.inside:
            return True
        return self.calls > (1 if self.moving else 0) or (self.definitions > 0 and not self.moving)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what was left over."""
        if not self.calls + self.definitions:
            return ()
        return (f"A xacro element was left over (<xacro:{self.first}>) and is ignored.",)


def xacro_prefixes(root: Element) -> frozenset[str]:
    """The prefixes that stand for xacro: the usual one, and those declared for it."""
    declared = {
        name.removeprefix("xmlns:")
        for name, value in root.attrib.items()
        if name.startswith("xmlns:") and any(url in value for url in _URLS)
    }
    return frozenset(declared | {"xacro"})


def refuse_xacro(source: str) -> NoReturn:
    """Say that a file is xacro source and what to do."""
    raise XacroSourceError(
        f"'{source}' is xacro source: macros that a URDF is made from. Expand it, in ROS with: "
        f"{_by_hand(source)}; or install the package and give the same file again: "
        + install_command("xacro"),
        source,
    )


def _by_hand(path: str) -> str:
    """The line for a shell that expands a file."""
    return f"xacro {quote(path)} > robot.urdf"


def is_installed() -> bool:
    """Whether the package `xacro` can be used."""
    return importlib.util.find_spec("xacro") is not None


def expanded(path: str, most_bytes: int) -> str:
    """The URDF text that a xacro file expands to.

    Args:
        path: The file.
        most_bytes: Size of the result that is refused.

    Raises:
        RobotError: If xacro cannot expand it, in its own words, or takes too much time or memory.
    """
    advice = f"Expand it where its packages are, in ROS with: {_by_hand(path)}"
    try:
        status, output, complaint = _run(path, most_bytes)
    except (TimeoutError, subprocess.TimeoutExpired):
        raise _too_long(path, advice) from None
    if len(output) > most_bytes:
        raise XacroSourceError(
            f"'{path}' is xacro source that expands to more than {most_bytes:,} bytes.", path
        )
    if status == -getattr(signal, "SIGALRM", signal.SIGTERM):
        raise _too_long(path, advice)
    if status != 0:
        lines = complaint.decode("utf-8", "replace").strip().splitlines()
        reason = _reason(lines or [f"no reason given, but status {status}"])
        if reason == NO_MEMORY:
            raise XacroSourceError(
                f"'{path}' is xacro source, and its expansion takes more than {MEGABYTES} MB. "
                f"{advice}",
                path,
            )
        raise XacroSourceError(
            f"'{path}' is xacro source, and xacro cannot expand it here: {reason}. {advice}", path
        )
    return output.decode("utf-8")


def _too_long(path: str, advice: str) -> XacroSourceError:
    return XacroSourceError(
        f"'{path}' is xacro source, and its expansion did not end in {SECONDS} s. {advice}", path
    )


def _run(path: str, most_bytes: int) -> tuple[int, bytes, bytes]:
    """Status, output and complaint of the process that expands a file; it is ended in any case.

    Of the output one byte more than `most_bytes` is read at most.

    Raises:
        TimeoutError, subprocess.TimeoutExpired: If it did not end in `SECONDS`.
    """
    place = os.path.abspath(path)  # noqa: PTH100 (links stay links)
    command: Sequence[str] = (*COMMAND, place, str(SECONDS), str(MEGABYTES))
    ends = time.monotonic() + SECONDS
    pipe = subprocess.PIPE
    with (
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe) as process,
        ThreadPoolExecutor(2) as pool,
    ):
        try:
            output = pool.submit(_read, process.stdout, most_bytes + 1)
            complaint = pool.submit(_read, process.stderr, MAX_COMPLAINT_BYTES)
            read = [part.result(ends - time.monotonic()) for part in (output, complaint)]
            return process.wait(max(0.0, ends - time.monotonic())), read[0], read[1]
        finally:
            process.kill()


def _read(pipe: IO[bytes] | None, most_bytes: int) -> bytes:
    """What comes through a pipe, which is closed where that is too much, so that no more comes."""
    if pipe is None:
        return b""
    with pipe:
        return pipe.read(most_bytes)


def _reason(lines: list[str]) -> str:
    """What of xacro's complaint says why."""
    telling = [line.strip() for line in lines if "rror" in line or "No module" in line]
    return (telling or lines)[-1].strip().removeprefix("error: ")[:300].rstrip(".")
