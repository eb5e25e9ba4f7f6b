"""How identifiers and numbers are written in C."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from firmware_host.errors import ConfigError, ModelFileError
from firmware_host.names import brief

LINE = 96

# C99 promises 31 characters of a name that linkers tell apart, compilers take any number, and file
# systems 255 bytes, which names of functions and files are longer than this by some words.
LONGEST_IDENTIFIER = 64

# Names that C99 and C++ reserve, of those that a robot might bear.
# fmt: off
RESERVED = frozenset((
    "auto", "bool", "break", "case", "char", "class", "const", "continue", "default", "do",
    "double", "else", "enum", "extern", "float", "for", "goto", "if", "inline", "int", "long",
    "main", "new", "register", "restrict", "return", "short", "signed", "sizeof", "static",
    "struct", "switch", "this", "typedef", "union", "unsigned", "void", "volatile", "while",
))
# Names of headers, libraries and targets that a header NAME.h, a library NAME and a target NAME
# of build systems must not take the place of; those of Arduino on any file system.
TAKEN = frozenset((
    "assert", "complex", "ctype", "errno", "fenv", "inttypes", "iso646", "limits", "locale",
    "math", "setjmp", "signal", "stdalign", "stdarg", "stdatomic", "stdbool", "stddef", "stdint",
    "stdio", "stdlib", "stdnoreturn", "string", "tgmath", "threads", "time", "uchar", "wchar",
    "wctype", "memory", "strings", "unistd", "sched", "arm_acle", "arm_mve",
    "c", "m", "gcc", "arduino", "eeprom", "ethernet", "servo", "spi", "stepper", "usb", "wifi",
    "wire", "py", "micropython", "kernel", "driver", "esp_system", "freertos", "zephyr",
    "all", "all_build", "clean", "edit_cache", "help", "install", "package", "package_source",
    "preinstall", "rebuild_cache", "run_tests", "test", "zero_check", "app",
))
# fmt: on


def identifier(name: str) -> str:
    """A C identifier in lower case for a robot's name, as "ur5e" for "UR5e".

    Raises:
        ConfigError: If hardly anything of the name can be used, or it is too long.
    """
    found = re.sub(r"\W+|_+", "_", name, flags=re.ASCII).strip("_").lower()
    if not found:
        raise ConfigError(
            f"The name '{brief(name)}' has no letters that C can use. Give one with --name."
        )
    if found[0].isdigit() or found in RESERVED | TAKEN:
        found = f"robot_{found}"
    if len(found) > LONGEST_IDENTIFIER:
        raise ConfigError(
            f"The name '{brief(name)}' is one of {len(found)} characters in C. Expected at most "
            f"{LONGEST_IDENTIFIER}: give a shorter one with --name."
        )
    return found


def float_literal(value: float) -> str:
    """A float32 constant that reads back as exactly this float32.

    Raises:
        ModelFileError: If single precision cannot hold the number.
    """
    with np.errstate(over="ignore"):
        single = np.float32(value)
    if not np.isfinite(single):
        raise ModelFileError(
            f"The model has a number that single precision cannot hold. Received: {value:g}"
        )
    text = f"{single:.9g}"
    return (text if any(mark in text for mark in ".e") else f"{text}.0") + "f"


def float_list(values: Iterable[float]) -> str:
    """float32 numbers as they stand between the braces of an initializer."""
    return ", ".join(map(float_literal, values))


def initializer(values: Iterable[float]) -> str:
    """An array of float32 numbers on one line, braces included."""
    return f"{{{float_list(values)}}}"


def integers(values: npt.ArrayLike) -> str:
    """Integers as the lines between the braces of an array."""
    return _lines(str(value) for value in np.asarray(values).ravel().tolist())


def floats(values: npt.ArrayLike) -> str:
    """float32 numbers as the lines between the braces of an array."""
    return _lines(float_literal(value) for value in np.asarray(values).ravel().tolist())


def array(kind: str, name: str, values: npt.ArrayLike, qualifiers: str = "") -> str:
    """The definition of a constant array of integers or floats."""
    flat = np.asarray(values).ravel()
    text = floats(flat) if flat.dtype.kind == "f" else integers(flat)
    return f"static const IN_FLASH {kind} {name}[{flat.size}]{qualifiers} = {{\n{text}\n}};"


def indented(lines: Iterable[str]) -> str:
    """Lines of code, moved in by a level."""
    return "\n".join("    " + line if line else "" for line in lines)


def table(rows: Iterable[Iterable[object]]) -> str:
    """Rows of numbers as the lines between the braces of an array of structures."""
    return "\n".join("    {" + ", ".join(map(str, row)) + "}," for row in rows)


def _lines(words: Iterable[str]) -> str:
    return textwrap.fill(
        ", ".join(words),
        LINE,
        initial_indent="    ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
