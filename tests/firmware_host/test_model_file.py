"""The model file: both parts come back, and any change to it is noticed."""

import io
import json
import struct
import time
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_host import model_file
from firmware_host.errors import ModelFileError, WriteError
from firmware_host.model_file import ENVELOPE, MEMBER, pack, read_model, unpack, write_model
from firmware_host.network.runtimes import available_runtimes, open_interpreter

MODELS = Path(__file__).parent / "models"
FLATBUFFER = (MODELS / "int8_per_channel.tflite").read_bytes()
SPEC = {
    "chain": {"name": "arm", "tool": [[1.0, 0.0], [0.1, -2.5e-17]], "continuous": False},
    "task": "position",
    "note": "Größe 腕",
}
PACKED = pack(FLATBUFFER, SPEC)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
specs = st.dictionaries(st.text().filter(lambda key: key not in ENVELOPE), json_values, max_size=4)


def archived(members, compression=zipfile.ZIP_STORED, flatbuffer=FLATBUFFER):
    """The flatbuffer followed by an archive of any content."""
    file = io.BytesIO(flatbuffer)
    with zipfile.ZipFile(file, "a", compression) as archive:
        for name, content in members.items():
            member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            member.create_system, member.external_attr = 3, 0o644 << 16
            archive.writestr(member, content, compression)
    return file.getvalue()


def rewritten(**changes):
    """A model file whose JSON has other values; None takes a key away."""
    with zipfile.ZipFile(io.BytesIO(PACKED)) as archive:
        values = {**json.loads(archive.read(MEMBER)), **changes}
    content = json.dumps({key: value for key, value in values.items() if value is not None})
    return archived({MEMBER: content})


@given(specs)
def test_pack_and_unpack_give_both_parts_back(spec):
    packed = pack(FLATBUFFER, spec)
    assert unpack(packed) == (FLATBUFFER, spec)
    assert pack(*unpack(packed)) == packed


def test_the_file_starts_with_the_flatbuffer_and_is_a_zip():
    assert PACKED.startswith(FLATBUFFER)
    with zipfile.ZipFile(io.BytesIO(PACKED)) as archive:
        assert archive.testzip() is None
        values = json.loads(archive.read("edge_ik.json"))
    assert (values["format"], values["format_version"]) == ("edge-ik", 3)
    assert values["flatbuffer_bytes"] == len(FLATBUFFER)
    assert values["task"] == "position"


@pytest.mark.parametrize("runtime", ["litert", "tflite-runtime", "tflite-micro", "reference"])
def test_runtimes_load_the_file_as_it_is(runtime):
    if runtime not in available_runtimes():
        pytest.skip(f"{runtime} is not installed, or does not fit this NumPy")
    q = np.arange(-12, 12, dtype=np.int8).reshape(4, 6)
    np.testing.assert_array_equal(
        open_interpreter(PACKED, runtime).run_raw(q),
        open_interpreter(FLATBUFFER, runtime).run_raw(q),
    )


def test_every_flipped_bit_of_the_file_is_noticed():
    for position in range(len(PACKED)):
        data = bytearray(PACKED)
        data[position] ^= 1 << position % 8
        with pytest.raises(ModelFileError):
            unpack(bytes(data))


@given(st.integers(0, len(PACKED) - 1))
def test_every_truncation_is_noticed(length):
    with pytest.raises(ModelFileError):
        unpack(PACKED[:length])


@given(st.binary(min_size=1, max_size=80))
def test_anything_behind_the_file_is_noticed(extra):
    with pytest.raises(ModelFileError, match=r"something follows it|archive"):
        unpack(PACKED + extra)


@given(st.lists(st.tuples(st.integers(0, len(PACKED) - 1), st.integers(0, 255)), max_size=8))
def test_changed_bytes_never_give_another_model(changes):
    data = bytearray(PACKED)
    for position, value in changes:
        data[position] = value
    try:
        assert unpack(bytes(data)) == (FLATBUFFER, SPEC)
    except ModelFileError:
        assert bytes(data) != PACKED


@given(st.binary(max_size=300))
def test_random_bytes_are_refused(data):
    with pytest.raises(ModelFileError):
        unpack(data)
    with pytest.raises(ModelFileError):
        unpack(FLATBUFFER + data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "Not a TFLite model"),
        (b"PK\x03\x04 a zip", "Not a TFLite model"),
        (FLATBUFFER, "carries no robot"),
        (FLATBUFFER[:3000], "truncated or damaged"),
        (PACKED[:-1], "its archive is truncated"),
        (PACKED + b"\n", "something follows it"),
        (archived({"labels.txt": "a"}), "Expected one member, edge_ik.json"),
        (archived({MEMBER: "{}", "more": ""}), "Expected one member"),
        (archived({MEMBER: "{" * 9}), "is not JSON"),
        (archived({MEMBER: "[" * 100_000}), "is not JSON: it is nested too deeply"),
        (archived({MEMBER: "[" * 40 + "]" * 40}), "is not JSON: it is nested deeper than 32"),
        (archived({MEMBER: '{"format": NaN}'}), "NaN is not a JSON number"),
        (archived({MEMBER: b"\xff\xfe\xfa"}), "is not JSON"),
        (archived({MEMBER: "[]"}), "does not say that its format is 'edge-ik'"),
        (archived({MEMBER: "{}"}, zipfile.ZIP_DEFLATED), "Expected one member"),
        (rewritten(format="other"), "does not say that its format is 'edge-ik'"),
        (rewritten(format_version=1), "format version 1. Expected: 3. Train it anew with `edge-ik"),
        (rewritten(format_version=4), "format version 4. Expected: 3"),
        (rewritten(format_version=None), "format version None. Expected: 3"),
        (rewritten(flatbuffer_sha256=None), "lacks the key 'flatbuffer_sha256'"),
        (rewritten(flatbuffer_sha256="00"), "another hash"),
        (rewritten(flatbuffer_bytes=9), "Expected: 9"),
    ],
)
def test_each_mistake_has_its_sentence(data, message):
    with pytest.raises(ModelFileError, match=message):
        unpack(data)


