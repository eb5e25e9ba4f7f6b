"""The client against boards that stay silent, answer late, wrongly or twice."""

import os
import sys
import time

import pytest

from edge_ik_tools.board import client as module
from edge_ik_tools.board.client import BoardClient
from edge_ik_tools.board.errors import (
    AnswerError,
    NoAnswerError,
    PortError,
    RefusedError,
    WrongFirmwareError,
)
from edge_ik_tools.board.framing import Message, encode_frame
from edge_ik_tools.board.protocol import Counters, Question
from firmware_host.errors import ConfigError, EdgeIkError, MissingExtraError

HELLO = bytes((1, 2, 3, 3)) + bytes((0, 0, 0, 0)) + bytes((1, 0, 0, 0)) + b"f" * 16 + b"arm"
COUNTERS = bytes(12)


def frame(message, payload, *, kind=None, sequence=None):
    """The answer to a message, as bytes."""
    kind = message.type | 0x80 if kind is None else kind
    sequence = message.sequence if sequence is None else sequence
    return encode_frame(Message(kind, sequence, payload))


def connected(line, **options):
    return BoardClient(line.url, **{"timeout": 0.15, "retries": 2, **options})


def test_silence_ends_in_a_sentence(fake_board):
    asked = []
    line = fake_board(lambda message: asked.append(message) or b"")
    with connected(line) as client, pytest.raises(NoAnswerError) as caught:
        client.hello()
    assert "not one byte came" in str(caught.value)
    assert "115200" in str(caught.value)
    assert (caught.value.attempts, caught.value.received) == (3, 0)
    # The same question each time, so that a late answer to the first is one.
    assert len(asked) == 3
    assert len(set(asked)) == 1


def test_another_baud_rate_looks_like_garbage(fake_board):
    line = fake_board(lambda message: bytes(range(1, 200)) + b"\0")
    with connected(line) as client, pytest.raises(NoAnswerError, match="600 bytes came, 3 damaged"):
        client.hello()


def test_joined_lines_are_noticed(fake_board):
    line = fake_board(encode_frame)
    with connected(line) as client, pytest.raises(NoAnswerError, match="returns what is sent"):
        client.hello()


def test_answers_to_earlier_questions_are_left_out(fake_board):
    def reply(message):
        earlier = frame(message, b"\x01" * 12, sequence=(message.sequence - 1) % 256)
        another = frame(message, HELLO, kind=0x81)
        return earlier + another + frame(message, COUNTERS)

    with connected(fake_board(reply)) as client:
        for _ in range(300):  # the sequence number wraps
            assert client.counters() == Counters(0, 0, 0)
        assert client.asked_again == 0


def test_a_late_answer_is_taken_and_its_double_left_out(fake_board):
    late = []

    def reply(message):
        if not late:
            late.append(message)
            return b""
        return 2 * frame(message, COUNTERS)

    with connected(fake_board(reply)) as client:
        assert client.counters() == client.counters() == Counters(0, 0, 0)
        assert client.asked_again == 1
        assert client.round_trip_us < 1e6 * 3 * client.timeout


def test_a_damaged_answer_is_asked_for_again_at_once(fake_board, monkeypatch):
    monkeypatch.setattr(module, "AFTER_DAMAGE", 0.01)
    asked = []

    def reply(message):
        asked.append(message)
        answer = frame(message, COUNTERS)
        return answer if len(asked) > 1 else answer[:-3] + answer[-2:]

    began = time.monotonic()
    with connected(fake_board(reply), timeout=20) as client:
        assert client.counters() == Counters(0, 0, 0)
        assert (client.asked_again, client.parser.damaged) == (1, 1)
    assert time.monotonic() - began < 10


def test_a_refusal_is_not_asked_again(fake_board):
    line = fake_board(lambda message: frame(message, bytes((2, 13, 5)), kind=0xFF))
    with connected(line) as client:
        with pytest.raises(RefusedError, match=r"refused: it expected a payload of 13 bytes"):
            client.solve([1, 2, 3])
        assert client.asked_again == 0


def test_another_version_of_the_protocol_is_told(fake_board):
    line = fake_board(lambda message: frame(message, b"\x09" + HELLO[1:]))
    with connected(line) as client, pytest.raises(WrongFirmwareError) as caught:
        client.hello()
    assert (caught.value.expected, caught.value.received) == ("1", "9")
    assert "Expected: 1. Received: 9" in str(caught.value)


def test_an_answer_of_another_size_is_refused(fake_board):
    line = fake_board(lambda message: frame(message, b"?"))
    with connected(line) as client, pytest.raises(AnswerError, match="wrong size"):
        client.counters()


def test_a_port_that_is_lost_is_told(fake_board):
    def reply(message):
        raise OSError("the board is gone")

    line = fake_board(reply)
    with (
        connected(line, timeout=5) as client,
        pytest.raises(PortError, match="failed: socket disconnected"),
    ):
        client.counters()


@pytest.mark.parametrize("port", ["/nowhere/tty", "socket://127.0.0.1:1", "magic://board"])
def test_a_port_that_cannot_be_opened_is_told(port):
    with pytest.raises(PortError, match=f"Cannot open the port {port}"):
        BoardClient(port)


def test_a_board_works_behind_a_pseudo_terminal(host_board, start_pty_board):
    with (
        start_pty_board([host_board]) as port,
        BoardClient(port, baud_rate=921_600) as client,
    ):
        assert client.hello().name == "planar"
        assert client.counters() == Counters(2, 0, 0)
        with pytest.raises(PortError, match="lock"):
            BoardClient(port)


@pytest.mark.parametrize("options", [{"timeout": 0}, {"retries": -1}, {"baud_rate": 0}])
def test_numbers_out_of_range_are_refused(options):
    with pytest.raises(ConfigError, match="Expected a baud rate"):
        BoardClient(os.devnull, **options)


def test_without_pyserial_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "serial", None)
    with pytest.raises(MissingExtraError, match=r"pip install .*\[serial\]"):
        BoardClient("/dev/null")


def test_every_error_is_one_that_users_are_told():
    for error in (NoAnswerError, PortError, RefusedError, AnswerError, WrongFirmwareError):
        assert issubclass(error, EdgeIkError)
    assert {question.value for question in Question} == {1, 2, 3}
