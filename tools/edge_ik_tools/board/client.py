"""The host's side of the serial line: asks a board, and asks again where it must."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, TypeVar

import numpy.typing as npt

from edge_ik_tools.board.errors import (
    NoAnswerError,
    PortError,
    RefusedError,
    WrongFirmwareError,
)
from edge_ik_tools.board.framing import FrameParser, Message, encode_frame
from edge_ik_tools.board.protocol import (
    ANSWER,
    ERROR,
    PROTOCOL_VERSION,
    BoardSolution,
    Counters,
    Hello,
    Question,
    error_of,
    solve_payload,
)
from firmware_host.errors import ConfigError, optional_import

BAUD_RATE = 115_200
# A frame takes 12 ms at 115,200 baud, and a solve less: a second of silence is an answer.
TIMEOUT = 1.0
RETRIES = 3
# A line that takes no byte for so long is stuck, however soon answers are due [s].
WRITE_TIMEOUT = 1.0
# After a damaged frame, which may have been the answer, no more than this is waited [s].
AFTER_DAMAGE = 0.1

_Answer = TypeVar("_Answer")


class BoardClient:
    """A board behind a serial port; use it in a `with` statement.

    Args:
        port: A device, "/dev/ttyACM0" or "COM3", or a URL that pyserial knows, as
            "socket://127.0.0.1:4000".
        baud_rate: Bits a second; without a meaning for a socket.
        timeout: How long to wait for an answer [s].
        retries: How often to ask again before giving up.

    Attributes:
        parser: What was received, counted.
        asked_again: Questions sent again, because of silence or of damage.
        round_trip_us: How long the last answer took from the first time of asking [us].

    Raises:
        MissingExtraError: If pyserial is not installed.
        PortError: If the port cannot be opened.
        ConfigError: If a number is out of range.
    """

    def __init__(
        self,
        port: str,
        *,
        baud_rate: int = BAUD_RATE,
        timeout: float = TIMEOUT,
        retries: int = RETRIES,
    ) -> None:
        if baud_rate < 1 or not timeout > 0 or retries < 0:
            raise ConfigError(
                "Expected a baud rate and a timeout above 0, and 0 retries or more. "
                f"Received: baud_rate={baud_rate}, timeout={timeout}, retries={retries}"
            )
        self.port = port
        self.baud_rate = baud_rate
        self.timeout = timeout
        self.retries = retries
        self.parser = FrameParser()
        self.asked_again = 0
        self.round_trip_us = 0.0
        self._sequence = 0
        self._serial = _opened(port, baud_rate, min(timeout, AFTER_DAMAGE))

    def __enter__(self) -> BoardClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the port."""
        self._serial.close()

    def hello(self) -> Hello:
        """What the board says of itself.

        Raises:
            WrongFirmwareError: If it speaks another version of the protocol.
            BoardError: As for `ask`.
        """
        hello = self.ask(Question.HELLO, b"", Hello.from_payload)
        if hello.version != PROTOCOL_VERSION:
            raise WrongFirmwareError(
                f"The firmware at {self.port} speaks another version of the protocol. Expected: "
                f"{PROTOCOL_VERSION}. Received: {hello.version}. Build it again with this "
                "version of edge-ik.",
                str(PROTOCOL_VERSION),
                str(hello.version),
            )
        return hello

    def solve(self, target: npt.ArrayLike) -> BoardSolution:
        """Let the board solve a target (m,), which is sent as float32.

        Raises:
            BoardError: As for `ask`.
        """
        return self.ask(Question.SOLVE, solve_payload(target), BoardSolution.from_payload)

    def counters(self) -> Counters:
        """The frames that the board has received.

        Raises:
            BoardError: As for `ask`.
        """
        return self.ask(Question.COUNTERS, b"", Counters.from_payload)

    def ask(self, question: Question, payload: bytes, read: Callable[[bytes], _Answer]) -> _Answer:
        """Ask until the answer arrives whole, at most once and `retries` times more.

        Args:
            question: What to ask.
            payload: Its payload.
            read: Reads the payload of the answer.

        Raises:
            NoAnswerError: If no answer arrived whole.
            RefusedError: If the board cannot do it.
            AnswerError: If the answer does not hold what it must.
            PortError: If the port was lost.
        """
        self._sequence = (self._sequence + 1) % 256
        frame = encode_frame(Message(question, self._sequence, payload))
        received, damaged, echoed = self.parser.bytes, self.parser.damaged, False
        began = time.perf_counter_ns()
        for attempt in range(1 + self.retries):
            self.asked_again += attempt > 0
            with self._port_kept():
                self._serial.write(frame)
            for message in self._until(time.monotonic() + self.timeout):
                if message.sequence != self._sequence:
                    continue  # the answer to an earlier question, asked twice
                if message.type == ERROR:
                    code, reason = error_of(message.payload)
                    raise RefusedError(f"The board at {self.port} refused: {reason}.", code)
                if message.type == question | ANSWER:
                    self.round_trip_us = (time.perf_counter_ns() - began) / 1e3
                    return read(message.payload)
                echoed = echoed or message.type == question
        raise NoAnswerError(
            self._silence(self.parser.bytes - received, self.parser.damaged - damaged, echoed),
            1 + self.retries,
            self.parser.bytes - received,
        )

    def _until(self, deadline: float) -> Iterator[Message]:
        """Messages up to a time, which comes sooner if a damaged frame did."""
        damaged = self.parser.damaged
        while time.monotonic() < deadline:
            with self._port_kept():
                data = self._serial.read(max(1, self._serial.in_waiting))
            yield from self.parser.push(data)
            if self.parser.damaged != damaged:
                damaged = self.parser.damaged
                deadline = min(deadline, time.monotonic() + AFTER_DAMAGE)

    def _silence(self, received: int, damaged: int, echoed: bool) -> str:
        """What to check when no answer arrived."""
        asked = f"asked {1 + self.retries} times, {self.timeout:g} s each"
        if echoed:
            return (
                f"The port {self.port} returns what is sent to it and nothing else ({asked}). "
                "Check that its two lines go to the board and are not joined."
            )
        if received:
            return (
                f"No answer from {self.port} arrived whole ({asked}): {received} bytes came, "
                f"{damaged} damaged frames among them. Check that the board's baud rate is "
                f"{self.baud_rate}, that the benchmark firmware runs on it, and the wires."
            )
        return (
            f"No answer from {self.port} ({asked}): not one byte came. Check that this is the "
            "board's port, that the board has power and runs the benchmark firmware, that its "
            f"baud rate is {self.baud_rate}, and that transmit and receive are crossed."
        )

    @contextmanager
    def _port_kept(self) -> Iterator[None]:
        """Tell a port that fails in a sentence."""
        try:
            yield
        except OSError as error:  # pyserial's own errors are of this kind
            raise PortError(
                f"The port {self.port} failed: {error}. Check the cable, that the board runs its "
                "firmware, and that no other program uses the port."
            ) from error


def _opened(port: str, baud_rate: int, timeout: float) -> Any:
    """The open port, a read of which ends after the timeout [s]."""
    with optional_import("pyserial", "serial", "Talking to a board", "serial"):
        import serial
    try:
        # Exclusive: two programs on one port would each get half of the answers.
        return serial.serial_for_url(
            port,
            baudrate=baud_rate,
            timeout=timeout,
            write_timeout=WRITE_TIMEOUT,
            exclusive=True,
        )
    except (OSError, ValueError) as error:
        raise PortError(
            f"Cannot open the port {port}: {error}. Expected a serial device that you may use, "
            "or a URL as socket://127.0.0.1:4000."
        ) from error
