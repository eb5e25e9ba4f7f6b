"""Lines in place of ADD and MUL: equal to them for every number, within 32 bits."""

import dataclasses

import numpy as np
import pytest

from edge_ik_tools.c99.line import NUMBERS, line_of, product_line_of
from firmware_host.network.steps import Add, Mul

A, B = (part.ravel() for part in np.meshgrid(NUMBERS, NUMBERS))


@pytest.fixture(scope="module")
def steps(random_network):
    """Function of a class of steps: those of random networks, some with scales out of line."""
    rng = np.random.default_rng(9)
    made = [random_network(rng, np.int8, kinds=["glu", "gated"]) for _ in range(40)]

    def of(kind):
        return [step for network in made for step in network.steps if isinstance(step, kind)]

    return of


def test_lines_equal_add_on_every_pair(steps):
    found = steps(Add)
    assert len(found) > 20
    for step in found:
        line = line_of(step)
        assert line is not None
        parts = (A * line.first, A * line.first + B * line.second)
        total = parts[1] + line.constant
        # A kernel may take the lower limit off before it shifts.
        for part in (*parts, total, total + (128 << line.shift), total - (127 << line.shift)):
            assert np.abs(part).max() < 2**31
        wanted = step(A.astype(np.int8), B.astype(np.int8))
        assert (np.clip(total >> line.shift, step.lower, step.upper) == wanted).all()


def test_lines_equal_mul_on_every_pair(steps):
    found = [(step, product_line_of(step)) for step in steps(Mul)]
    lines = [(step, line) for step, line in found if line is not None]
    assert len(lines) > max(20, 0.8 * len(found))
    for step, line in lines:
        p = (A - step.zero_points[0]) * (B - step.zero_points[1])
        upper, lower = p * line.upper, p * line.lower
        total = upper + (lower >> 15) - (p < 0) * 2**line.sign + line.constant
        for part in (upper, lower, total, total + (128 << line.shift)):
            assert np.abs(part).max() < 2**31
        wanted = step(A.astype(np.int8), B.astype(np.int8))
        assert (np.clip(total >> line.shift, step.lower, step.upper) == wanted).all()


def test_without_a_shift_to_the_right_there_is_no_line(steps):
    step = steps(Mul)[0]
    assert product_line_of(dataclasses.replace(step, shift=0)) is None
    assert product_line_of(dataclasses.replace(step, shift=-25)) is None


def test_a_scale_too_large_for_32_bits_has_no_line(steps):
    step = steps(Add)[0]
    shifts = (*step.shifts[:2], 9)
    assert line_of(dataclasses.replace(step, shifts=shifts)) is None
