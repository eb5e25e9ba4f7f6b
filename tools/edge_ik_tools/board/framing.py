"""Frames on the serial line; `sources/edge_ik_link.h` describes the protocol."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

MAX_PAYLOAD = 128
CRC_BYTES = 4
# Type, sequence, payload and checksum.
MAX_BODY = 2 + MAX_PAYLOAD + CRC_BYTES
MIN_BODY = 2 + CRC_BYTES
# A zero at either end and the first code of COBS.
MAX_FRAME = MAX_BODY + 3
DELIMITER = b"\0"


@dataclass(frozen=True)
class Message:
    """What one frame carries.

    Attributes:
        type: Kind of message, 0 to 255.
        sequence: Number of the question, 0 to 255; an answer repeats it.
        payload: At most `MAX_PAYLOAD` bytes.
    """

    type: int
    sequence: int
    payload: bytes = b""


def encode_frame(message: Message) -> bytes:
    """The bytes of a message on the line.

    Raises:
        ValueError: If the payload is too long, or a number no byte.
    """
    if len(message.payload) > MAX_PAYLOAD:
        raise ValueError(
            f"Expected a payload of at most {MAX_PAYLOAD} bytes. Received: {len(message.payload)}"
        )
    content = bytes((message.type, message.sequence)) + message.payload
    body = content + zlib.crc32(content).to_bytes(CRC_BYTES, "little")
    # COBS: each run that a zero ended, or the body's end, behind one more than its length.
    # No run reaches 254 bytes, where COBS would begin a new one.
    stuffed = b"".join(bytes((len(run) + 1,)) + run for run in body.split(DELIMITER))
    return DELIMITER + stuffed + DELIMITER


class FrameParser:
    """Finds messages in bytes as they come, whatever stands between them.

    Attributes:
        whole: Frames read.
        bad_crc: Frames that ended with a wrong checksum.
        malformed: Frames that were cut, too long or too short.
        bytes: Bytes seen.
    """

    def __init__(self) -> None:
        self.whole = 0
        self.bad_crc = 0
        self.malformed = 0
        self.bytes = 0
        self._stuffed = bytearray()

    @property
    def damaged(self) -> int:
        """Frames that could not be read."""
        return self.bad_crc + self.malformed

    def push(self, data: bytes) -> Iterator[Message]:
        """The messages that end within these bytes."""
        self.bytes += len(data)
        *ends, rest = data.split(DELIMITER)
        for end in ends:
            message = self._ended(bytes(self._stuffed + end))
            self._stuffed.clear()
            if message is not None:
                yield message
        # What exceeds a frame is garbage, and garbage is not kept.
        self._stuffed += rest[: MAX_FRAME - len(self._stuffed)]

    def _ended(self, stuffed: bytes) -> Message | None:
        """The message of a frame without its delimiters; None where there is none."""
        if not stuffed:
            return None
        body = _unstuffed(stuffed)
        if body is None or not MIN_BODY <= len(body) <= MAX_BODY:
            self.malformed += 1
            return None
        content, crc = body[:-CRC_BYTES], body[-CRC_BYTES:]
        if zlib.crc32(content) != int.from_bytes(crc, "little"):
            self.bad_crc += 1
            return None
        self.whole += 1
        return Message(content[0], content[1], content[2:])


def _unstuffed(stuffed: bytes) -> bytes | None:
    """COBS decoded; None if the last block was cut."""
    runs = []
    start = 0
    while start < len(stuffed):
        end = start + stuffed[start]
        if end > len(stuffed):
            return None
        runs.append(stuffed[start + 1 : end])
        start = end
    return DELIMITER.join(runs)
