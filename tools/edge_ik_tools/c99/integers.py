"""Programs of integers as statements of C."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from firmware_host.fixed_point.programs import NARROW, ROOTS, WIDE, Operation, Program, Value

LEAST, MOST = "LEAST", "MOST"
# The C of each operation that is not an operator.
CALLS: Mapping[str, str] = {
    "left": "left({0}, {1})",
    "right": "{0} >> {1}",
    "square": "square({0})",
    "narrow": "(int32_t)({0} >> {1})",
    "scale": "scaled_wide({0}, {1})",
    "greater": "greater({0}, {1})",
    "root32": "root_of({0})",
    "root64": "root_of_wide({0})",
    "over": "over({0}, {1}, {2})",
    "over_held": "over_held({0}, {1}, {2})",
    "length": "length_of({0}, {1})",
    "multiply": "{0} * {1}",
    "more": "plus_high({0}, {1}, {2})",
    "less": "minus_high({0}, {1}, {2})",
    "both": "sum_of_high({0}, {1}, {2}, {3})",
    "apart": "difference_of_high({0}, {1}, {2}, {3})",
    "add": "{0} + {1}",
    "subtract": "{0} - {1}",
}


def printed(program: Program, names: Mapping[str, str], stores: Sequence[str]) -> list[str]:
    """A program as statements of C.

    Args:
        program: What is computed.
        names: How C calls its inputs.
        stores: For each output the beginning of a statement that ends in its value.
    """
    lines = [_statement(operation, names) for operation in _fused(program)]
    for store, output in zip(stores, program.outputs, strict=True):
        value = output if isinstance(output, int) else names.get(output.name, output.name)
        lines.append(f"{store}{number(value)};")
    return lines


def _fused(program: Program) -> list[Operation]:
    """The operations with products taken into the sums that alone they are for.

    Where a product is a call, one call does both.
    """
    uses = Counter(word for one in program.operations for word in one.operands)
    uses.update(output.name for output in program.outputs if isinstance(output, Value))
    products = {
        one.result.name: one.operands[:2]
        for one in program.operations
        if one.kind == "product" and one.operands[2] == 32 and uses[one.result.name] == 1
    }
    kept: list[Operation] = []
    for one in program.operations:
        if one.kind not in ("add", "subtract") or one.result.kind != NARROW:
            kept.append(one)
            continue
        left, right = one.operands
        if left in products and right not in products and one.kind == "add":
            left, right = right, left
        first, second = products.get(str(left)), products.get(str(right))
        if second is None:
            kept.append(one)
        elif first is None:
            kind = "more" if one.kind == "add" else "less"
            kept.append(Operation(one.result, kind, (left, *second)))
        else:
            kind = "both" if one.kind == "add" else "apart"
            kept.append(Operation(one.result, kind, (*first, *second)))
    needed = {word for one in kept for word in one.operands}
    needed.update(output.name for output in program.outputs if isinstance(output, Value))
    return [one for one in kept if one.result.name not in products or one.result.name in needed]


def _statement(operation: Operation, names: Mapping[str, str]) -> str:
    words = [
        number(names.get(operand, operand) if isinstance(operand, str) else operand)
        for operand in operation.operands
    ]
    if operation.kind == "product":
        call = "high({0}, {1})" if operation.operands[2] == 32 else "product({0}, {1}, {2})"
    else:
        call = CALLS[operation.kind]
    return f"const {_type(operation.result)} {operation.result.name} = {call.format(*words)};"


def _type(value: Value) -> str:
    if value.kind in ROOTS:
        return "root_t"
    return {NARROW: "int32_t", WIDE: "int64_t"}[value.kind]


def number(value: str | int) -> str:
    """A name, or an integer as C writes it where an operator may stand before it."""
    if isinstance(value, str):
        return value
    if value == -(2**31):
        return LEAST
    suffix = "ll" if abs(value) >= 2**31 else ""
    return f"({value}{suffix})" if value < 0 else f"{value}{suffix}"


def unread(program: Program, names: Mapping[str, str], arrays: Sequence[str]) -> str:
    """What keeps compilers from telling of arrays that a program does not read."""
    text = "\n".join(printed(program, names, [""] * len(program.outputs)))
    return " ".join(f"(void){array};" for array in arrays if f"{array}[" not in text)
