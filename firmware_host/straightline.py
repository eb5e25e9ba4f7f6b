"""A robot's arithmetic as straight-line code: traced once, each value computed once.

Running the kinematics on symbols instead of numbers records every operation that is
left after folding. What comes out has no loop, no constant product and no repeated
subexpression, and runs on floats and on arrays alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

COMMUTATIVE = frozenset("+*")


class Symbol:
    """A value that is known by name while a function is traced.

    Args:
        tape: Where operations on the value are recorded.
        name: Its name in the code.
    """

    __slots__ = ("name", "tape")

    def __init__(self, tape: Tape, name: str) -> None:
        self.tape = tape
        self.name = name

    def __add__(self, other: Symbol | float) -> Symbol:
        return self.tape.record("+", self, other)

    __radd__ = __add__

    def __mul__(self, other: Symbol | float) -> Symbol:
        return self.tape.record("*", self, other)

    __rmul__ = __mul__

    def __sub__(self, other: Symbol | float) -> Symbol:
        return self.tape.record("-", self, other)

    def __rsub__(self, other: float) -> Symbol:
        return self.tape.record("-", other, self)

    def __truediv__(self, other: Symbol | float) -> Symbol:
        return self.tape.record("/", self, other)

    def __rtruediv__(self, other: float) -> Symbol:
        return self.tape.record("/", other, self)

    def __neg__(self) -> Symbol:
        return self.tape.record("-", 0.0, self)


class Tape:
    """The operations of one traced function, each recorded once.

    Attributes:
        operations: (name, operator, left, right) in order; operands are names or
            literals of floats.
    """

    def __init__(self) -> None:
        self.operations: list[tuple[str, str, str, str]] = []
        self._known: dict[tuple[str, str, str], Symbol] = {}

    def inputs(self, prefix: str, count: int) -> list[Symbol]:
        """Names for `count` arguments."""
        return [Symbol(self, f"{prefix}{index}") for index in range(count)]

    def record(self, operator: str, left: Symbol | float, right: Symbol | float) -> Symbol:
        """The result of an operation; the same operation gives the same result again."""
        a, b = operand(left), operand(right)
        if operator in COMMUTATIVE and b < a:
            a, b = b, a
        known = self._known.get((operator, a, b))
        if known is None:
            known = Symbol(self, f"v{len(self.operations)}")
            self.operations.append((known.name, operator, a, b))
            self._known[operator, a, b] = known
        return known


def operand(value: Symbol | float) -> str:
    """The name of a symbol, or a literal that reads back as exactly this float."""
    return value.name if isinstance(value, Symbol) else repr(float(value))


def compile_function(
    tape: Tape, inputs: Sequence[Symbol], outputs: Sequence[Symbol | float]
) -> Callable[..., tuple[Any, ...]]:
    """The traced function from the inputs, as positional arguments, to the outputs.

    Operations that no output needs are left out, and a value is dropped once it has been
    used for the last time: arrays then take the memory, still in the processor's cache,
    of those before them.
    """
    results = {name for name, *_ in tape.operations}
    needed = {value.name for value in outputs if isinstance(value, Symbol)}
    lines: list[str] = []
    for name, operator, left, right in reversed(tape.operations):
        if name in needed:
            last = sorted(({left, right} & results) - needed)
            needed |= {left, right}
            drop = f"; del {', '.join(last)}" if last else ""
            lines.append(f"    {name} = {left} {operator} {right}{drop}")
    source = "\n".join(
        [
            f"def traced({', '.join(value.name for value in inputs)}):",
            *reversed(lines),
            f"    return {', '.join(operand(value) for value in outputs)},",
        ]
    )
    namespace: dict[str, Any] = {}
    # The source holds nothing but the names above, `del`, four operators and float literals.
    exec(compile(source, "<straight-line kinematics>", "exec"), namespace)  # noqa: S102
    traced: Callable[..., tuple[Any, ...]] = namespace["traced"]
    return traced
