"""FlatBuffers' binary format: tables and vectors, every offset checked, all work bounded."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.errors import ModelFileError

# An honest file is read about twice over; shared vtables are read again and again.
READ_BUDGET_PER_BYTE = 16


class Reader:
    """Checked access to the bytes, with a limit on the total read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.left = READ_BUDGET_PER_BYTE * len(data)

    def root(self) -> Table:
        """The root table."""
        return self.table(self.offset(0))

    def unpack(self, fmt: str, position: int) -> int:
        """One little-endian integer."""
        size = struct.calcsize("<" + fmt)
        self.check(position, size)
        value: int = struct.unpack_from("<" + fmt, self.data, position)[0]
        return value

    def check(self, position: int, size: int) -> None:
        """Refuse a range that leaves the file, or reading that does not end."""
        if position < 0 or size < 0 or position + size > len(self.data):
            raise malformed(f"{size} bytes at offset {position} lie outside of the file")
        self.left -= size
        if self.left < 0:
            raise malformed("its parts overlap")

    def offset(self, position: int) -> int:
        """The place an unsigned 32-bit relative offset at `position` leads to."""
        return position + self.unpack("I", position)

    def vector(self, position: int, dtype: str) -> npt.NDArray[Any]:
        """The vector of scalars at `position`."""
        count = self.unpack("I", position)
        kind = np.dtype(dtype)
        self.check(position + 4, count * kind.itemsize)
        return np.frombuffer(self.data, kind, count, position + 4)

    def table(self, position: int) -> Table:
        """The table at `position`."""
        vtable = position - self.unpack("i", position)
        size = self.unpack("H", vtable)
        if size < 4 or size % 2:
            raise malformed(f"the vtable at offset {vtable} has {size} bytes")
        self.check(vtable, size)
        slots = struct.unpack_from(f"<{(size - 4) // 2}H", self.data, vtable + 4)
        return Table(self, position, slots)

    def buffer(self, table: Table) -> npt.NDArray[np.uint8] | None:
        """Constant data held inside the flatbuffer or after it; None if there is none."""
        offset, size = table.scalar(1, "Q"), table.scalar(2, "Q")
        if offset > 1:
            if offset + size > len(self.data):
                raise malformed(f"{size} bytes at offset {offset} lie outside of the file")
            return np.frombuffer(self.data, np.uint8, size, offset)
        inline = table.vector(0, "u1")
        return inline if inline.size else None


@dataclass(frozen=True)
class Table:
    """One table: its fields by slot number, in the order of the schema."""

    reader: Reader
    position: int
    slots: tuple[int, ...]

    def at(self, slot: int) -> int | None:
        """The position of a field, or None if it has its default."""
        offset = self.slots[slot] if slot < len(self.slots) else 0
        return self.position + offset if offset else None

    def scalar(self, slot: int, fmt: str, default: int = 0) -> int:
        """A number, or its default if absent."""
        position = self.at(slot)
        return default if position is None else self.reader.unpack(fmt, position)

    def target(self, slot: int) -> int | None:
        """The position that the offset in a field leads to."""
        position = self.at(slot)
        return None if position is None else self.reader.offset(position)

    def vector(self, slot: int, dtype: str) -> npt.NDArray[Any]:
        """A vector of scalars; empty if absent."""
        position = self.target(slot)
        return np.empty(0, dtype) if position is None else self.reader.vector(position, dtype)

    def table(self, slot: int) -> Table | None:
        """The table in a field, or None if absent."""
        position = self.target(slot)
        return None if position is None else self.reader.table(position)

    def tables(self, slot: int, most: int) -> list[Table]:
        """A vector of tables, `most` of them at most; empty if absent."""
        position = self.target(slot)
        if position is None:
            return []
        count = self.reader.unpack("I", position)
        if count > most:
            raise malformed(f"it has {count:,} parts of one kind, more than {most:,}")
        offsets = self.reader.vector(position, "<u4").tolist()
        return [
            self.reader.table(position + 4 + 4 * index + offset)
            for index, offset in enumerate(offsets)
        ]


def malformed(what: str) -> ModelFileError:
    """The error of a file that is not what it says."""
    return ModelFileError(f"The TFLite model is damaged: {what}.")