def test_a_file_of_the_kind_before_is_told_with_how_to_make_a_new_one(tmp_path):
    """As it was written before networks had heads: the same network, and no branches."""
    path = tmp_path / "arm3-int8.tflite"
    path.write_bytes(rewritten(format_version=1))
    with pytest.raises(ModelFileError) as caught:
        read_model(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: The model file has format version 1.")
    for part in ("`edge-ik train`", "`edge-ik export`", "the version of edge-ik that wrote it"):
        assert part in message


def test_a_member_too_large_is_not_read(monkeypatch):
    bomb = archived({MEMBER: b" " * 5000})
    monkeypatch.setattr(model_file, "MAX_SPEC_BYTES", 4000)
    monkeypatch.setattr(model_file, "parse_json", lambda _: pytest.fail("the member was read"))
    with pytest.raises(ModelFileError, match="of at most 4000 bytes"):
        unpack(bomb)


def test_the_archive_is_the_one_that_zipfile_writes():
    content = zipfile.ZipFile(io.BytesIO(PACKED)).read(MEMBER)
    assert archived({MEMBER: content}) == PACKED


def bomb(kind):
    """An archive that Python's own reader takes seconds or hundreds of megabytes for."""
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 0, 0, 0, len(FLATBUFFER), 0)
    many = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, *[0] * 14) * 300_000
    size, start = len(many), len(FLATBUFFER)
    record = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 9, 9, size, start)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, start + size, 1)
    short = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, size, start, 0)
    return (
        FLATBUFFER
        + {
            "directory": many + short,
            "directory of ZIP64": many + record + locator + end,
            "far away": bytes(64) + struct.pack("<I", 2**32 - 1) + bytes(12) + end,
        }[kind]
    )


@pytest.mark.parametrize("kind", ["directory", "directory of ZIP64", "far away"])
def test_a_directory_that_is_a_bomb_is_not_read(kind):
    data = bomb(kind)
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(ModelFileError, match="Expected one member"):
        unpack(data)
    seconds, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds < 1
    assert peak < 2 * len(data) + 2**20


@pytest.mark.parametrize(
    ("flatbuffer", "spec", "message"),
    [
        (b"weights", {}, "Not a TFLite model"),
        (PACKED, {}, "already carries an archive"),
        (FLATBUFFER, {"format_version": 3}, "'format_version', which is reserved"),
        (FLATBUFFER, {"scale": float("nan")}, "cannot be written as JSON"),
        (FLATBUFFER, {"mean": np.zeros(3)}, "cannot be written as JSON"),
        (FLATBUFFER, {"text": "a" * (model_file.MAX_SPEC_BYTES + 1)}, "too large"),
    ],
)
def test_what_cannot_be_packed(flatbuffer, spec, message):
    with pytest.raises(ModelFileError, match=message):
        pack(flatbuffer, spec)


def test_write_and_read(tmp_path):
    path = tmp_path / "arm.tflite"
    write_model(path, FLATBUFFER, SPEC)
    assert path.read_bytes() == PACKED
    assert read_model(path) == (FLATBUFFER, SPEC)
    assert read_model(str(path)) == (FLATBUFFER, SPEC)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "arm.tflite"
    write_model(path, FLATBUFFER, SPEC)

    def full_disk(self, _data):
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(WriteError, match=r"No space left on device\. Make room there"):
        write_model(path, FLATBUFFER, {})
    assert [entry.name for entry in tmp_path.iterdir()] == ["arm.tflite"]
    assert read_model(path) == (FLATBUFFER, SPEC)


def test_files_that_cannot_be_read(tmp_path, monkeypatch):
    with pytest.raises(ModelFileError, match=r"no model file '.*none\.tflite'"):
        read_model(tmp_path / "none.tflite")
    with pytest.raises(ModelFileError, match=r"is a folder\. Expected a \.tflite file.*RUN/export"):
        read_model(tmp_path)
    with pytest.raises(WriteError, match="Cannot write"):
        write_model(tmp_path / "none" / "arm.tflite", FLATBUFFER, SPEC)
    path = tmp_path / "arm.tflite"
    path.write_bytes(PACKED[:-40])
    with pytest.raises(ModelFileError, match=r"arm\.tflite: The model file is damaged"):
        read_model(path)
    monkeypatch.setattr(model_file, "MAX_FILE_BYTES", 1000)
    with pytest.raises(ModelFileError, match="too large for a model"):
        read_model(path)
