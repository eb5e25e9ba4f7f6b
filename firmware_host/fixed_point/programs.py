"""Programs of integers: what each step does, and whether its values have 32 or 64 bits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from firmware_host.fixed_point import arithmetic

# Kinds of values: integers of 32 and of 64 bits, and what `arithmetic.Root` says of either.
NARROW, WIDE, ROOT32, ROOT64 = "narrow", "wide", "root of narrow", "root of wide"
ROOTS = (ROOT32, ROOT64)


@dataclass(frozen=True)
class Value:
    """An integer of a program.

    Attributes:
        name: Its name.
        bits: Its fraction bits.
        bound: What it never exceeds, in the unit of the arithmetic.
        error: How far rounding takes it at most, to first order; infinite if not known.
        kind: One of `NARROW`, `WIDE`, `ROOT32` and `ROOT64`.
    """

    name: str
    bits: int
    bound: float
    error: float = 0.0
    kind: str = NARROW


@dataclass(frozen=True)
class Operation:
    """One step of a program.

    Attributes:
        result: What it gives.
        kind: The name of the operation, one of `OPERATIONS`.
        operands: Names of values, or integers.
    """

    result: Value
    kind: str
    operands: tuple[str | int, ...]


# How each operation is done on plain integers.
OPERATIONS: Mapping[str, str] = {
    "product": "(({0} * {1}) >> {2})",
    "multiply": "({0} * {1})",
    "add": "({0} + {1})",
    "subtract": "({0} - {1})",
    "left": "({0} << {1})",
    "right": "({0} >> {1})",
    "square": "({0} * {0})",
    "narrow": "({0} >> {1})",
    "scale": "(({0} * {1}) >> 32)",
    "greater": "max({0}, {1})",
    "root32": "root32({0})",
    "root64": "root64({0})",
    "over": "over({0}, {1}, {2})",
    "over_held": "over_held({0}, {1}, {2})",
    "length": "length({0}, {1})",
}


@dataclass(frozen=True, eq=False)
class Program:
    """Integer arithmetic from inputs to outputs.

    Attributes:
        inputs: What it is given, in this order; not all of it need be used.
        operations: Its steps in order, each needed by an output.
        outputs: What it gives: values, or integers where they are constant.
        formats: Fraction bits of each output.
    """

    inputs: tuple[Value, ...]
    operations: tuple[Operation, ...]
    outputs: tuple[Value | int, ...]
    formats: tuple[int, ...]

    def pruned(self) -> Program:
        """The same without operations that no output needs."""
        needed = {value.name for value in self.outputs if isinstance(value, Value)}
        kept: list[Operation] = []
        for one in reversed(self.operations):
            if one.result.name in needed:
                needed.update(operand for operand in one.operands if isinstance(operand, str))
                kept.append(one)
        return replace(self, operations=tuple(kept[::-1]))

    def compiled(self) -> Callable[..., tuple[Any, ...]]:
        """The program as a function of plain integers."""
        names = [value.name for value in self.inputs]
        lines = [f"def program({', '.join(names)}):"]
        lines += [
            f"    {one.result.name} = {OPERATIONS[one.kind].format(*one.operands)}"
            for one in self.operations
        ]
        results = (str(out) if isinstance(out, int) else out.name for out in self.outputs)
        lines.append(f"    return ({', '.join(results)},)")
        namespace: dict[str, Any] = {
            name: getattr(arithmetic, name)
            for name in ("root32", "root64", "over", "over_held", "length")
        }
        # The source holds nothing but the names and operations above, and integers.
        exec(compile("\n".join(lines), "<fixed point>", "exec"), namespace)  # noqa: S102
        program: Callable[..., tuple[Any, ...]] = namespace["program"]
        return program
