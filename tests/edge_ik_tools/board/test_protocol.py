"""Payloads: what is read from them, and what is refused."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_ik_tools.board.errors import AnswerError
from edge_ik_tools.board.protocol import (
    BoardSolution,
    Counters,
    Hello,
    error_of,
    solve_payload,
)
from firmware_host.solver import Status

HASH = b"0123456789abcdef"


def test_hello_is_read():
    payload = bytes((1, 8, 12, 3)) + struct.pack("<fI", 0.5, 168_000_000) + HASH + b"arm8"
    assert Hello.from_payload(payload) == Hello(
        1, 8, 12, 3, 0.5, 168_000_000, "0123456789abcdef", "arm8"
    )


def test_what_cannot_be_printed_is_shown_in_hexadecimal():
    payload = bytes(12) + b"\x1b[31m".ljust(16, b"\xff") + b"\n"
    hello = Hello.from_payload(payload)
    assert hello.model_hash.startswith("\\x1b[31m\\xff")
    assert hello.name == "\\x0a"


@given(
    st.lists(st.floats(width=32), max_size=27),
    st.integers(0, 2),
    st.floats(0, 1, width=32),
    st.integers(0, 2**32 - 1),
)
def test_a_solution_is_read(q, status, residual, cycles):
    payload = bytes((status, 3, len(q))) + struct.pack("<ffII", residual, 0.25, cycles, 5)
    payload += struct.pack(f"<{len(q)}f", *q)
    found = BoardSolution.from_payload(payload)
    np.testing.assert_array_equal(found.q, np.array(q, dtype=np.float32))
    assert found.status is (Status.SOLVED, Status.UNREACHABLE, Status.BAD_TARGET)[status]
    assert (found.steps, found.cycles, found.seed_cycles) == (3, cycles, 5)
    assert (found.residual_m, found.seed_residual_m) == (residual, 0.25)


def test_a_target_is_sent_as_float32():
    assert solve_payload([0.1, -2, 3]) == b"\x03" + struct.pack("<fff", 0.1, -2, 3)
    assert len(solve_payload(np.zeros(31))) <= 128
    for target in (np.zeros(32), np.zeros((1, 3)), 0.0):
        with pytest.raises(ValueError, match="1 to 31 numbers"):
            solve_payload(target)


@pytest.mark.parametrize(
    ("read", "payload", "told"),
    [
        (Hello.from_payload, b"short", "'hello'.*at least 28.*Received: 5"),
        (BoardSolution.from_payload, b"", "'solve'.*at least 19.*Received: 0"),
        (BoardSolution.from_payload, bytes((0, 3, 2)) + bytes(20), "27 for 2 joints.*Received: 23"),
        (BoardSolution.from_payload, bytes((3, 3, 0)) + bytes(16), "status of 0 to 2.*Received: 3"),
        (Counters.from_payload, bytes(13), "'counters'.*Expected: 12.*Received: 13"),
        (error_of, b"", "'error'"),
    ],
)
def test_a_payload_that_is_none_is_refused(read, payload, told):
    with pytest.raises(AnswerError, match=told):
        read(payload)


@pytest.mark.parametrize("payload", [bytes((1, 0, 9)), bytes((2, 13, 5)), bytes((3, 12, 3))])
def test_the_errors_are_sentences(payload):
    code, sentence = error_of(payload)
    assert code == payload[0]
    assert str(payload[2]) in sentence


def test_an_unknown_error_is_told_by_its_number():
    assert error_of(bytes((77, 0, 0))) == (77, "error 77, which this version does not know")
