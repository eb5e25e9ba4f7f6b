"""A robot's arithmetic as straight-line code: traced once, each value computed once.

Running the kinematics on symbols instead of numbers records every operation that is
left after folding. What comes out has no loop, no constant product and no repeated
subexpression, and runs on floats and on arrays alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from firmware_host.kinematics import root

COMMUTATIVE = frozenset("+*")

# Functions of one operand, which is the right one.
FUNCTIONS = frozenset({"sqrt", "sin", "cos"})

Operation = tuple[str, str, str, str]
"""One recorded operation: (name, operator, left, right); operands are names or literals of floats.

Negation is 0.0 - right, and a function has no left operand.
"""


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

    def sqrt(self) -> Symbol:
        """The square root; `numpy.sqrt` of a symbol comes here too."""
        return self.tape.record("sqrt", "", self)

    def sin(self) -> Symbol:
        """The sine, in functions for plain floats only."""
        return self.tape.record("sin", "", self)

    def cos(self) -> Symbol:
        """The cosine, in functions for plain floats only."""
        return self.tape.record("cos", "", self)

    def limit(self, bound: float, *, held: bool = False) -> None:
        """Keep how far from 0 the value is at most, as `kinematics.limited` says."""
        limits = self.tape.limits
        limits[self.name] = min(bound, limits.get(self.name, bound))
        if held:
            self.tape.held.add(self.name)


# What stands for `math` and `numpy` while a function is traced.
SYMBOLS = SimpleNamespace(sqrt=Symbol.sqrt, sin=Symbol.sin, cos=Symbol.cos)


class Tape:
    """The operations of one traced function, each recorded once.

    Attributes:
        operations: What was recorded, in order.
        limits: How far from 0 values are at most, by name, where more is known of them than
            their operands say.
        held: Names of those that integers are to hold there, since they can be further.
    """

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.limits: dict[str, float] = {}
        self.held: set[str] = set()
        self._known: dict[tuple[str, str, str], Symbol] = {}
        self._negated: dict[str, Symbol] = {}  # the negation's name -> what it negates

    def inputs(self, prefix: str, count: int) -> list[Symbol]:
        """Names for `count` arguments."""
        return [Symbol(self, f"{prefix}{index}") for index in range(count)]

    def record(self, operator: str, left: Symbol | float | str, right: Symbol | float) -> Symbol:
        """The result of an operation; the same operation gives the same result again.

        Negations fold into sums and differences, which changes no result by a bit.
        """
        negated = self._negated.get(right.name) if isinstance(right, Symbol) else None
        if negated is not None and operator == "+":
            return self.record("-", left, negated)
        if negated is not None and operator == "-":
            is_negation = not isinstance(left, Symbol) and left == 0.0
            return negated if is_negation else self.record("+", left, negated)
        if operator == "+" and isinstance(left, Symbol) and left.name in self._negated:
            return self.record("-", right, self._negated[left.name])
        a, b = operand(left), operand(right)
        if operator in COMMUTATIVE and b < a:
            a, b = b, a
        known = self._known.get((operator, a, b))
        if known is None:
            known = Symbol(self, f"v{len(self.operations)}")
            self.operations.append((known.name, operator, a, b))
            self._known[operator, a, b] = known
            if operator == "-" and isinstance(right, Symbol) and a == "0.0":
                self._negated[known.name] = right
        return known

    def live(self, outputs: Sequence[Symbol | float]) -> list[Operation]:
        """The operations that the outputs need, in order."""
        needed = {value.name for value in outputs if isinstance(value, Symbol)}
        found = []
        for operation in reversed(self.operations):
            if operation[0] in needed:
                needed.update(operation[2:])
                found.append(operation)
        return found[::-1]


def operand(value: Symbol | float | str) -> str:
    """The name of a symbol, or a literal that reads back as exactly this float."""
    if isinstance(value, Symbol):
        return value.name
    return value if isinstance(value, str) else repr(float(value))


def compile_function(
    tape: Tape,
    inputs: Sequence[Symbol],
    outputs: Sequence[Symbol | float],
    *,
    plain: bool = False,
) -> Callable[..., tuple[Any, ...]]:
    """The traced function from the inputs, as positional arguments, to the outputs.

    Operations that no output needs are left out, and a value is dropped once it has been
    used for the last time: arrays then take the memory, still in the processor's cache,
    of those before them.

    Args:
        tape: What was recorded.
        inputs: The function's arguments.
        outputs: What it returns.
        plain: For floats alone, which are not dropped.
    """
    operations = tape.live(outputs)
    results = {name for name, *_ in operations}
    used = {value.name for value in outputs if isinstance(value, Symbol)}
    lines: list[str] = []
    for name, operator, left, right in reversed(operations):
        last = sorted(({left, right} & results) - used)
        used |= {left, right}
        drop = f"; del {', '.join(last)}" if last and not plain else ""
        function = operator in FUNCTIONS
        value = f"{operator}({right})" if function else f"{left} {operator} {right}"
        lines.append(f"    {name} = {value}{drop}")
    source = "\n".join(
        [
            f"def traced({', '.join(value.name for value in inputs)}):",
            *reversed(lines),
            f"    return {', '.join(operand(value) for value in outputs)},",
        ]
    )
    namespace: dict[str, Any] = {"sqrt": math.sqrt if plain else root}
    if plain:
        namespace |= {"sin": math.sin, "cos": math.cos}
    # The source holds nothing but the names above, `del`, functions, four operators and floats.
    exec(compile(source, "<straight-line kinematics>", "exec"), namespace)  # noqa: S102
    traced: Callable[..., tuple[Any, ...]] = namespace["traced"]
    return traced
