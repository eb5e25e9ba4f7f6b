"""What can go wrong between the host and a board."""

from __future__ import annotations

from firmware_host.errors import EdgeIkError


class BoardError(EdgeIkError):
    """A board cannot be used; the base of the errors below."""


class PortError(BoardError):
    """The serial port cannot be opened, or was lost."""


class NoAnswerError(BoardError):
    """A board stayed silent, or what came was damaged, every time it was asked.

    Attributes:
        attempts: How often it was asked.
        received: Bytes that came meanwhile.
    """

    def __init__(self, message: str, attempts: int, received: int) -> None:
        super().__init__(message)
        self.attempts = attempts
        self.received = received


class RefusedError(BoardError):
    """The board answered that it cannot do what it was asked.

    Attributes:
        code: The error's number in the protocol.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class AnswerError(BoardError):
    """An answer arrived whole but does not hold what the protocol says."""


class WrongFirmwareError(BoardError):
    """The firmware speaks another version of the protocol or solves with another model.

    Attributes:
        expected: What the host needs: a version or a model's hash.
        received: What the board has.
    """

    def __init__(self, message: str, expected: str, received: str) -> None:
        super().__init__(message)
        self.expected = expected
        self.received = received
