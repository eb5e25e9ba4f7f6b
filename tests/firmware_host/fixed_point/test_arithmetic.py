"""Operations on integers against exact arithmetic."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_host.fixed_point.arithmetic import (
    LEAST,
    MOST,
    NEWTON_STEPS,
    high,
    inverse_root,
    length,
    over,
    over_held,
    root32,
    root64,
    shifted,
)

integers = st.integers(LEAST, MOST)
wide = st.integers(1, 2**63 - 1) | st.integers(0, 62).map(lambda power: 2**power)
narrow = st.integers(1, MOST) | st.integers(0, 30).map(lambda power: 2**power)
# What two steps of Newton's method leave, as the sources say.
WITHIN = 3e-8


def exact_root(w):
    """The square root of an integer as a fraction, to 80 bits and more."""
    return Fraction(math.isqrt(w << 200), 2**100)


def value_of_inverse(root, width):
    """1 / sqrt(w) as a root says it: of m = w * 2^(2 half) of so many bits."""
    # 30 fraction bits of 1 / sqrt(m / 2^width).
    return root.inverse * 2.0 ** (-30 + root.half - width / 2)


def test_the_inverse_root_is_as_near_as_said_everywhere():
    mantissas = np.unique(np.geomspace(2**29, 2**31 - 1, 20_000).astype(np.int64)).tolist()
    worst = 0.0
    for mantissa in [*mantissas, 2**29, 2**29 + 1, 2**31 - 1, 2**31 - 2, 2**30]:
        found = inverse_root(mantissa)
        assert 2**30 - 64 <= found <= MOST
        worst = max(worst, abs(found / 2**30 * math.sqrt(mantissa / 2**31) - 1))
    assert worst < WITHIN
    # The bound is no wider than it need be.
    assert worst > WITHIN / 4


def test_a_step_less_would_not_do(monkeypatch):
    monkeypatch.setattr("firmware_host.fixed_point.arithmetic.NEWTON_STEPS", NEWTON_STEPS - 1)
    errors = [
        abs(inverse_root(m) / 2**30 * math.sqrt(m / 2**31) - 1) for m in range(2**29, 2**31, 2**22)
    ]
    assert max(errors) > 10 * WITHIN


@pytest.mark.parametrize(("root", "width"), [(root32, 32), (root64, 64)])
def test_roots_are_right_for_every_exponent(root, width):
    for power in range(width - 1):
        for w in {2**power, 2**power + 1, 2 ** (power + 1) - 1, int(1.37 * 2**power)}:
            found = root(w)
            assert 2**29 <= found.mantissa < 2**31
            # The mantissa loses what is below its bits.
            relative = value_of_inverse(found, width) * math.sqrt(w) - 1
            assert abs(relative) < WITHIN + 2.0**-30


@pytest.mark.parametrize("root", [root32, root64])
@pytest.mark.parametrize("w", [0, -1, LEAST])
def test_what_has_no_root_counts_as_one(root, w):
    assert root(w) == root(1)


@given(integers, integers)
def test_the_upper_half_is_rounded_down(a, b):
    assert high(a, b) == math.floor(Fraction(a * b, 2**32))


@given(integers, st.integers(-80, 80))
def test_shifts_round_down_and_hold(value, bits):
    exact = math.floor(value * Fraction(2) ** bits)
    assert shifted(value, bits) == min(max(exact, LEAST), MOST)


@given(integers, wide, st.integers(-34, 10))
def test_quotients_by_a_root_are_near_the_exact_ones(a, w, shift):
    root = root64(w)
    total = root.half + shift
    if total < 0 or abs(a) << total > MOST:
        return
    exact = Fraction(a) / exact_root(w) * Fraction(2) ** (30 + shift)
    found = over(a, root, shift)
    assert abs(found - exact) <= 1 + 2 * WITHIN * abs(exact)
    assert over_held(a, root, shift) == found


@given(integers, narrow, st.integers(-40, 40))
def test_quotients_are_held_where_they_are_too_much(a, w, shift):
    root = root32(w)
    found = over_held(a, root, shift)
    scale = Fraction(2) ** (14 + shift)
    exact = Fraction(a) / exact_root(w) * scale
    # What is held is so before the inverse: at 2^31 times 1 to 2 with 30 bits, of 32.
    if abs(a) * Fraction(2) ** (root.half + shift) < 2**31:
        lost = 2 if root.half + shift < 0 else 1
        assert abs(found - exact) <= lost + 2 * WITHIN * abs(exact)
    else:
        assert found * a > 0
        assert 2**29 - 64 <= abs(found) <= abs(exact) * Fraction(1 + 2 * WITHIN) + 1


@given(wide, st.integers(-16, 20))
def test_lengths_are_near_the_exact_ones(w, shift):
    root = root64(w)
    if root.half + shift < 0:
        return
    # sqrt(w) = m * inverse * 2^(32 - 29 - half), in the upper half.
    exact = exact_root(w) * Fraction(2) ** (-3 - shift)
    found = length(root, shift)
    assert -1 - 2 * WITHIN * exact <= found - exact <= 2 * WITHIN * exact
