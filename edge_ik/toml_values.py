"""TOML values: read, checked against the type of their field, and written."""

from __future__ import annotations

import json
import sys
import tomllib
import types
from pathlib import Path
from typing import Any

from firmware_host.errors import ConfigError
from firmware_host.json_text import read_bytes
from firmware_host.names import brief

# A configuration takes some 2 KB; reading TOML takes a second for a few hundred.
MOST_BYTES = 64 * 2**10
# Of a line; a list of a robot's numbers has some dozens.
MOST_DOTS = 256


def toml_value(value: Any) -> str:
    """A TOML literal; for the kinds of value here JSON's notation is nearly TOML's."""
    text = json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
    return text.replace("\x7f", "\\u007f")  # the one control character that JSON leaves alone


def read_toml(file: Path, what: str = "the configuration") -> dict[str, Any]:
    """The values in a TOML file.

    Args:
        file: The file.
        what: What it is, for the message.

    Raises:
        ConfigError: If the file cannot be read or is none.
    """
    try:
        return parse_toml_text(read_bytes(file, MOST_BYTES).decode("utf-8"))
    except OSError as error:
        raise ConfigError(f"Cannot read {what} {file}: {error.strerror}.") from error
    except ValueError as error:
        raise ConfigError(f"{file} is not a TOML file: {brief(str(error))}.") from error


def parse_toml_text(text: str) -> dict[str, Any]:
    """The values of a TOML document from elsewhere.

    Raises:
        ValueError: If it is none, or nested too deeply.
    """
    # A key of very many parts takes time with their square.
    if any(line.count(".") > MOST_DOTS for line in text.splitlines()):
        raise ValueError(f"a line has more than {MOST_DOTS} dots")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def parsed_value(text: str, hint: Any) -> Any:
    """A value given as text: a TOML value, or else the text itself."""
    try:
        value = parse_toml_text(f"value = {text}")["value"]
    except ValueError:
        return text
    # The name of a robot may read like a number.
    return text if hint is str and not isinstance(value, str) else value


def checked_value(key: str, value: Any, hint: Any) -> Any:
    """A value as the type of its field.

    Args:
        key: Its dotted key, for the message.
        value: As a TOML file has it.
        hint: The type of the field.

    Raises:
        ConfigError: If it is of another type, or not finite.
    """
    if isinstance(hint, types.GenericAlias):  # tuple[float, ...]
        numbers = isinstance(value, list | tuple) and all(_is_number(item) for item in value)
        if not numbers:
            raise ConfigError(
                f"Expected a list of numbers for '{key}'. Received: {brief(repr(value))}"
            )
        return tuple(float(item) for item in value)
    if hint is float and _is_number(value):
        return float(value)
    if hint is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    # A float that comes here is not finite.
    if hint is float or not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        names = {
            int: "a whole number",
            float: "a finite number",
            bool: "true or false",
            str: "text",
        }
        raise ConfigError(f"Expected {names[hint]} for '{key}'. Received: {brief(repr(value))}")
    if isinstance(value, str) and not _is_unicode(value):
        raise ConfigError(
            f"Expected text for '{key}'. Received: {brief(repr(value))}, which is not UTF-8; "
            "rename the file."
        )
    return value


def _is_unicode(text: str) -> bool:
    """Whether a text can be written into a file: a path may be of bytes that are no text."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value) <= sys.float_info.max
