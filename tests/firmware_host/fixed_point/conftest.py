"""Programs of integers, run step by step with a look at every number on the way."""

import pytest

from firmware_host.fixed_point import arithmetic
from firmware_host.fixed_point.integers import NARROW, OPERATIONS, ROOTS, WIDE

FUNCTIONS = {
    name: getattr(arithmetic, name) for name in ("root32", "root64", "over", "over_held", "length")
}
# Bits without the sign.
BITS = {NARROW: 31, WIDE: 63}


def _fits(value, bits):
    return -(2**bits) <= value < 2**bits


def run_checked(program, given):
    """The outputs of a program; fails where C would leave the range of its integers.

    Beside every result that is what a product, a shift or a root has on the way, and what a
    value was said not to exceed.
    """
    known = dict(zip((value.name for value in program.inputs), given, strict=True))
    code = {kind: compile(text, kind, "eval") for kind, text in _templates().items()}
    for one in program.operations:
        words = [known[word] if isinstance(word, str) else word for word in one.operands]
        names = {f"a{index}": word for index, word in enumerate(words)}
        found = eval(code[one.kind], {**FUNCTIONS, **names})
        known[one.result.name] = found
        if one.kind == "product":
            # C has products of 64 bits, and where they are short, shifts from 1 to 32.
            assert 1 <= words[2] <= 32, one
        if one.kind == "over":
            total = words[1].half + words[2]
            assert _fits(words[0] << total if total >= 0 else words[0] >> -total, 31), one
            assert total >= 0, one
        if one.kind == "length":
            assert words[0].half + words[1] >= 0, one
        if one.kind in ("left", "right", "narrow"):
            wide = one.kind == "narrow" or one.result.kind == WIDE
            assert 0 <= words[1] < (64 if wide else 32), one
        if one.result.kind in ROOTS:
            assert _fits(found.inverse, 31), one
            assert 2**29 <= found.mantissa < 2**31, one
            continue
        assert _fits(found, BITS[one.result.kind]), (one, words, found)
    return tuple(out if isinstance(out, int) else known[out.name] for out in program.outputs)


def _templates():
    return {
        kind: text.format(*(f"a{index}" for index in range(4))) for kind, text in OPERATIONS.items()
    }


@pytest.fixture(scope="session")
def checked_run():
    """Function of a program and integers: its outputs, each number on the way looked at."""
    return run_checked
