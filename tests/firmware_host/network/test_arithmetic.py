"""Integer arithmetic against exact fractions, and against TFLite Micro where it rounds twice."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_host.network.arithmetic import (
    SIGMOID_TABLE,
    doubling_high_mul,
    logistic_table,
    quantize_multiplier,
    requantize,
    requantize_wide,
    rounding_shift_right,
)


@given(st.floats(2**-31, 2**30))
def test_quantize_multiplier_keeps_31_bits(real):
    multiplier, shift = quantize_multiplier(real)
    assert 2**30 <= multiplier < 2**31
    assert abs(Fraction(multiplier) * Fraction(2) ** (shift - 31) - Fraction(real)) <= Fraction(
        2
    ) ** (shift - 32)


@pytest.mark.parametrize(
    ("real", "expected"),
    [
        (0.0, (0, 0)),
        (1.0, (2**30, 1)),
        (0.5, (2**30, 0)),
        (math.nextafter(1.0, 0.0), (2**30, 1)),
        (2.0**-32, (2**30, -31)),
        (2.0**-33, (0, 0)),
    ],
)
def test_quantize_multiplier_at_its_edges(real, expected):
    assert quantize_multiplier(real) == expected


@given(st.integers(-(2**31), 2**31 - 1), st.integers(0, 31))
def test_rounding_shift_right_takes_halves_away_from_zero(value, exponent):
    exact = Fraction(value, 2**exponent)
    nearest = math.floor(abs(exact) + Fraction(1, 2)) * (1 if exact >= 0 else -1)
    assert rounding_shift_right(np.int64(value), np.int64(exponent)) == nearest


@given(st.integers(-(2**31), 2**31 - 1), st.integers(0, 2**31 - 1))
def test_doubling_high_mul_takes_halves_up(a, b):
    assert doubling_high_mul(a, b) == math.floor(Fraction(a * b, 2**31) + Fraction(1, 2))


@given(st.integers(-(2**20), 2**20), st.integers(2**30, 2**31 - 1), st.integers(-20, 8))
def test_requantize_is_within_its_two_roundings(value, multiplier, shift):
    exact = Fraction(value * multiplier) * Fraction(2) ** (shift - 31)
    result = int(requantize(np.int64(value), np.int64(multiplier), np.int64(shift)))
    assert abs(result - exact) <= Fraction(1, 2) + Fraction(1, 2) * Fraction(2) ** min(shift, 0)


@given(st.integers(-(2**40), 2**40), st.integers(2**30, 2**31 - 1), st.integers(-31, -10))
def test_requantize_wide_has_fifteen_bits(value, multiplier, shift):
    exact = Fraction(value * multiplier) * Fraction(2) ** (shift - 31)
    result = int(requantize_wide(np.int64(value), np.int64(multiplier), np.int64(shift)))
    assert abs(result - exact) <= Fraction(1, 2) + abs(exact) / 2**14


@given(st.floats(1e-4, 0.25), st.integers(-128, 127))
def test_logistic_table_is_the_logistic_function(scale, zero_point):
    q = np.arange(-128, 128) - zero_point
    exact = 256 / (1 + np.exp(-float(np.float32(scale)) * q)) - 128
    table = logistic_table(scale, zero_point)
    # Rounded to nearest but for what fixed point adds, and cut at 127.
    assert np.all(np.abs(table - np.minimum(exact, 127)) <= 0.5 + 2e-5)


@pytest.mark.parametrize(
    ("scale", "zero_point", "q", "tflite_micro"),
    [
        (0.0003720185486599803, 22, 1, -1),
        (0.0001573054032633081, 121, -28, -2),
        (0.002955054398626089, -105, -28, 14),
        (0.002366673666983843, 37, -86, -19),
        (0.014291245490312576, 32, -2, -30),
        (0.010773949325084686, -43, 72, 70),
        (0.046936891973018646, 103, 93, -29),
        (0.028218865394592285, 103, -118, -128),
        (5.123660087585449, -1, -2, -128),
    ],
)
def test_logistic_table_where_the_exact_function_rounds_the_other_way(
    scale, zero_point, q, tflite_micro
):
    exact = 256 / (1 + math.exp(-scale * (q - zero_point))) - 128
    assert round(exact) != tflite_micro
    assert logistic_table(scale, zero_point)[q + 128] == tflite_micro


def test_sigmoid_table_of_int16():
    table = SIGMOID_TABLE
    exact = 65536 / (1 + np.exp(-np.arange(256) / 24))
    assert table.shape == (256,)
    assert np.all(np.abs(table - exact) < 2)
    assert (table[0], table[4], table[135], table[255]) == (32768, 35493, 65301, 65535)
