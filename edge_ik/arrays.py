"""Arrays of a run on disk: NumPy's .npz, read back by what must be in it and nothing else.

A .npz from elsewhere may hold pickled objects, which run code when they are loaded, a directory
that is a bomb, or arrays larger than the machine. So its members are read one after another, each
held to the name, the type and the shape that is expected, and the directory is never looked at.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from firmware_host.files import write_atomically

AnyArray = npt.NDArray[Any]
"""An array of numbers of any type."""

# The header of a member, its mark, and that of the directory behind the last one; section 4.3 of
# PKWARE's APPNOTE.TXT. What is larger than 4 GB has its size in an extra field.
HEADER = struct.Struct("<4s5H3I2H")
MARK, DIRECTORY_MARK = b"PK\x03\x04", b"PK\x01\x02"
LARGE_EXTRA = struct.Struct("<2H2Q")
LARGE_FIELD = 1
LARGE = 0xFFFFFFFF
# An array begins with a mark, the length of a text, and this text, which has its type and shape;
# see `numpy.lib.format`.
PREFACE = struct.Struct("<8sH")
ARRAY_MARK = b"\x93NUMPY\x01\x00"
MOST_PREFACE = 1024


def write_arrays(path: Path, arrays: Mapping[str, AnyArray]) -> None:
    """Write a .npz file in one piece, its members in the order given."""
    by_rows: dict[str, Any] = {name: np.asarray(a, order="C") for name, a in arrays.items()}

    def write(temporary: Path) -> None:
        with temporary.open("wb") as stream:
            np.savez(stream, **by_rows)

    # What a training of hours has led to.
    write_atomically(path, write, flushed=True)


class ArrayFile:
    """The members of a .npz file in order; to be used as a context.

    Args:
        path: A file of `write_arrays`.

    Raises:
        OSError: If it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def read(self, name: str, dtype: npt.DTypeLike, shape: tuple[int, ...]) -> AnyArray:
        """The next member, which must be this one.

        Raises:
            OSError: If the file cannot be read.
            ValueError: If it is another, or damaged.
        """
        kind = np.dtype(dtype)
        size = kind.itemsize * math.prod(shape)
        content = self._member(name, size + MOST_PREFACE)
        return _numbers(name, content, kind, shape).reshape(shape)

    def read_bytes(self, name: str, most: int) -> bytes:
        """`read` of a vector of bytes, of any length up to `most`."""
        content = self._member(name, most + MOST_PREFACE)
        shape = (len(content) - _preface_bytes(content),)
        return _numbers(name, content, np.dtype(np.uint8), shape).tobytes()

    def end(self) -> None:
        """Refuse a file that has more members.

        Raises:
            OSError: If the file cannot be read.
            ValueError: If it has.
        """
        if self._file.read(4) != DIRECTORY_MARK:
            raise ValueError("it holds more than was expected")

    def _member(self, name: str, most: int) -> bytes:
        size, checksum = self._header(f"{name}.npy".encode())
        if size > most:
            raise ValueError(f"'{name}' is of {size:,} bytes, more than was expected")
        content = self._file.read(size)
        if len(content) != size or zlib.crc32(content) != checksum:
            raise ValueError(f"'{name}' is truncated or damaged")
        return content

    def _header(self, name: bytes) -> tuple[int, int]:
        """Size and checksum of the next member, which must be stored under this name."""
        header = self._file.read(HEADER.size)
        if len(header) < HEADER.size:
            raise ValueError("it is truncated")
        mark, _, flags, method, _, _, checksum, stored, size, named, extra = HEADER.unpack(header)
        if mark != MARK or flags or method or self._file.read(min(named, 256)) != name:
            raise ValueError(f"it does not hold '{name.decode()}' where that was expected")
        field = self._file.read(extra)
        if size == LARGE and len(field) >= LARGE_EXTRA.size:
            kind, _, size, stored = LARGE_EXTRA.unpack_from(field)
            size = size if kind == LARGE_FIELD else -1
        if size != stored or size < 0:
            raise ValueError(f"'{name.decode()}' is damaged")
        return size, checksum


def _preface_bytes(content: bytes) -> int:
    """How many bytes of a .npy are before the numbers."""
    if len(content) < PREFACE.size:
        return 0
    mark, length = PREFACE.unpack_from(content)
    return PREFACE.size + int(length) if mark == ARRAY_MARK else 0


def _numbers(name: str, content: bytes, kind: np.dtype[Any], shape: tuple[int, ...]) -> AnyArray:
    """The numbers of a .npy, whose preface must be the one of this type and shape."""
    start = _preface_bytes(content)
    said = content[PREFACE.size : start].rstrip()
    expected = f"{{'descr': '{kind.str}', 'fortran_order': False, 'shape': {shape}, }}"
    if said != expected.encode() or len(content) - start != kind.itemsize * math.prod(shape):
        raise ValueError(f"'{name}' is of another type or shape than was expected")
    return np.frombuffer(content, kind, offset=start)
