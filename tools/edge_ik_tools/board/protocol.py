"""Questions and answers on the serial line; `sources/edge_ik_link.h` describes them."""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_ik_tools.board.errors import AnswerError
from edge_ik_tools.board.framing import MAX_PAYLOAD
from firmware_host.solver import Status

PROTOCOL_VERSION = 1
HASH_SIZE = 16


class Question(enum.IntEnum):
    """What the host can ask; the answer has the type `question | ANSWER`."""

    HELLO = 0x01
    SOLVE = 0x02
    COUNTERS = 0x03


ANSWER = 0x80
ERROR = 0xFF

# Positions in this tuple are the numbers on the line.
STATUSES = (Status.SOLVED, Status.UNREACHABLE, Status.BAD_TARGET)

_HELLO = struct.Struct(f"<BBBBfI{HASH_SIZE}s")
_SOLVED = struct.Struct("<BBBffII")
_COUNTERS = struct.Struct("<III")
_ERROR = struct.Struct("<BBB")
_FLOAT_BYTES = 4


@dataclass(frozen=True)
class Hello:
    """What a board says of itself.

    Attributes:
        version: Of the protocol.
        joints: Joints in an answer.
        target: Floats in a target.
        steps: Refinement steps of each solve.
        tolerance_m: Residual below which a target counts as solved [m].
        counter_hz: Frequency of the cycle counter [Hz].
        model_hash: First 16 hexadecimal digits of the flatbuffer's SHA-256.
        name: Name of the model in the firmware.
    """

    version: int
    joints: int
    target: int
    steps: int
    tolerance_m: float
    counter_hz: int
    model_hash: str
    name: str

    @classmethod
    def from_payload(cls, payload: bytes) -> Hello:
        """Read the payload of an answer; AnswerError if it is none."""
        if len(payload) < _HELLO.size:
            raise _wrong_size("hello", f"at least {_HELLO.size}", payload)
        version, joints, target, steps, tolerance, hz, digits = _HELLO.unpack_from(payload)
        name = _text(payload[_HELLO.size :])
        return cls(version, joints, target, steps, tolerance, hz, _text(digits), name)


@dataclass(frozen=True, eq=False)
class BoardSolution:
    """A board's answer to one target.

    Attributes:
        q: (n,) joints [rad, m].
        status: How the solve ended.
        steps: Refinement steps taken.
        residual_m: Distance between the tool at q and the target, says the board [m].
        seed_residual_m: That distance for the network alone [m].
        cycles: Counts of the board's counter for the solve.
        seed_cycles: Those for the network alone, called once more.
    """

    q: npt.NDArray[np.float32]
    status: Status
    steps: int
    residual_m: float
    seed_residual_m: float
    cycles: int
    seed_cycles: int

    @classmethod
    def from_payload(cls, payload: bytes) -> BoardSolution:
        """Read the payload of an answer; AnswerError if it is none."""
        if len(payload) < _SOLVED.size:
            raise _wrong_size("solve", f"at least {_SOLVED.size}", payload)
        status, steps, joints, *numbers = _SOLVED.unpack_from(payload)
        expected = _SOLVED.size + _FLOAT_BYTES * joints
        if len(payload) != expected:
            raise _wrong_size("solve", f"{expected} for {joints} joints", payload)
        if status >= len(STATUSES):
            raise AnswerError(
                f"Expected a status of 0 to {len(STATUSES) - 1} from the board. "
                f"Received: {status}. Build its firmware again with this version of edge-ik."
            )
        q = np.frombuffer(payload, dtype="<f4", offset=_SOLVED.size)
        return cls(q, STATUSES[status], steps, *numbers)


@dataclass(frozen=True)
class Counters:
    """Frames that a board has received since it started.

    Attributes:
        whole: Those read.
        bad_crc: Those that ended with a wrong checksum.
        malformed: Those that were cut, too long or too short.
    """

    whole: int
    bad_crc: int
    malformed: int

    @classmethod
    def from_payload(cls, payload: bytes) -> Counters:
        """Read the payload of an answer; AnswerError if it is none."""
        if len(payload) != _COUNTERS.size:
            raise _wrong_size("counters", str(_COUNTERS.size), payload)
        return cls(*_COUNTERS.unpack(payload))


def solve_payload(target: npt.ArrayLike) -> bytes:
    """The payload that asks for a target (m,), sent as float32."""
    values = np.asarray(target, dtype="<f4")
    most = (MAX_PAYLOAD - 1) // _FLOAT_BYTES
    if values.ndim != 1 or len(values) > most:
        raise ValueError(f"Expected a target of 1 to {most} numbers. Received: {values.shape}")
    return bytes((len(values),)) + values.tobytes()


def error_of(payload: bytes) -> tuple[int, str]:
    """The number of a board's error, and the sentence it stands for."""
    if len(payload) != _ERROR.size:
        raise _wrong_size("error", str(_ERROR.size), payload)
    code, expected, received = _ERROR.unpack(payload)
    sentences = {
        1: f"it does not know questions of type 0x{received:02x}",
        2: f"it expected a payload of {expected} bytes and received {received}",
        3: f"it expected a target of {expected} numbers and received {received}",
    }
    return code, sentences.get(code, f"error {code}, which this version does not know")


def _text(raw: bytes) -> str:
    """Printable ASCII; whatever else came is shown, not trusted."""
    text = raw.decode("ascii", "backslashreplace")
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def _wrong_size(kind: str, expected: str, payload: bytes) -> AnswerError:
    return AnswerError(
        f"The board's answer to '{kind}' has the wrong size. Expected: {expected} bytes. "
        f"Received: {len(payload)}. Build its firmware again with this version of edge-ik."
    )
