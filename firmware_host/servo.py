"""One servo: how its command follows from its joint.

A servo is at its zero where its command is `zero`, and a turn of it is `per_turn` more. The
joint q turns it by `gear_ratio` turns for each of its own, or by one turn for each
`mm_per_turn` that it slides, in a `direction`, from an `offset` where q = 0:

    command(q) = at_zero + per_unit q,    at_zero  = zero + per_turn offset / 2 pi,
                                          per_unit = direction gear_ratio per_turn / 2 pi.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from firmware_host.errors import RobotError

MICROSECONDS, TICKS = UNITS = ("us", "ticks")
# Commands are unsigned numbers of 16 bits in firmware.
MOST_COMMAND = 2**16 - 1
# Any number of a servo; what is greater cannot be meant.
MOST_NUMBER = 1e6
# How many counts a radian or a metre may be. With fewer, no arm moves; with more, the bits of a
# joint in single precision run out.
COUNTS = (1.0, 1e9)

# Joints in firmware: a whole number of these to a radian or a metre.
PARTS = 2**24
MICRO = 10**6
# Bits of a factor, and bits behind the point at most: a sum then has less than 62 bits.
FACTOR_BITS = 30
MOST_SHIFT = 40


@dataclass(frozen=True)
class Servo:
    """What moves one joint.

    Attributes:
        joint: Name of the joint.
        unit: "us" for pulses of PWM servos [microseconds], "ticks" for servos on a bus.
        zero: The command where the servo is at its zero [unit].
        per_turn: How much a turn of the servo is [unit].
        least: The least command allowed [unit].
        most: The greatest command allowed [unit].
        direction: 1, or -1 if commands grow where the joint's number falls.
        gear_ratio: Turns of the servo for one of the joint, or of its screw or pinion.
        mm_per_turn: How far the joint slides in a turn of screw or pinion [mm]; None if it turns.
        offset: The servo's angle from its zero where the joint is at 0 [rad].
        model: What it is called; empty if that is not known.

    Raises:
        RobotError: If a number cannot be meant; the message names the joint.
    """

    joint: str
    unit: str
    zero: float
    per_turn: float
    least: int
    most: int
    direction: int = 1
    gear_ratio: float = 1.0
    mm_per_turn: float | None = None
    offset: float = 0.0
    model: str = ""

    def __post_init__(self) -> None:
        self._expect(self.unit in UNITS, f"a unit of {' or '.join(UNITS)}", self.unit)
        positive = {"per_turn": self.per_turn, "gear_ratio": self.gear_ratio}
        if self.mm_per_turn is not None:
            positive["mm_per_turn"] = self.mm_per_turn
        for name, value in positive.items():
            self._expect(0 < value <= MOST_NUMBER, f"{name} above 0; direction tells signs", value)
        for name, value in {"zero": self.zero, "offset": self.offset}.items():
            self._expect(abs(value) <= MOST_NUMBER, f"a finite {name}", value)
        self._expect(self.direction in (1, -1), "a direction of 1 or -1", self.direction)
        self._expect(
            0 <= self.least < self.most <= MOST_COMMAND,
            f"a range of whole {self.unit} with 0 <= min < max <= {MOST_COMMAND}",
            f"min={self.least}, max={self.most}",
        )
        self._expect(
            COUNTS[0] <= abs(self.per_unit) <= COUNTS[1],
            f"{COUNTS[0]:g} to {COUNTS[1]:g} {self.unit} for each radian or metre of the joint",
            f"{abs(self.per_unit):g}",
        )
        self._expect(
            abs(self.at_zero) <= 2**20,
            "a command near its range where the joint is at 0",
            self.at_zero,
        )

    def _expect(self, good: bool, words: str, received: object) -> None:
        if not good:
            raise RobotError(
                f"The servo of joint '{self.joint}' cannot be used. Expected {words}. "
                f"Received: {received}",
                self.joint,
            )

    @property
    def slides(self) -> bool:
        """Whether it moves a joint that slides."""
        return self.mm_per_turn is not None

    @property
    def per_unit(self) -> float:
        """How much the command grows with the joint [unit / rad, or unit / m]."""
        turns = 1 / (2 * math.pi) if self.mm_per_turn is None else 1e3 / self.mm_per_turn
        return self.direction * self.gear_ratio * self.per_turn * turns

    @property
    def at_zero(self) -> float:
        """The command where the joint is at 0, whether allowed or not [unit]."""
        return self.zero + self.per_turn * self.offset / (2 * math.pi)

    @property
    def shift(self) -> int:
        """Bits behind the point of the factors of firmware."""
        _, exponent = math.frexp(abs(self.per_unit) / MICRO)
        return min(FACTOR_BITS - exponent, MOST_SHIFT)

    @property
    def start(self) -> int:
        """The command at 0 and a half, whole numbers of 2^-shift."""
        return round(self.at_zero * (1 << self.shift)) + (1 << (self.shift - 1))

    def factor(self, parts: int) -> int:
        """What firmware multiplies a joint by that is counted in so many parts [2^-shift]."""
        return round(self.per_unit * (1 << self.shift) / parts)

    @property
    def reach(self) -> tuple[float, float]:
        """Where the joint is at the ends of the servo's range, the lower first [rad, m]."""
        ends = sorted((end - self.at_zero) / self.per_unit for end in (self.least, self.most))
        return ends[0], ends[1]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Servo:
        """The servo from `to_dict`'s values.

        Raises:
            RobotError: If a number cannot be meant.
            KeyError, TypeError, ValueError, OverflowError: If they are none.
        """
        unknown = data.keys() - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"unknown fields {', '.join(sorted(unknown))}")
        slide = data["mm_per_turn"]
        return cls(
            joint=_text(data["joint"]),
            unit=_text(data["unit"]),
            zero=float(data["zero"]),
            per_turn=float(data["per_turn"]),
            least=_whole(data["least"]),
            most=_whole(data["most"]),
            direction=_whole(data["direction"]),
            gear_ratio=float(data["gear_ratio"]),
            mm_per_turn=None if slide is None else float(slide),
            offset=float(data["offset"]),
            model=_text(data["model"]),
        )


def _whole(value: Any) -> int:
    if isinstance(value, bool) or int(value) != value:
        raise ValueError(f"expected a whole number, received {value!r}")
    return int(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, received {value!r}")
    return value
