"""The C side of the line against the Python side, and under the sanitizers."""

import ctypes
import subprocess

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge_ik_tools.board import framing
from edge_ik_tools.board.firmware import sources_folder, write_board_firmware
from edge_ik_tools.board.framing import (
    MAX_BODY,
    MAX_FRAME,
    MAX_PAYLOAD,
    FrameParser,
    Message,
    encode_frame,
)

BYTES = st.integers(0, 255)
PAYLOADS = st.lists(BYTES | st.just(0), max_size=MAX_PAYLOAD).map(bytes)
MESSAGES = st.builds(Message, BYTES, BYTES, PAYLOADS)
FRAMES = MESSAGES.map(encode_frame)
# Short runs between zeros, so that codes of COBS are often met half true.
GARBAGE = st.lists(st.integers(0, 7) | BYTES, max_size=200).map(bytes)


@st.composite
def damaged_frames(draw):
    """A frame with a byte changed, lost or added."""
    frame = bytearray(draw(FRAMES))
    at = draw(st.integers(0, len(frame) - 1))
    frame[at : at + draw(st.integers(0, 1))] = draw(st.binary(max_size=2))
    return bytes(frame)


LINES = st.lists(FRAMES | damaged_frames() | GARBAGE, max_size=6).map(b"".join)


class CParser(ctypes.Structure):
    """`edge_ik_link_parser`."""

    _fields_ = [
        ("body", ctypes.c_uint8 * MAX_BODY),
        ("size", ctypes.c_uint16),
        ("left", ctypes.c_uint8),
        ("begun", ctypes.c_bool),
        ("too_long", ctypes.c_bool),
        ("whole", ctypes.c_uint32),
        ("bad_crc", ctypes.c_uint32),
        ("malformed", ctypes.c_uint32),
    ]


class CMessage(ctypes.Structure):
    """`edge_ik_link_message`."""

    _fields_ = [
        ("type", ctypes.c_uint8),
        ("sequence", ctypes.c_uint8),
        ("size", ctypes.c_uint8),
        ("payload", ctypes.POINTER(ctypes.c_uint8)),
    ]


class CLink:
    """The C functions with Python's types."""

    def __init__(self, path):
        self.library = ctypes.CDLL(str(path))
        self.library.edge_ik_link_encode.restype = ctypes.c_size_t
        self.library.edge_ik_link_get_f32.restype = ctypes.c_float

    def encode(self, message):
        frame = (ctypes.c_uint8 * MAX_FRAME)()
        payload = (ctypes.c_uint8 * max(1, len(message.payload))).from_buffer_copy(
            message.payload or b"\0"
        )
        size = self.library.edge_ik_link_encode(
            frame, message.type, message.sequence, payload, ctypes.c_size_t(len(message.payload))
        )
        return bytes(frame[:size])

    def parse(self, line):
        """The messages, and frames that were whole, with a wrong checksum, malformed."""
        parser, message, found = CParser(), CMessage(), []
        self.library.edge_ik_link_init(ctypes.byref(parser))
        for byte in line:
            event = self.library.edge_ik_link_push(
                ctypes.byref(parser), ctypes.c_uint8(byte), ctypes.byref(message)
            )
            if event == 1:
                payload = bytes(message.payload[: message.size])
                found.append(Message(message.type, message.sequence, payload))
            assert parser.size <= MAX_BODY
        return found, (parser.whole, parser.bad_crc, parser.malformed)


def parse(line):
    """The same by the Python side."""
    parser = FrameParser()
    found = list(parser.push(line))
    return found, (parser.whole, parser.bad_crc, parser.malformed)


@pytest.fixture(scope="module")
def link(tmp_path_factory, require_tool):
    out = tmp_path_factory.mktemp("link") / "link.so"
    source = sources_folder() / "edge_ik_link.c"
    command = [require_tool("gcc", "gcc"), "-std=c99", "-O2", "-shared", "-fPIC", source, "-o", out]
    subprocess.run(command, check=True)
    return CLink(out)


@pytest.fixture(scope="module")
def replay(tmp_path_factory, require_tool, source_root, write_by_heart):
    """The fuzz target under gcc's sanitizers: inputs in, each behind its length."""
    folder = write_by_heart(tmp_path_factory.mktemp("replay"))
    write_board_firmware(folder, "planar")
    board, out = folder / "board", folder / "replay"
    flags = "-std=c99 -O1 -g -Wall -Wextra -Wconversion -Werror -fsanitize=address,undefined"
    command = [require_tool("gcc", "gcc"), *flags.split(), "-fno-sanitize-recover=all"]
    command += ["-DREPLAY", "-Dmain=firmware_main", f"-I{board}", f"-I{folder}"]
    sources = [source_root / "tests/edge_ik_tools/board/fuzz_link.c", folder / "planar.c"]
    sources += [board / "edge_ik_bench_main.c", board / "edge_ik_link.c"]
    subprocess.run([*command, *sources, "-o", out], check=True)
    return out


