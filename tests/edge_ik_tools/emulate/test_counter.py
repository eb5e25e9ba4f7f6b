"""The counter: exact on functions of known length, and on known use of the stack."""

import pytest

from edge_ik_tools.emulate.cores import CORES
from edge_ik_tools.errors import EmulationError, FirmwareBuildError

LOOP = """
    ldr r0, =30000
    1:
    subs r0, #1
    bne 1b
"""
FRAME = """
    sub sp, #200
    movs r0, #1
    str r0, [sp, #4]
    add sp, #200
"""


@pytest.mark.parametrize("core", CORES.values(), ids=CORES)
@pytest.mark.parametrize(
    ("assembly", "instructions", "stack"),
    [
        # The return is one more.
        ("", 1, 0),
        ("nop", 2, 0),
        (".rept 998\nnop\n.endr", 999, 0),
        (LOOP, 1 + 2 * 30_000 + 1, 0),
        ("push {r0, r1, r2, lr}\npop {r0, r1, r2, pc}", 2, 16),
        # Four bytes of the frame are never written.
        (FRAME, 5, 196),
    ],
    ids=["nothing", "one", "many", "loop", "push", "frame"],
)
def test_a_known_function_is_counted_exactly(
    count_instructions, core, assembly, instructions, stack
):
    assert count_instructions(core, assembly) == (instructions, stack)


@pytest.mark.parametrize("name", ["cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"])
def test_floating_point_is_on_before_it_is_used(count_instructions, name):
    assembly = "vmov.f32 s0, #1.0\nvdiv.f32 s1, s0, s0\nvsqrt.f32 s2, s1"
    assert count_instructions(CORES[name], assembly)[0] == 4


def test_vector_instructions_count_as_one_each(count_instructions):
    assembly = "vmov.i32 q0, #0\nvadd.i32 q0, q0, q0\nvmlava.s32 r0, q0, q0"
    assert count_instructions(CORES["cortex-m55"], assembly)[0] == 4


def test_a_skipped_instruction_counts_too(count_instructions):
    assembly = "movs r0, #0\nit ne\nmovne r0, #1"
    assert count_instructions(CORES["cortex-m4"], assembly)[0] == 4


def test_a_fault_is_told(count_instructions):
    with pytest.raises(EmulationError, match="took a fault"):
        count_instructions(CORES["cortex-m4"], "udf #0")


def test_a_stack_that_runs_over_is_told(count_instructions):
    assembly = "mov r0, sp\n.rept 6144 / 4 - 8\npush {r0}\n.endr\nmov sp, r0"
    with pytest.raises(EmulationError, match="stack ran over"):
        count_instructions(CORES["cortex-m4"], assembly)


def test_what_is_no_assembly_is_refused(count_instructions):
    with pytest.raises(FirmwareBuildError, match=r"snippet\.c for cortex-m4 failed"):
        count_instructions(CORES["cortex-m4"], "fly away")
