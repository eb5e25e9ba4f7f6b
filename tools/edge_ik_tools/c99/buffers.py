"""Memory for the tensors that a network holds between its layers."""

from __future__ import annotations

from collections.abc import Sequence

from edge_ik_tools.c99.lowering import DenseUnit, Lookup, Node, Program, SourceUnit


def held_sources(node: Node) -> set[int]:
    """Numbers of the held tensors that a value reads unit by unit."""
    if isinstance(node, SourceUnit):
        return {node.index}
    if isinstance(node, DenseUnit):
        return set()
    operands = (node.operand,) if isinstance(node, Lookup) else node.operands
    found: set[int] = set()
    return found.union(*map(held_sources, operands))


def assign_buffers(
    program: Program, widths: Sequence[int]
) -> tuple[dict[str, int], dict[int, str]]:
    """Memory for the held tensors, shared by those that are never needed together.

    Args:
        program: The layers.
        widths: Room that each held tensor takes.

    Returns:
        The size of each buffer by its name, and the buffer of each held tensor but the last.
    """
    last_use = {0: 0}
    for index, layer in enumerate(program.layers):
        for number in {*layer.sources, *held_sources(layer.value)}:
            last_use[number] = index
    sizes: dict[str, int] = {}
    names: dict[int, str] = {}
    for number in range(len(program.widths) - 1):
        # Tensor i + 1 is written by layer i, while what that layer reads is still needed.
        busy = {names[n] for n in names if last_use.get(n, -1) >= number - 1}
        free = [name for name in sizes if name not in busy]
        name = free[0] if free else f"held{len(sizes)}"
        sizes[name] = max(sizes.get(name, 0), widths[number])
        names[number] = name
    return sizes, names
