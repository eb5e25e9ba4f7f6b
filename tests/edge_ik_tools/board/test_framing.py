"""Frames: whatever is sent arrives, and whatever is damaged does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_ik_tools.board.framing import MAX_FRAME, MAX_PAYLOAD, FrameParser, Message, encode_frame

BYTES = st.integers(0, 255)
# Zeros are what the encoding is about, so they are drawn often.
PAYLOADS = st.lists(BYTES | st.just(0), max_size=MAX_PAYLOAD).map(bytes)
MESSAGES = st.builds(Message, BYTES, BYTES, PAYLOADS)


def test_a_known_frame():
    assert encode_frame(Message(1, 7)).hex() == "00070107" + crc_of("0107") + "00"


def crc_of(content):
    """CRC-32 bit by bit, from its definition."""
    crc = 0xFFFFFFFF
    for byte in bytes.fromhex(content):
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xEDB88320 if crc & 1 else 0)
    return (crc ^ 0xFFFFFFFF).to_bytes(4, "little").hex()


@given(MESSAGES)
def test_a_message_arrives(message):
    frame = encode_frame(message)
    assert frame[0] == frame[-1] == 0
    assert 0 not in frame[1:-1]
    assert len(frame) == len(message.payload) + 9 <= MAX_FRAME
    parser = FrameParser()
    assert list(parser.push(frame)) == [message]
    assert (parser.whole, parser.damaged, parser.bytes) == (1, 0, len(frame))


@given(st.lists(MESSAGES, max_size=5), st.integers(1, 40))
def test_messages_arrive_in_pieces_of_any_size(messages, size):
    line = b"".join(map(encode_frame, messages))
    parser = FrameParser()
    pieces = [line[at : at + size] for at in range(0, len(line), size)]
    assert [found for piece in pieces for found in parser.push(piece)] == messages


@given(MESSAGES, st.data())
def test_a_changed_byte_is_noticed(message, data):
    frame = bytearray(encode_frame(message))
    at = data.draw(st.integers(1, len(frame) - 2))
    frame[at] ^= data.draw(st.integers(1, 255))
    parser = FrameParser()
    assert list(parser.push(bytes(frame))) == []
    assert parser.damaged >= 1


@given(MESSAGES, MESSAGES, st.data())
def test_a_cut_frame_takes_no_other_with_it(first, second, data):
    frame = encode_frame(first)
    cut = frame[: data.draw(st.integers(0, len(frame) - 2))]
    parser = FrameParser()
    assert list(parser.push(cut + encode_frame(second))) == [second]


@given(st.lists(st.binary(max_size=300), min_size=2, max_size=4), st.lists(MESSAGES, max_size=3))
def test_garbage_between_frames_is_left_out(garbage, messages):
    line = garbage[0]
    for message, noise in zip(messages, garbage[1:], strict=False):
        line += encode_frame(message) + noise
    sent = messages[: len(garbage) - 1]
    found = list(FrameParser().push(line))
    # Garbage of these lengths is a frame by chance once in 2^32.
    assert found == sent


def test_endless_garbage_is_not_kept():
    parser = FrameParser()
    for _ in range(1000):
        assert list(parser.push(b"\xff" * 1000)) == []
    assert len(parser._stuffed) <= MAX_FRAME
    assert list(parser.push(encode_frame(Message(1, 2, b"3")))) == [Message(1, 2, b"3")]
    assert (parser.malformed, parser.bad_crc) == (1, 0)


def test_a_body_of_one_byte_more_is_refused():
    with pytest.raises(ValueError, match="at most 128"):
        encode_frame(Message(1, 1, bytes(MAX_PAYLOAD + 1)))
    with pytest.raises(ValueError, match="256"):
        encode_frame(Message(256, 1))
