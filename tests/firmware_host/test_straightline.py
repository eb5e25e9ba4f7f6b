"""Traced code does what the code it was traced from does, and no more."""

import math
import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_host.straightline import SYMBOLS, Tape, compile_function, operand

OPERATORS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
INPUTS = 3

constants = st.floats(-3, 3) | st.sampled_from([0.0, 1.0, -1.0, 0.5])
numbers = st.floats(-2, 2)
# One operation a step, on any two values there are by then: (operator, left, right, constant).
steps = st.tuples(
    st.sampled_from(["+", "-", "*", "/", "negate", "left", "right"]),
    st.integers(0, 99),
    st.integers(0, 99),
    constants,
)
programs = st.lists(steps, min_size=1, max_size=15)


def execute(program, values):
    """Every value that a program computes, whatever the values are."""
    values = list(values)
    for name, i, j, constant in program:
        left, right = values[i % len(values)], values[j % len(values)]
        if name == "/":
            values.append(left / (right * right + 1.0))  # never by zero
        elif name == "negate":
            values.append(-left)
        elif name == "left":
            values.append(constant - left)
        elif name == "right":
            values.append(left * constant)
        else:
            values.append(OPERATORS[name](left, right))
    return values


def traced(program):
    """A program as straight-line code, and its tape."""
    tape = Tape()
    inputs = tape.inputs("x", INPUTS)
    return compile_function(tape, inputs, execute(program, inputs)), tape


@given(programs, st.lists(numbers, min_size=INPUTS, max_size=INPUTS))
def test_on_floats_it_equals_direct_evaluation(program, inputs):
    found = traced(program)[0](*inputs)
    expected = execute(program, inputs)
    assert len(found) == len(expected)
    # Not nearly: each operation is the same one on the same floats.
    np.testing.assert_array_equal(found, expected)


@given(programs, st.integers(0, 99))
def test_on_arrays_it_equals_direct_evaluation_row_by_row(program, seed):
    inputs = list(np.random.default_rng(seed).uniform(-2, 2, (INPUTS, 7)))
    before = [part.copy() for part in inputs]
    with np.errstate(all="ignore"):
        found = traced(program)[0](*inputs)
        for row in range(7):
            expected = execute(program, [float(part[row]) for part in inputs])
            np.testing.assert_array_equal([part[row] for part in found], expected)
    for part, old in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(part, old)


@given(programs, st.lists(numbers, min_size=INPUTS, max_size=INPUTS))
def test_for_plain_floats_it_takes_sines_cosines_and_roots(program, inputs):
    def begun(values, xp):
        first, second, *rest = values
        return [xp.sin(first), xp.cos(second), xp.sqrt(second * second), *rest]

    tape = Tape()
    values = tape.inputs("x", INPUTS)
    outputs = execute(program, begun(values, SYMBOLS))
    found = compile_function(tape, values, outputs, plain=True)(*inputs)
    np.testing.assert_array_equal(found, execute(program, begun(inputs, math)))


@given(programs)
def test_no_operation_is_recorded_twice(program):
    _, tape = traced(program + program)
    operations = [rest for _, *rest in tape.operations]
    assert len({tuple(operation) for operation in operations}) == len(operations)


def test_common_subexpressions_are_shared():
    tape = Tape()
    a, b = tape.inputs("x", 2)
    first, second = a * b + 2.0, 2.0 + b * a
    assert first is second
    assert [operation for _, operation, *_ in tape.operations] == ["*", "+"]


def test_operations_that_do_not_commute_are_kept_apart():
    tape = Tape()
    a, b = tape.inputs("x", 2)
    function = compile_function(tape, [a, b], [a - b, b - a, a / b, b / a])
    assert function(3.0, 2.0) == (1.0, -1.0, 1.5, 2 / 3)
    assert len(tape.operations) == 4


def test_what_no_output_needs_is_left_out():
    tape = Tape()
    a, b = tape.inputs("x", 2)
    used = a + b
    for _ in range(5):
        b = b * 1.5
    function = compile_function(tape, tape.inputs("x", 2), [used])
    assert function(1.0, 2.0) == (3.0,)
    assert len(tape.operations) == 6
    assert function.__code__.co_varnames == ("x0", "x1", used.name)


def test_a_chain_of_operations_that_one_output_needs_is_kept():
    tape = Tape()
    (a,) = tape.inputs("x", 1)
    value = a
    for _ in range(20):
        value = value * value - 0.5
    function = compile_function(tape, [a], [value])
    expected = 0.7
    for _ in range(20):
        expected = expected * expected - 0.5
    assert function(0.7) == (expected,)


def test_a_value_that_is_used_up_is_dropped():
    """An array that nothing needs any more gives its memory back at once."""
    alive = []

    class Counted:
        def __init__(self, value):
            self.value = value
            alive.append(self.value)

        def __del__(self):
            alive.remove(self.value)

        def __add__(self, other):
            seen.append(len(alive))
            return Counted(self.value + other)

        __radd__ = __add__

    seen = []
    tape = Tape()
    (a,) = tape.inputs("x", 1)
    value = a
    for index in range(10):
        value = value + float(index + 1)
    compile_function(tape, [a], [value])(Counted(0.0))
    # The argument, and at most the operand and the result of the last operation.
    assert max(seen) <= 2
    assert alive == []


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_constants_are_exact(value):
    assert float(operand(value)) == value
    tape = Tape()
    (a,) = tape.inputs("x", 1)
    constant, total, product = compile_function(tape, [a], [value, a - value, value * a])(0.75)
    assert constant == value
    assert math.copysign(1, constant) == math.copysign(1, value)
    assert total == 0.75 - value
    assert product == value * 0.75


@pytest.mark.parametrize("number", [3, np.float64(0.1), np.float32(0.1), np.int64(-2)])
def test_constants_of_other_kinds_become_floats(number):
    tape = Tape()
    (a,) = tape.inputs("x", 1)
    (found,) = compile_function(tape, [a], [a * float(number)])(2.0)
    assert found == 2.0 * float(number)
    assert operand(number) == repr(float(number))


def test_inputs_and_constants_can_be_outputs():
    tape = Tape()
    a, b = tape.inputs("x", 2)
    assert compile_function(tape, [a, b], [b, 0.25, a, b])(1.0, 2.0) == (2.0, 0.25, 1.0, 2.0)
