"""The few operations that fixed-point code is made of, on plain integers as C has them.

Each is exact: integers of 32 and of 64 bits, products shifted to the right with the sign kept
and rounded toward minus infinity. The C of `support_fixed.c.in` does the same.
"""

from __future__ import annotations

from dataclasses import dataclass

LEAST, MOST = -(2**31), 2**31 - 1

# Minimax polynomial for 1 / sqrt(m) on [1/4, 1], within 0.8%, with 28 bits of fraction.
INVERSE_ROOT = (835_457_980, -1_586_690_170, 1_672_315_010, -654_566_746)
# Two steps of Newton's method leave an error of 3e-8.
NEWTON_STEPS = 2
ONE = 2**30


@dataclass(frozen=True)
class Root:
    """1 / sqrt(w) of a positive integer w, normalized to m = w * 2^n with an even n.

    Attributes:
        inverse: 1 / sqrt(m), with 30 bits of fraction where m has 32, so from 2^30 on.
        mantissa: m / 2, from 2^29 on.
        half: n / 2.
    """

    inverse: int
    mantissa: int
    half: int


def high(a: int, b: int) -> int:
    """The upper 32 bits of a product."""
    return (a * b) >> 32


def held(value: int) -> int:
    """A number brought into 32 bits."""
    return min(max(value, LEAST), MOST)


def shifted(value: int, bits: int) -> int:
    """value * 2^bits, held in 32 bits; a shift to the right rounds down."""
    if bits <= 0:
        return held(value >> min(-bits, 63))
    return held(value << min(bits, 63)) if value else 0


def inverse_root(mantissa: int) -> int:
    """1 / sqrt(m) with 30 bits of fraction, of m in [1/4, 1) with 31 bits."""
    c0, c1, c2, c3 = INVERSE_ROOT
    y = c2 + 2 * high(mantissa, c3)
    y = c1 + 2 * high(mantissa, y)
    y = 2 * (c0 + 2 * high(mantissa, y))
    for _ in range(NEWTON_STEPS):
        rest = 2**25 - high(mantissa, high(y, y))
        y += high(y, rest * 64)
    return held(2 * y)


def root32(w: int) -> Root:
    """The root of an integer of 32 bits; one below 1 counts as 1."""
    w = max(w, 1)
    half = (32 - w.bit_length()) // 2
    mantissa = (w << 2 * half) >> 1
    return Root(inverse_root(mantissa), mantissa, half)


def root64(w: int) -> Root:
    """The root of an integer of 64 bits; one below 1 counts as 1."""
    w = max(w, 1)
    half = (64 - w.bit_length()) // 2
    mantissa = (w << 2 * half) >> 33
    return Root(inverse_root(mantissa), mantissa, half)


def over(a: int, root: Root, shift: int) -> int:
    """a / sqrt(w): a shifted by the root's exponent and `shift`, times its inverse."""
    total = root.half + shift
    return high(a << total if total >= 0 else a >> -total, root.inverse)


def over_held(a: int, root: Root, shift: int) -> int:
    """The same where it can be too much for 32 bits, which hold what they can then."""
    return high(shifted(a, root.half + shift), root.inverse)


def length(root: Root, shift: int) -> int:
    """sqrt(w): the root's mantissa times its inverse, shifted to the right."""
    return high(root.mantissa, root.inverse) >> (root.half + shift)
