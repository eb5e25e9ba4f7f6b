"""Memory of held tensors: never shared by two that are needed at once."""

import numpy as np
import pytest

from edge_ik_tools.c99.buffers import assign_buffers, held_sources
from edge_ik_tools.c99.lowering import DenseUnit, Elementwise, Lookup, SourceUnit


@pytest.fixture(scope="module")
def programs(random_network, program_of):
    rng = np.random.default_rng(2)
    return [program_of(random_network(rng, np.int8)) for _ in range(200)]


def test_no_tensor_is_overwritten_while_it_is_needed(programs):
    for program in programs:
        sizes, names = assign_buffers(program, program.widths)
        assert sorted(names) == list(range(len(program.widths) - 1))
        inside = {names[0]: 0}
        for index, layer in enumerate(program.layers):
            read = {*layer.sources, *held_sources(layer.value)}
            for number in read:
                assert inside[names[number]] == number
            if index + 1 in names:
                # Units are written one by one, while the others are still read.
                assert names[index + 1] not in {names[number] for number in read}
                inside[names[index + 1]] = index + 1
        for number, name in names.items():
            assert sizes[name] >= program.widths[number]


def test_memory_is_used_again(programs):
    longest = max(programs, key=lambda program: len(program.layers))
    assert len(longest.layers) >= 4
    sizes, _ = assign_buffers(longest, longest.widths)
    assert len(sizes) <= 3
    assert all(size in longest.widths for size in sizes.values())


def test_held_sources_are_found_at_any_depth():
    table = Lookup(SourceUnit(3), np.zeros(256, np.int8))
    node = Elementwise("ADD", None, False, (table, DenseUnit(0)))
    assert held_sources(Elementwise("MUL", None, False, (SourceUnit(1), node))) == {1, 3}
    assert held_sources(DenseUnit(1)) == set()