@pytest.fixture(scope="module")
def echo(tmp_path_factory, require_tool, source_root):
    """A process under the sanitizers: bytes in, what the parser makes of them out."""
    out = tmp_path_factory.mktemp("echo") / "echo_link"
    sources = [source_root / "tests/edge_ik_tools/board/echo_link.c"]
    sources.append(sources_folder() / "edge_ik_link.c")
    flags = "-std=c99 -O1 -g -Wall -Wextra -Wconversion -Werror -fsanitize=address,undefined"
    command = [require_tool("gcc", "gcc"), *flags.split(), "-fno-sanitize-recover=all"]
    subprocess.run([*command, f"-I{sources_folder()}", *sources, "-o", out], check=True)
    return out


def test_the_two_sides_share_their_limits(link):
    header = (sources_folder() / "edge_ik_link.h").read_text()
    assert f"#define EDGE_IK_LINK_MAX_PAYLOAD {framing.MAX_PAYLOAD}\n" in header
    assert link.encode(Message(1, 2, bytes(MAX_PAYLOAD))) != b""
    assert link.encode(Message(1, 2, bytes(MAX_PAYLOAD + 1))) == b""


@given(MESSAGES)
@example(Message(0, 0, bytes(MAX_PAYLOAD)))
@example(Message(255, 255, b"\xff" * MAX_PAYLOAD))
def test_both_sides_write_the_same_frame_and_read_it(link, message):
    frame = encode_frame(message)
    assert link.encode(message) == frame
    assert link.parse(frame) == ([message], (1, 0, 0))


@settings(max_examples=400)
@given(LINES)
def test_both_sides_make_the_same_of_any_line(link, line):
    assert link.parse(line) == parse(line)


@given(MESSAGES, st.data())
def test_a_changed_byte_is_noticed(link, message, data):
    frame = bytearray(encode_frame(message))
    at = data.draw(st.integers(1, len(frame) - 2))
    frame[at] ^= data.draw(st.integers(1, 255))
    found, (whole, bad_crc, malformed) = link.parse(frame)
    assert (found, whole) == ([], 0)
    assert bad_crc + malformed >= 1


def test_every_single_changed_byte_of_a_frame_is_noticed(link):
    message = Message(0x82, 7, bytes(range(0, 90, 3)) + b"\0\0\x01\0")
    frame = encode_frame(message)
    for at in range(1, len(frame) - 1):
        for value in range(256):
            if value != frame[at]:
                changed = frame[:at] + bytes((value,)) + frame[at + 1 :]
                assert link.parse(changed)[0] == [], (at, value)


@given(MESSAGES, MESSAGES, st.data())
def test_a_cut_frame_takes_no_other_with_it(link, first, second, data):
    frame = encode_frame(first)
    cut = frame[: data.draw(st.integers(0, len(frame) - 2))]
    assert link.parse(cut + encode_frame(second))[0] == [second]


@given(GARBAGE, MESSAGES, GARBAGE)
def test_garbage_around_a_frame_is_left_out(link, before, message, after):
    found, (whole, *_) = link.parse(before + encode_frame(message) + after)
    assert (found, whole) == ([message], 1)


@given(st.floats(width=32), st.integers(0, 2**32 - 1))
def test_numbers_have_their_lowest_byte_first(link, number, integer):
    raw = (ctypes.c_uint8 * 4)()
    link.library.edge_ik_link_put_f32(raw, ctypes.c_float(number))
    assert bytes(raw) == np.float32(number).astype("<f4").tobytes()
    np.testing.assert_equal(link.library.edge_ik_link_get_f32(raw), number)
    link.library.edge_ik_link_put_u32(raw, ctypes.c_uint32(integer))
    assert bytes(raw) == integer.to_bytes(4, "little")


@settings(max_examples=30)
@given(st.lists(LINES, min_size=20, max_size=60).map(b"".join))
def test_the_sanitizers_find_nothing(echo, line):
    result = subprocess.run([echo], input=line, capture_output=True, check=False)
    assert result.returncode == 0, result.stderr.decode(errors="replace")
    found, (_, bad_crc, malformed) = parse(line)
    output = result.stdout
    messages, events = [], {2: 0, 3: 0}
    while output:
        event, output = output[0], output[1:]
        if event != 1:
            events[event] += 1
            continue
        (kind, sequence, size), output = output[:3], output[3:]
        messages.append(Message(kind, sequence, output[:size]))
        length = output[size]
        frame, output = output[size + 1 : size + 1 + length], output[size + 1 + length :]
        assert frame == encode_frame(messages[-1])
    assert messages == found
    assert events == {2: bad_crc, 3: malformed}


# Half of them, those that begin with an odd byte, become the content of a whole frame.
INPUTS = st.builds(lambda kind, line: bytes((kind,)) + line, BYTES, LINES | st.binary(max_size=140))


@settings(max_examples=20)
@given(st.lists(INPUTS.filter(lambda data: len(data) <= 1024), min_size=50, max_size=100))
def test_the_whole_firmware_answers_any_input_with_frames(replay, inputs):
    lines = b"".join(len(data).to_bytes(2, "little") + data for data in inputs)
    result = subprocess.run([replay], input=lines, capture_output=True, check=False)
    assert result.returncode == 0, result.stderr.decode(errors="replace")
