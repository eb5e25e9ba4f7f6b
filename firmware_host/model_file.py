"""A `.tflite` file that carries its robot.

The flatbuffer is followed by a ZIP archive, TFLite's own convention for associated
files: TFLite runtimes read the flatbuffer and never see the archive, and any ZIP tool
lists it. Its one member, `edge_ik.json`, is the spec (robot, task, normalization) and
the hash of the flatbuffer it belongs to. Nothing of a file is handed to a runtime
before that hash is checked.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from firmware_host.errors import ModelFileError
from firmware_host.files import write_bytes
from firmware_host.given import path_given
from firmware_host.json_text import parse_json
from firmware_host.names import brief
from firmware_host.network.flatbuffer import read_graph

MEMBER = "edge_ik.json"
FORMAT = "edge-ik"
FORMAT_VERSION = 3
# The fields that bind a spec to its flatbuffer; a spec cannot have them itself.
ENVELOPE = ("format", "format_version", "flatbuffer_sha256", "flatbuffer_bytes")

# A robot takes a few kilobytes and a network for a microcontroller a few hundred.
MAX_SPEC_BYTES = 4 * 2**20
MAX_FILE_BYTES = 256 * 2**20

# The record that ends an archive, 22 bytes long without a comment, and its marks.
END_BYTES = 22
END_MARK = b"PK\x05\x06"
MEMBER_MARK = b"PK\x03\x04"
DIRECTORY_MARK = b"PK\x01\x02"
# Time and date, 1 January 1980; the version of ZIP; who made it, as file systems go.
EARLIEST = (0, 0x21)
VERSION, UNIX = 20, 3
# Bytes of a member's header and of its entry in the directory, each with its name, and where
# the entry says where the header is.
HEADER_BYTES = 30 + len(MEMBER)
DIRECTORY_BYTES = 46 + len(MEMBER)
DIRECTORY_START = 42


def pack(flatbuffer: bytes, spec: Mapping[str, Any]) -> bytes:
    """Join a network and its robot; the same arguments always give the same bytes.

    Args:
        flatbuffer: A TFLite model without an archive behind it.
        spec: JSON-ready values, with none of the keys in `ENVELOPE`.

    Returns:
        The content of a model file.

    Raises:
        ModelFileError: If the flatbuffer is none, or the spec is not JSON, too large,
            or uses a reserved key.
    """
    flatbuffer = bytes(flatbuffer)
    read_graph(flatbuffer)
    if flatbuffer[-END_BYTES:].startswith(END_MARK):
        raise ModelFileError("The model already carries an archive; pack the flatbuffer alone.")
    for key in ENVELOPE:
        if key in spec:
            raise ModelFileError(f"The spec uses the key '{key}', which is reserved.")
    envelope = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "flatbuffer_sha256": hashlib.sha256(flatbuffer).hexdigest(),
        "flatbuffer_bytes": len(flatbuffer),
    }
    try:
        text = json.dumps({**envelope, **spec}, allow_nan=False)
        content = text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelFileError(f"The spec cannot be written as JSON: {error}.") from error
    if len(content) > MAX_SPEC_BYTES:
        raise ModelFileError(f"The spec is too large: {len(content)} of {MAX_SPEC_BYTES} bytes.")
    if len(flatbuffer) > MAX_FILE_BYTES - 2 * MAX_SPEC_BYTES:
        raise ModelFileError(f"The network is too large for a model: {len(flatbuffer):,} bytes.")
    return joined(flatbuffer, content)


def joined(flatbuffer: bytes, content: bytes) -> bytes:
    """A flatbuffer and the member behind it, whatever they say; `pack` has what they should.

    Args:
        flatbuffer: A TFLite model without an archive behind it.
        content: The text of the member.
    """
    return flatbuffer + _archive(content, len(flatbuffer))


def unpack(data: bytes) -> tuple[bytes, dict[str, Any]]:
    """Take a model file apart and check that its parts belong together.

    Args:
        data: The content of a model file.

    Returns:
        The flatbuffer and the spec, as they were given to `pack`.

    Raises:
        ModelFileError: If the bytes are not a TFLite model, carry no robot, or are
            truncated, changed, or followed by something else.
    """
    data = bytes(data)
    if data[4:8] != b"TFL3":
        read_graph(data)  # Says what is wrong.
    if not data[-END_BYTES:].startswith(END_MARK):
        raise _without_archive(data)
    content, start = _member(data)
    values = _parsed(content)
    flatbuffer = data[:start]
    if values["flatbuffer_bytes"] != len(flatbuffer):
        raise ModelFileError(
            f"The model file was changed: its network has {len(flatbuffer)} bytes. "
            f"Expected: {brief(str(values['flatbuffer_bytes']))}"
        )
    if values["flatbuffer_sha256"] != hashlib.sha256(flatbuffer).hexdigest():
        raise ModelFileError("The model file was changed: its network has another hash.")
    return flatbuffer, {key: value for key, value in values.items() if key not in ENVELOPE}


def read_model(path: str | Path) -> tuple[bytes, dict[str, Any]]:
    """Read a model file.

    Args:
        path: A `.tflite` file written by `write_model`.

    Returns:
        The flatbuffer and the spec.

    Raises:
        ModelFileError: If the file cannot be read, is too large, or `unpack` refuses
            its content. The message starts with the path.
    """
    place = path_given(path, "a model file", ModelFileError)
    try:
        with place.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise ModelFileError(f"There is no model file '{path}'.") from error
    except IsADirectoryError as error:
        raise ModelFileError(
            f"'{path}' is a folder. Expected a .tflite file: `edge-ik export RUN` writes them into "
            "RUN/export."
        ) from error
    except (OSError, ValueError) as error:  # no system takes every name
        reason = getattr(error, "strerror", None) or error
        raise ModelFileError(f"Cannot read '{path}': {reason}.") from error
    if len(data) > MAX_FILE_BYTES:
        raise ModelFileError(f"'{path}' is too large for a model: over {MAX_FILE_BYTES} bytes.")
    try:
        return unpack(data)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from error


def write_model(path: str | Path, flatbuffer: bytes, spec: Mapping[str, Any]) -> None:
    """Write a model file in one piece: a reader meets the old file or the new one.

    Args:
        path: The `.tflite` file to write.
        flatbuffer: As for `pack`.
        spec: As for `pack`.

    Raises:
        ModelFileError: If `pack` refuses, or the path is none.
        WriteError: If the file cannot be written.
    """
    write_bytes(path_given(path, "a model file", ModelFileError), pack(flatbuffer, spec))


def _without_archive(data: bytes) -> ModelFileError:
    """Why a file does not end with an archive."""
    if MEMBER_MARK in data and MEMBER.encode() in data:
        return ModelFileError(
            "The model file is damaged: its archive is truncated, or something follows it."
        )
    try:
        read_graph(data)
    except ModelFileError as error:
        return ModelFileError(f"The model file is truncated or damaged. {error}")
    return ModelFileError(
        "The TFLite model carries no robot, so its numbers have no meaning here. "
        "Expected a file written by edge-ik."
    )


def _archive(content: bytes, start: int) -> bytes:
    """The archive of one stored member that stands behind a flatbuffer of `start` bytes.

    Section 4.3 of PKWARE's APPNOTE.TXT has the fields of the header, the directory and the end.
    """
    name, size = MEMBER.encode(), len(content)
    member = struct.pack(
        "<5H3I2H", VERSION, 0, 0, *EARLIEST, zlib.crc32(content), size, size, len(name), 0
    )
    attributes = struct.pack("<3H2I", 0, 0, 0, 0o644 << 16, start)
    entry = DIRECTORY_MARK + bytes((VERSION, UNIX)) + member + attributes + name
    behind = start + HEADER_BYTES + size
    end = struct.pack("<4H2IH", 0, 0, 1, 1, len(entry), behind, 0)
    return b"".join((MEMBER_MARK, member, name, content, entry, END_MARK, end))


def _member(data: bytes) -> tuple[bytes, int]:
    """The JSON text, and where the archive starts.

    A ZIP may be a bomb, of many members or of a large directory. There is one archive for each
    text, and nothing is read of any other: the directory says where the text is, and the archive
    of that text must be what stands there.
    """
    directory = len(data) - END_BYTES - DIRECTORY_BYTES
    if directory > HEADER_BYTES:
        (start,) = struct.unpack_from("<I", data, directory + DIRECTORY_START)
        content = data[start + HEADER_BYTES : directory]
        fits = 0 <= directory - HEADER_BYTES - start <= MAX_SPEC_BYTES
        if fits and data[start:] == _archive(content, start):
            return content, start
    raise ModelFileError(
        f"The model file's archive is damaged, or holds something else. Expected one member, "
        f"{MEMBER}, of at most {MAX_SPEC_BYTES} bytes, as edge-ik writes it."
    )


def _parsed(content: bytes) -> dict[str, Any]:
    """The JSON object, with the format and version checked."""
    try:
        values = parse_json(content)
    except ValueError as error:
        raise ModelFileError(f"The member {MEMBER} is not JSON: {error}.") from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise ModelFileError(f"The member {MEMBER} does not say that its format is '{FORMAT}'.")
    version = values.get("format_version")
    if version != FORMAT_VERSION:
        raise ModelFileError(
            f"The model file has format version {brief(repr(version))}. "
            f"Expected: {FORMAT_VERSION}. "
            "Train it anew with `edge-ik train` and export it with `edge-ik export`, or use the "
            "version of edge-ik that wrote it."
        )
    for key in ENVELOPE:
        if key not in values:
            raise ModelFileError(f"The member {MEMBER} lacks the key '{key}'.")
    return values
