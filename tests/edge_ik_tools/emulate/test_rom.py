"""What an ESP8266 has in its ROM, in the benchmark's own words: as C defines it."""

from pathlib import Path

import numpy as np

from edge_ik_tools.emulate.build import FIRMWARE, link_program
from edge_ik_tools.emulate.cores import CORES

FOUND = np.dtype(
    [("product", "<i8"), ("quotient", "<i8"), ("unsigned", "<u8"), ("short", "<u4"), ("", "<u4")]
)
TEXT = b"0123456789abcdef"


def drawn():
    """(N, 2) pairs of all sizes, the least and the greatest among them; none divides by 0."""
    rng = np.random.default_rng(0)
    size = rng.integers(0, 63, (2000, 2))
    pairs = rng.integers(-(2**63), 2**63 - 1, (2000, 2), endpoint=True) >> size
    corners = np.array([1, -1, 2**31 - 1, -(2**31), 2**32, 2**63 - 1, -(2**63)])
    corners = np.stack(np.meshgrid(corners, corners), axis=-1).reshape(-1, 2)
    pairs = np.concatenate([corners, pairs])
    # The one quotient that 64 bits do not hold.
    kept = (pairs[:, 1] != 0) & ~((pairs[:, 0] == -(2**63)) & (pairs[:, 1] == -1))
    return pairs[kept]


def test_numbers_and_memory_are_as_c_defines_them(tools_for, tmp_path):
    core = CORES["lx106"]
    tools, pairs = tools_for(core), drawn()
    source, include = Path(__file__).with_name("rom.c"), [FIRMWARE]
    program = tools.compile(core, source, tmp_path / "program.o", include=include)
    pairs.astype("<i8").tofile(tmp_path / "pairs.bin")
    tools.run(core, link_program(tools, core, [program], tmp_path / "program.elf"), tmp_path)
    data = (tmp_path / "found.bin").read_bytes()
    found = np.frombuffer(data, FOUND, len(pairs))
    np.testing.assert_array_equal(found["product"], pairs[:, 0] * pairs[:, 1])
    unsigned, short = pairs.astype(np.uint64), pairs.astype(np.uint32)
    np.testing.assert_array_equal(found["unsigned"], unsigned[:, 0] // unsigned[:, 1])
    np.testing.assert_array_equal(found["short"], short[:, 0] // (short[:, 1] | 1))
    for (a, b), quotient in zip(pairs.tolist(), found["quotient"].tolist(), strict=True):
        assert quotient == abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    for shift, copy in enumerate(np.frombuffer(data, "S40", offset=found.nbytes).tolist()):
        expected = bytearray(b"." * 40)
        expected[4 : 20 - shift] = TEXT[shift:]
        expected[24 + shift : 28 + shift] = TEXT[:4]
        assert copy == bytes(expected)
