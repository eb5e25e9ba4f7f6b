"""The checked reader: numbers, vectors and tables by their offsets, never beyond the bytes."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_host.errors import ModelFileError
from firmware_host.network.bytes_reader import READ_BUDGET_PER_BYTE, Reader

# A root offset, a vtable of two fields, the table with a 16-bit field, then three bytes.
VTABLE = struct.pack("<HHHH", 8, 12, 4, 8)
TABLE = struct.pack("<iHHI", 8, 513, 0, 4)
DATA = struct.pack("<I", 12) + VTABLE + TABLE + struct.pack("<I", 3) + b"abc"


def test_a_table_gives_its_fields_and_defaults():
    table = Reader(DATA).root()
    assert table.scalar(0, "H") == 513
    assert table.scalar(0, "B") == 1
    assert table.scalar(7, "I", 42) == 42
    assert table.vector(1, "u1").tobytes() == b"abc"
    assert table.vector(9, "u1").size == 0
    assert table.tables(9, 1) == []
    assert table.table(9) is None


def test_a_vector_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        Reader(DATA).root().vector(1, "u1")[0] = 1


@pytest.mark.parametrize(
    ("position", "size"), [(-1, 2), (0, len(DATA) + 1), (len(DATA), 1), (3, -1)]
)
def test_a_range_outside_is_refused(position, size):
    with pytest.raises(ModelFileError, match=f"{size} bytes at offset {position} lie outside"):
        Reader(DATA).check(position, size)


@pytest.mark.parametrize("size", [2, 3, 9])
def test_a_vtable_of_no_use_is_refused(size):
    damaged = bytearray(DATA)
    struct.pack_into("<H", damaged, 4, size)
    with pytest.raises(ModelFileError, match=f"vtable at offset 4 has {size} bytes"):
        Reader(bytes(damaged)).root()


def test_reading_again_and_again_ends():
    reader = Reader(DATA)
    for _ in range(READ_BUDGET_PER_BYTE):
        reader.check(0, len(DATA))
    with pytest.raises(ModelFileError, match="its parts overlap"):
        reader.check(0, 1)


@given(st.integers(0, len(DATA)))
def test_a_file_cut_short_is_read_in_full_or_refused(length):
    try:
        table = Reader(DATA[:length]).root()
        found = table.scalar(0, "H"), table.vector(1, "u1")
    except ModelFileError:
        assert length < len(DATA)
        return
    assert found[0] == 513
    np.testing.assert_array_equal(found[1], np.frombuffer(b"abc", np.uint8))
