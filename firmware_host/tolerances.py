"""Every tolerance of the product, by name, each with its reason."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from firmware_host.errors import ConfigError

# A target counts as reached below this distance: finer than hobby servos and most cells of
# industrial arms repeat [m] ...
SOLVED_POSITION = 1e-3
# ... and, where it has an orientation, below this angle [rad]: 0.1 degrees.
SOLVED_ROTATION = math.radians(0.1)

# A tolerance is so many times what rounding may move a tool by, so that what is solved is.
ROUNDINGS = 2.0

# A rotation read from a robot description carries its rounding (1.5707963 for pi/2).
CHAIN_ROTATION = 1e-6
# Rounding leaves a normalized axis within a few units of the last place of length 1.
UNIT_LENGTH = 1e-15
# A rotation matrix or quaternion that was rounded to four digits is still meant as one.
TARGET_ROTATION = 1e-3

# Limits written as +-3.14159 mean a full turn [rad].
FULL_TURN = 1e-4
# Two answers whose joint distances differ by less are the same configuration [rad].
SAME_ANSWER = 1e-2

# A joint's step and its errors weigh as much as this share of the reach: about how far a tool
# moves when a joint midway along the arm turns by one radian.
LENGTH_SHARE = 0.3

# Far beyond any robot, and far below what single precision can square [m].
FARTHEST_TARGET = 1e6
# No joint is further from 0 than this [rad, m] ...
FARTHEST_JOINT = 1e6
# ... and one that turns without end is not taken beyond this [rad]: firmware has it in single
# precision, which there is off by up to a tenth of a millimetre for each metre of the arm.
FARTHEST_TURN = 1e3


@dataclass(frozen=True)
class Tolerance:
    """What counts as solved.

    Attributes:
        position: A target counts as reached below this distance [m].
        rotation: ... and, where it has an orientation, below this angle [rad].

    Raises:
        ConfigError: If one is no number, not above 0, or beyond what there can be.
    """

    position: float = SOLVED_POSITION
    rotation: float = SOLVED_ROTATION

    def __post_init__(self) -> None:
        for name, unit, most in (("position", "m", FARTHEST_TARGET), ("rotation", "rad", math.pi)):
            given = getattr(self, name)
            try:
                value = float(given)
            except (TypeError, ValueError, OverflowError):
                value = math.nan
            # Not "0 or less, or more": of what is no number neither holds.
            if not 0 < value <= most:
                raise ConfigError(
                    f"Expected a tolerance of {name} above 0 and of at most {most:.7g} {unit}. "
                    f"Received: {given!r}"
                )
            object.__setattr__(self, name, value)

    def holds(self, distance: Any, angle: Any) -> Any:
        """Whether distances [m] and angles [rad], numbers or arrays, count as reached."""
        return (distance < self.position) & (angle < self.rotation)

    @property
    def squared_chord(self) -> float:
        """The square of the chord of `rotation` in the unit circle."""
        return (2 * math.sin(self.rotation / 2)) ** 2

    def check_rounding(self, position: float, rotation: float | None, way: str) -> None:
        """Refuse a tolerance that is finer than the usual one and than rounding allows.

        Args:
            position: How nearly a place is known [m].
            rotation: How nearly an orientation is known [rad]; None where there is none.
            way: What rounds, in words.

        Raises:
            ConfigError: If twice what rounding leaves open is more than the tolerance.
        """
        fine = self.position < min(SOLVED_POSITION, ROUNDINGS * position)
        turning, turned = rotation is not None, rotation or 0.0
        if fine or self.rotation < min(SOLVED_ROTATION, ROUNDINGS * turned):
            least = Tolerance.above_rounding(position, turned or SOLVED_ROTATION)
            raise ConfigError(
                f"{way} cannot tell so small errors of this robot from its rounding. Expected a "
                f"tolerance of at least {least.words(turning)}. Received: {self.words(turning)}"
            )

    @classmethod
    def above_rounding(cls, position: float, rotation: float) -> Tolerance:
        """The least tolerance where rounding may be so large [m, rad], in two digits."""
        places, angles = 1e3 * ROUNDINGS * position, math.degrees(ROUNDINGS * rotation)
        return cls(_upward(places) / 1e3, math.radians(_upward(angles)))

    def words(self, turning: bool) -> str:
        """The tolerance for people; its angle where targets have an orientation."""
        return tolerance_words(self.to_dict(turning))

    def to_dict(self, turning: bool) -> dict[str, float]:
        """JSON-ready values; the angle where targets have an orientation."""
        angle = {"rotation_rad": self.rotation} if turning else {}
        return {"position_m": self.position, **angle}


def tolerance_words(values: Mapping[str, float]) -> str:
    """What `Tolerance.to_dict` returns for people."""
    words = f"{1e3 * values['position_m']:.6g} mm"
    angle = values.get("rotation_rad")
    return words if angle is None else f"{words} and {math.degrees(angle):.6g} deg"


def _upward(value: float) -> float:
    """A number above 0 rounded up to two digits."""
    digits = 1 - math.floor(math.log10(value))
    return math.ceil(value * 10.0**digits) / 10.0**digits


DEFAULT_TOLERANCE = Tolerance()
