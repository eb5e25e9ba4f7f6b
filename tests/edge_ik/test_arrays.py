"""Arrays on disk: they come back in order, and nothing else is read."""

import io
import pickle
import struct
import time
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from edge_ik.arrays import ArrayFile, write_arrays

shapes = st.sampled_from([(), (1,), (0,), (3,), (2, 3), (4, 1, 2)])
some = st.lists(
    arrays_of.arrays(st.sampled_from([np.float32, np.int64, np.uint32, np.bool_]), shapes),
    min_size=1,
    max_size=4,
)


def read_all(path, arrays):
    """The arrays of a file, of the types and shapes of these."""
    with ArrayFile(path) as stored:
        found = [stored.read(f"a{i}", a.dtype, a.shape) for i, a in enumerate(arrays)]
        stored.end()
    return found


@given(some, st.booleans())
def test_they_come_back_as_they_were(tmp_path_factory, arrays, turned):
    arrays = [a.T.copy().T if turned else a for a in arrays]
    path = tmp_path_factory.mktemp("arrays") / "state.npz"
    write_arrays(path, {f"a{index}": a for index, a in enumerate(arrays)})
    for found, expected in zip(read_all(path, arrays), arrays, strict=True):
        np.testing.assert_array_equal(found, expected)
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    with np.load(path) as stored:
        assert stored.files == [f"a{index}" for index in range(len(arrays))]


def test_bytes_of_any_length_come_back(tmp_path):
    for text in (b"", b"x", b"history" * 999):
        path = tmp_path / "state.npz"
        write_arrays(path, {"text": np.frombuffer(text, np.uint8), "a0": np.ones(2)})
        with ArrayFile(path) as stored:
            assert stored.read_bytes("text", 10**5) == text
            np.testing.assert_array_equal(stored.read("a0", np.float64, (2,)), [1, 1])
            stored.end()


class Bomb:
    """What runs when it is loaded by pickle."""

    def __reduce__(self):
        return pytest.fail, ("code of the file ran",)


def archived(content, name="a0.npy", **options):
    """A ZIP with one member."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as archive:
        archive.writestr(name, content)
    return file.getvalue()


def saved(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def preface(shape, kind="<f4", order=False):
    """A .npy that says a type and a shape, and has no numbers."""
    text = f"{{'descr': {kind!r}, 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def crafted(kind):
    """A file that is not two float32 numbers under the name a0."""
    objects = np.empty(2, object)
    objects[:] = [Bomb(), Bomb()]
    twice = io.BytesIO()
    np.savez(twice, a0=np.ones(2, np.float32), more=np.ones(2, np.float32))
    large = preface("(2,)") + bytes(8)
    return {
        "nothing": b"",
        "text": b"PK\x03\x04 not an archive",
        "pickle": pickle.dumps(Bomb()),
        "objects": archived(saved(objects)),
        "objects in a structure": archived(preface("(2,)", [("f", "|O")]) + bytes(16)),
        "huge shape": archived(preface((2**40, 2**40))),
        "negative shape": archived(preface((-2,)) + bytes(8)),
        "nested shape": archived(preface("(" * 300 + "2" + ")" * 300)),
        "code for a shape": archived(preface("__import__('os').abort()") + bytes(8)),
        "other type": archived(saved(np.ones(2))),
        "other order of bytes": archived(saved(np.ones(2, ">f4"))),
        "other shape": archived(saved(np.ones((1, 2), np.float32))),
        "too few": archived(saved(np.ones(2, np.float32))[:-4]),
        "too many": archived(saved(np.ones(2, np.float32)) + bytes(4)),
        "other name": archived(large, "b0.npy"),
        "long name": archived(large, "a0.npy" * 9999),
        "compressed bomb": archived(b"\0" * 10**8, compression=zipfile.ZIP_DEFLATED),
        "one more": twice.getvalue(),
        "cut": twice.getvalue()[:150],
    }[kind]


@pytest.mark.parametrize(
    "kind",
    [
        *("nothing", "text", "pickle", "objects", "objects in a structure", "huge shape"),
        *("negative shape", "nested shape", "code for a shape", "other type"),
        *("other order of bytes", "other shape", "too few", "too many", "other name"),
        *("long name", "compressed bomb", "one more", "cut"),
    ],
)
def test_what_was_crafted_is_refused_before_it_is_loaded(tmp_path, kind):
    path = tmp_path / "state.npz"
    path.write_bytes(crafted(kind))
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(ValueError, match=r"^(it|'a0') ") as caught:
        read_all(path, [np.ones(2, np.float32)])
    seconds, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (seconds, peak) < (1, 2**22)
    assert len(str(caught.value)) < 200


def test_each_changed_byte_is_noticed_or_harmless(tmp_path):
    array, path = np.arange(6, dtype=np.float32).reshape(2, 3), tmp_path / "state.npz"
    write_arrays(path, {"a0": array})
    content, noticed = path.read_bytes(), 0
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= 1 << position % 8
        path.write_bytes(bytes(changed))
        try:
            np.testing.assert_array_equal(read_all(path, [array])[0], array)
        except ValueError:
            noticed += 1
    # All of the member, which comes before the directory; its date and version say nothing.
    assert noticed > content.index(b"PK\x01\x02") - 10
