"""The reference of the C interface, out of the comments of a generated header."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from edge_ik_tools.c99.source import Firmware

INTRODUCTION = """# C interface

These are the comments and declarations of the header that `edge-ik export MODEL --firmware c99`
writes, here of the model of `arm3` that the repository ships. Names begin with that of the model
(`--name` chooses another), and what depends on the robot and its task (numbers in a target, units
of joints, branches) stands in your own header.
"""
BLOCK = re.compile(r"/\*(?P<comment>.*?)\*/\n(?P<code>(?:(?!\n/\*).)*)", re.DOTALL)
HEADING = re.compile(r"\b(arm3_\w+)\(")


def c_reference(model: Path) -> str:
    """The page of the C interface.

    Args:
        model: The model whose header is shown.

    Raises:
        ValueError: If a function of the header stands without a comment.
    """
    header = Firmware.load(model, "arm3").header()
    public = header[header.index('extern "C" {\n#endif\n') + len('extern "C" {\n#endif\n') :]
    public = public[: public.rindex("#ifdef __cplusplus")].strip()
    constants, _, rest = public.partition("typedef enum")
    sections = [INTRODUCTION, "## Constants\n", _code(constants)]
    rest = "typedef enum" + rest
    at = rest.index("\n\n/*")
    sections += ["## Status and measures\n", _code(rest[:at])]
    for block in BLOCK.finditer(rest[at:]):
        names = HEADING.findall(block["code"])
        title = ", ".join(f"`{name}`" for name in names)
        if title:
            sections.append(f"## {title}\n")
        sections += [_prose(block["comment"]), _code(block["code"])]
    text = "\n".join(sections)
    missing = [name for name in set(HEADING.findall(public)) if f"`{name}`" not in text]
    if missing:
        raise ValueError(f"Functions without a comment in the header: {', '.join(missing)}")
    return text


def _code(code: str) -> str:
    return f"```c\n{code.strip()}\n```\n"


def _prose(comment: str) -> str:
    """A comment as Markdown: paragraphs, and what is indented as code."""
    lines = textwrap.dedent("   " + comment.strip("\n").lstrip()).splitlines()
    out = []
    for line in lines:
        out.append(re.sub(r"\b(ARM3_\w+|arm3_\w+)\b", r"`\1`", line) if line[:4].strip() else line)
    return "\n".join(out).strip() + "\n"
