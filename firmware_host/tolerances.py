"""Every tolerance of the product, by name, each with its reason."""

from __future__ import annotations

import math

# A target counts as reached below this distance: finer than hobby servos and most cells of
# industrial arms repeat [m] ...
SOLVED_POSITION = 1e-3
# ... and, where it has an orientation, below this angle [rad]: 0.1 degrees.
SOLVED_ROTATION = math.radians(0.1)

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


def within_tolerance(distance: float, angle: float) -> bool:
    """Whether a distance [m] and an angle [rad] count as reached."""
    return distance < SOLVED_POSITION and angle < SOLVED_ROTATION
