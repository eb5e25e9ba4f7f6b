"""Recorded arithmetic as straight-line code in C, one constant for each operation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edge_ik_tools.c99.literals import float_literal
from firmware_host.kinematics import Scalar
from firmware_host.straightline import Symbol, Tape


def statements(tape: Tape, outputs: Sequence[Scalar], names: Mapping[str, str]) -> list[str]:
    """One line of C for each recorded operation that the outputs need.

    A division by a square root becomes a product with its inverse.
    """
    operations = tape.live(outputs)
    roots = {name: right for name, operator, _, right in operations if operator == "sqrt"}
    inverses = {right for _, operator, _, right in operations if operator == "/" and right in roots}
    read = {value.name for value in outputs if isinstance(value, Symbol)}
    for _, operator, left, right in operations:
        read |= {left} if operator == "/" and right in inverses else {left, right}
    lines = []
    for name, operator, left, right in operations:
        a, b = _text(left, names), _text(right, names)
        if operator == "sqrt" and name in inverses:
            lines.append(f"const float {name}_inverse = inverse_root({b});")
            if name not in read:
                continue
            value = f"{b} * {name}_inverse"
        elif operator == "sqrt":
            value = f"root({b})"
        elif operator == "/" and right in inverses:
            value = f"{a} * {right}_inverse"
        elif operator == "-" and left == "0.0":
            value = f"-{b}"
        else:
            value = f"{a} {operator} {b}"
        lines.append(f"const float {name} = {value};")
    return lines


def stored(array: str, values: Sequence[Scalar], names: Mapping[str, str]) -> list[str]:
    """One line of C for each value, that stores it in an array."""
    return [f"{array}[{index}] = {operand(value, names)};" for index, value in enumerate(values)]


def joint_names(n: int) -> dict[str, str]:
    """How C calls the inputs of traced kinematics of n joints."""
    names = {f"s{index}": f"s[{index}]" for index in range(n)}
    names |= {f"c{index}": f"c[{index}]" for index in range(n)}
    names |= {f"h{index}": f"held[{index}]" for index in range(2 * n)}
    return names | {f"p{index}": f"target[{index}]" for index in range(12)}


def operand(value: Symbol | float, names: Mapping[str, str]) -> str:
    """A value as it stands in an expression."""
    return _text(value.name, names) if isinstance(value, Symbol) else float_literal(value)


def _text(word: str, names: Mapping[str, str]) -> str:
    if word in names:
        return names[word]
    try:
        return _literal(float(word)) if word else ""
    except ValueError:
        return word


def _literal(value: float) -> str:
    text = float_literal(value)
    return f"({text})" if text.startswith("-") else text
