"""Recorded arithmetic in integers: near the same on floats, and never beyond their range."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from firmware_host.errors import ModelFileError
from firmware_host.fixed_point.arithmetic import root64
from firmware_host.fixed_point.integers import (
    MARGIN,
    NARROW,
    WIDE,
    Value,
    convert,
    factor_and_shift,
    fraction_bits,
    least_half,
)
from firmware_host.kinematics import limited
from firmware_host.straightline import Symbol, Tape

INPUTS = 3
# Kinematics folds zeros and ones away, and knows no constants that are much smaller.
constants = st.floats(0.01, 3) | st.floats(-3, -0.01) | st.sampled_from([-1.0, 0.5, 2.0, -0.25])
# One operation on any two values there are by then: (operator, left, right, constant).
steps = st.tuples(
    st.sampled_from(["+", "-", "*", "*", "square", "negate", "scale", "shift", "length", "unit"]),
    st.integers(0, 99),
    st.integers(0, 99),
    constants,
)
recorded = st.lists(steps, min_size=1, max_size=10)
some = settings(max_examples=60)
shares = st.lists(st.floats(-1, 1) | st.sampled_from([-1.0, 1.0, 0.0]), min_size=3, max_size=3)
bounds = st.lists(st.floats(1e-2, 100), min_size=INPUTS, max_size=INPUTS)


def execute(program, values, root):
    """Every value that a program computes, whatever the values are."""
    values = list(values)
    for name, i, j, constant in program:
        a, b = values[i % len(values)], values[j % len(values)]
        if name == "+":
            found = a + b
        elif name == "-":
            found = a - b
        elif name == "*":
            found = a * b
        elif name == "square":
            found = a * a
        elif name == "negate":
            found = -a
        elif name == "scale":
            found = a * constant
        elif name == "shift":
            found = a + constant
        elif name == "length":
            found = root(a * a + b * b)
        else:
            found = limited(a / root(a * a + b * b), 1.0)
        values.append(found)
    return values


def formats(sizes):
    return [
        Value(f"x{k}", fraction_bits(size), size, 0.5 * 2.0 ** -fraction_bits(size))
        for k, size in enumerate(sizes)
    ]


def converted(program, sizes):
    """A program in integers; what gets too large for them is not looked at."""
    tape = Tape()
    values = execute(program, tape.inputs("x", INPUTS), Symbol.sqrt)[INPUTS:]
    outputs = [value for value in values if isinstance(value, Symbol)]
    assume(outputs)
    try:
        return convert(tape, formats(sizes), [(value, None) for value in outputs])
    except ModelFileError:
        assume(False)


def given_integers(inputs, values):
    return [round(value * 2.0**one.bits) for one, value in zip(inputs, values, strict=True)]


@some
@given(recorded, bounds, shares)
def test_the_told_error_holds(program, sizes, shares):
    made = converted(program, sizes)
    values = [share * size for share, size in zip(shares, sizes, strict=True)]
    numbers = given_integers(made.inputs, values)
    with np.errstate(all="ignore"):
        floats = execute(program, [np.float64(value) for value in values], np.sqrt)[INPUTS:]
    found = made.compiled()(*numbers)
    for own, out, exact in zip(found, made.outputs, floats, strict=True):
        assert isinstance(out, Value)
        if math.isfinite(out.error) and np.isfinite(exact):
            # To first order: products of errors come on top.
            assert abs(own * 2.0**-out.bits - exact) <= 1.001 * out.error + 2.0**-out.bits
            assert abs(exact) <= out.bound * (1 + 1e-12)


@some
@given(recorded, bounds, shares)
def test_no_number_leaves_its_range(checked_run, program, sizes, shares):
    made = converted(program, sizes)
    values = [share * size for share, size in zip(shares, sizes, strict=True)]
    numbers = given_integers(made.inputs, values)
    assert checked_run(made, numbers) == made.compiled()(*numbers)


@some
@given(recorded, bounds)
def test_formats_have_room_for_bounds_and_not_much_more(program, sizes):
    made = converted(program, sizes)
    for one in made.operations:
        value = one.result
        if value.kind == NARROW:
            assert value.bound * 2.0**value.bits < 2**31
        if value.kind == WIDE:
            assert value.bound * 2.0**value.bits < 2**63


@some
@given(recorded, bounds)
def test_no_operation_is_there_twice_or_for_nothing(program, sizes):
    made = converted(program, sizes)
    names = [one.result.name for one in made.operations]
    assert len(set(names)) == len(names)
    assert len({(one.kind, one.operands) for one in made.operations}) == len(names)
    used = {word for one in made.operations for word in one.operands}
    used |= {out.name for out in made.outputs if isinstance(out, Value)}
    assert set(names) <= used
    assert made.pruned().operations == made.operations


def squared_length(tape, count):
    parts = tape.inputs("x", count)
    total = parts[0] * parts[0]
    for part in parts[1:]:
        total = total + part * part
    return total


def test_sums_of_squares_keep_all_their_bits():
    """A distance of micrometres is known as well as one of metres."""
    tape = Tape()
    total = squared_length(tape, 3)
    made = convert(tape, formats([1.0] * 3), [(total, None), (total.sqrt(), None)])
    squared, distance = made.outputs
    assert (squared.kind, distance.kind) == (WIDE, NARROW)
    for size in (0.9, 1e-3, 1e-6):
        numbers = given_integers(made.inputs, [size, -size / 2, size / 3])
        exact = math.hypot(
            *(n * 2.0**-one.bits for n, one in zip(numbers, made.inputs, strict=True))
        )
        found, root = made.compiled()(*numbers)
        # Squares are of 30 bits, whatever is summed.
        assert math.sqrt(found * 2.0**-squared.bits) == pytest.approx(exact, rel=0, abs=2.0**-27)
        assert root * 2.0**-distance.bits == pytest.approx(exact, rel=1e-7, abs=2.0**-27)


def test_without_squares_all_is_narrow():
    tape = Tape()
    made = convert(tape, formats([1.0] * 3), [(squared_length(tape, 3), None)], squares=False)
    assert {one.result.kind for one in made.operations} == {NARROW}


def test_outputs_come_in_the_format_that_is_asked_for():
    tape = Tape()
    a, b, _ = tape.inputs("x", 3)
    made = convert(tape, formats([1.0] * 3), [(a * b, 20), (a + b, 25), (0.75, 10), (2.5, None)])
    assert made.formats == (20, 25, 10, 0)
    assert made.outputs[2:] == (768, 0)
    found = made.compiled()(*given_integers(made.inputs, [0.5, -0.25, 0.0]))
    assert abs(found[0] + 2**17) <= 1
    assert found[1:] == (2**23, 768, 0)


def test_names_begin_as_is_wanted():
    tape = Tape()
    a, b, _ = tape.inputs("x", 3)
    made = convert(tape, formats([1.0] * 3), [(a * b + a, None)], "own_")
    assert made.operations
    assert all(one.result.name.startswith("own_") for one in made.operations)


def test_a_limit_makes_finer_what_arithmetic_knows_nothing_of():
    tape = Tape()
    s, c, _ = tape.inputs("x", 3)
    free = convert(tape, formats([1.0] * 3), [(s * s + c * c - 0.5, None)])
    tape = Tape()
    s, c, _ = tape.inputs("x", 3)
    known = limited(s * c + c * s, 0.1)
    assert convert(tape, formats([1.0] * 3), [(known, None)]).outputs[0].bound == 0.1
    assert free.outputs[0].bound > 1


@pytest.mark.parametrize("share", [1.0, -1.0])
def test_what_can_be_more_after_all_is_held(share, checked_run):
    tape = Tape()
    a, b, _ = tape.inputs("x", 3)
    quotient = limited(a / (b * b).sqrt(), 4.0, held=True)
    made = convert(tape, formats([1.0] * 3), [(quotient, None)])
    (out,) = made.outputs
    (found,) = checked_run(made, given_integers(made.inputs, [share, 2.0**-20, 0.0]))
    # It says itself how far it goes then, which is more.
    assert 4.0 <= share * found * 2.0**-out.bits <= out.bound
    (found,) = checked_run(made, given_integers(made.inputs, [share, 0.5, 0.0]))
    assert found * 2.0**-out.bits == pytest.approx(2 * share, rel=1e-6)


def test_a_quotient_without_a_limit_is_refused():
    tape = Tape()
    a, b, _ = tape.inputs("x", 3)
    with pytest.raises(ModelFileError, match="how large a quotient can be"):
        convert(tape, formats([1.0] * 3), [(a / (b * b).sqrt(), None)])


def test_a_program_is_a_function_of_plain_integers():
    tape = Tape()
    a, b, _ = tape.inputs("x", 3)
    made = convert(tape, formats([1.0] * 3), [(a * b, None)])
    assert made.compiled()(2**29, 2**29, 0) == ((2**58) >> 32,)
    assert replace(made, operations=()).pruned().operations == ()


@given(st.floats(1e-9, 1e9), st.integers(10, 62))
def test_fraction_bits_use_what_there_is(bound, most):
    bits = fraction_bits(bound, most)
    assert bound * 2.0**bits < 2**most
    assert bound * MARGIN * 2.0 ** (bits + 1) > 2**most


@given(st.floats(2.0**-29, 2.0**30) | st.floats(-(2.0**30), -(2.0**-29)), st.integers(20, 60))
def test_factors_have_all_their_bits(ratio, most):
    factor, shift = factor_and_shift(ratio, most)
    assert abs(factor) <= 2**31
    assert 0 <= shift <= most
    assert abs(factor * 2.0**-shift - ratio) <= 2.0 ** -(shift + 1)
    if shift < most:
        assert abs(factor) >= 2**30


def test_a_factor_that_is_too_large_is_refused():
    with pytest.raises(ModelFileError, match="export with --arithmetic float"):
        factor_and_shift(2.0**31)


@given(st.floats(1e-3, 1e3), st.integers(2, 40))
def test_the_least_exponent_of_a_root_is_what_bounds_leave(bound, bits):
    w = math.floor(bound * 2.0**bits)
    assume(1 <= w < 2**63)
    assert root64(w).half >= least_half(bound, bits, 64)
