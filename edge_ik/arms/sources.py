"""Where a description comes from, told by its content: a name, a file, a package's robot."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
from dataclasses import replace
from pathlib import Path

from edge_ik.arms.builtin import arm_names, builtin_arms
from edge_ik.arms.description import Description
from edge_ik.arms.mjcf import parse_mjcf
from edge_ik.arms.mjcf_text import ROOTS
from edge_ik.arms.robot_toml import parse_toml
from edge_ik.arms.safe_xml import outermost
from edge_ik.arms.text import decoded
from edge_ik.arms.urdf import parse_urdf
from edge_ik.arms.xacro_source import XacroSourceError, expanded, is_installed
from firmware_host.errors import RobotError
from firmware_host.given import path_given

MAX_BYTES = 10_000_000
# What stands before the name of a robot of the package robot_descriptions.
PACKAGE = "robot_descriptions"
EXPECTED = (
    "Expected a file (URDF, xacro, MJCF or robot TOML), robot_descriptions:NAME, or a built-in "
    f"robot: {', '.join(arm_names())}."
)


def read_description(name_or_path: str | os.PathLike[str]) -> Description:
    """The robot that a name or a path stands for.

    Raises:
        RobotError: If there is no such robot, or its description cannot be read.
        MissingExtraError: If a package is missing that its format needs.
    """
    path_given(name_or_path, "a robot, or its name,", RobotError)
    where = os.fspath(name_or_path)
    builtin = builtin_arms().get(where)
    if builtin is not None:
        return parse_urdf(builtin.urdf().decode("utf-8"), where)
    package, colon, name = where.partition(":")
    if colon and package == PACKAGE:
        where = _packaged(name)
    data = _data(where)
    if not data.strip():
        raise RobotError(f"'{where}' is empty. {EXPECTED}", where)
    text, notes = decoded(data, where)
    found = _parsed(text, where)
    return replace(found, notes=(*notes, *found.notes))


def _parsed(text: str, where: str) -> Description:
    """A description by what its text is."""
    if not text.lstrip("\ufeff \t\r\n").startswith("<"):
        return parse_toml(text, where)
    if outermost(text) in ROOTS:
        return parse_mjcf(text, where, Path(where).parent)
    try:
        return parse_urdf(text, where)
    except XacroSourceError:
        if not is_installed():
            raise
    found = parse_urdf(expanded(where, MAX_BYTES), where)
    if not found.links:
        raise RobotError(
            f"'{where}' is xacro source that makes no links: macros for other files. Give the file "
            "that uses them.",
            where,
        )
    return found


def _data(where: str) -> bytes:
    """What is in a file, if it is one and not too large."""
    path = Path(where)
    try:
        if not path.exists():
            raise RobotError(f"There is no file '{where}'. {EXPECTED}", where)
        # Also keeps devices and pipes out, which could be read without end.
        if not path.is_file():
            raise RobotError(f"'{where}' is not a file. {EXPECTED}", where)
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise RobotError(f"File '{where}' cannot be read: {error}. {EXPECTED}", where) from error
    if len(data) > MAX_BYTES:
        raise RobotError(
            f"File '{where}' is too large. Expected at most {MAX_BYTES:,} bytes.", where
        )
    return data


def _packaged(name: str) -> str:
    """The file of a robot of the package robot_descriptions, which downloads it if need be.

    Raises:
        RobotError: If the package is not installed, has no such robot, or cannot get it.
    """
    where = f"{PACKAGE}:{name}"
    if importlib.util.find_spec(PACKAGE) is None:
        raise RobotError(
            f"'{where}' needs the package '{PACKAGE}', which is not installed. Install it with: "
            f"pip install {PACKAGE}",
            where,
        )
    module_name = f"{PACKAGE}.{name}"
    known = re.fullmatch(r"[a-z0-9_]+_description", name) is not None
    if not known or importlib.util.find_spec(module_name) is None:
        raise RobotError(
            f"The package '{PACKAGE}' has no robot '{name}'. Expected a name such as "
            f"ur5e_description; all are listed by: python -m {PACKAGE} list",
            where,
        )
    try:
        # It is cloned on import, from the repositories that the package names.
        module = importlib.import_module(module_name)
        return _file_of(module)
    except RobotError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise RobotError(
            f"'{where}' could not be fetched: {type(error).__name__}: {reason}. It is downloaded "
            "when first used; try again with a connection.",
            where,
        ) from error


def _file_of(module: object) -> str:
    """The description that a module of robot_descriptions stands for, URDF before MJCF."""
    for attribute in ("URDF_PATH", "MJCF_PATH"):
        path = getattr(module, attribute, None)
        if path is not None:
            return str(path)
    if getattr(module, "XACRO_PATH", None) is not None:
        # The package expands its xacro sources itself, with the arguments that it names.
        path = importlib.import_module(f"{PACKAGE}._xacro").get_urdf_path(module)
        return str(path)
    raise RobotError(
        f"'{getattr(module, '__name__', '')}' has neither a URDF nor an MJCF description.", PACKAGE
    )
