"""The counter: exact on functions of known length, and on known use of the stack."""

import pytest

from edge_ik_tools.emulate.cores import CORES
from edge_ik_tools.emulate.families import ARM, AVR
from edge_ik_tools.errors import EmulationError, FirmwareBuildError

OF_ARM = [name for name, core in CORES.items() if core.family is ARM]
OF_AVR = [name for name, core in CORES.items() if core.family is AVR]

ARM_LOOP = """
    ldr r0, =30000
    1:
    subs r0, #1
    bne 1b
"""
ARM_FRAME = """
    sub sp, #200
    movs r0, #1
    str r0, [sp, #4]
    add sp, #200
"""


@pytest.mark.parametrize("name", OF_ARM)
@pytest.mark.parametrize(
    ("assembly", "instructions", "stack"),
    [
        # The return is one more.
        ("", 1, 0),
        ("nop", 2, 0),
        (".rept 998\nnop\n.endr", 999, 0),
        (ARM_LOOP, 1 + 2 * 30_000 + 1, 0),
        ("push {r0, r1, r2, lr}\npop {r0, r1, r2, pc}", 2, 16),
        # Four bytes of the frame are never written.
        (ARM_FRAME, 5, 196),
    ],
    ids=["nothing", "one", "many", "loop", "push", "frame"],
)
def test_a_known_function_is_counted_exactly(counts, name, assembly, instructions, stack):
    assert counts(CORES[name], assembly) == (instructions, stack)


@pytest.mark.parametrize("name", ["cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"])
def test_floating_point_is_on_before_it_is_used(counts, name):
    assembly = "vmov.f32 s0, #1.0\nvdiv.f32 s1, s0, s0\nvsqrt.f32 s2, s1"
    assert counts(CORES[name], assembly)[0] == 4


def test_vector_instructions_count_as_one_each(counts):
    assembly = "vmov.i32 q0, #0\nvadd.i32 q0, q0, q0\nvmlava.s32 r0, q0, q0"
    assert counts(CORES["cortex-m55"], assembly)[0] == 4


def test_a_skipped_instruction_counts_too(counts):
    assembly = "movs r0, #0\nit ne\nmovne r0, #1"
    assert counts(CORES["cortex-m4"], assembly)[0] == 4


RISCV_LOOP = """
    lui t0, 16
    1:
    addi t0, t0, -1
    bnez t0, 1b
"""
RISCV_FRAME = """
    addi sp, sp, -208
    sw ra, 204(sp)
    sw zero, 4(sp)
    addi sp, sp, 208
"""


@pytest.mark.parametrize(
    ("assembly", "instructions", "stack"),
    [
        ("", 1, 0),
        ("nop", 2, 0),
        # Of two bytes and of four.
        ("c.nop\n.option push\n.option norvc\nnop\n.option pop", 3, 0),
        (".rept 5000\nnop\n.endr", 5001, 0),
        (RISCV_LOOP, 1 + 2 * 65536 + 1, 0),
        ("mul a0, a0, a1\nmulh a0, a0, a1\ndiv a0, a0, a1\nlw a0, 0(sp)", 5, 0),
        (RISCV_FRAME, 5, 204),
    ],
    ids=["nothing", "one", "compressed", "many", "loop", "several", "frame"],
)
def test_instructions_are_counted_exactly_on_risc_v(counts, assembly, instructions, stack):
    assert counts(CORES["rv32imc"], assembly) == (instructions, stack)


XTENSA_LOOP = """
    movi a3, 2000
    slli a3, a3, 4
    1:
    addi a3, a3, -1
    bnez a3, 1b
"""
XTENSA_FRAME = """
    addi a1, a1, -112
    s32i a0, a1, 108
    s32i.n a0, a1, 4
    addi a1, a1, 112
"""


@pytest.mark.parametrize(
    ("assembly", "instructions", "stack"),
    [
        ("", 1, 0),
        ("nop", 2, 0),
        # Of two bytes and of three.
        ("nop.n\n_nop", 3, 0),
        (".rept 5000\nnop\n.endr", 5001, 0),
        (XTENSA_LOOP, 2 + 2 * 32_000 + 1, 0),
        ("mull a2, a3, a4\nmul16u a2, a3, a4\nnsau a2, a3\nl32i a2, a1, 0", 5, 0),
        (XTENSA_FRAME, 5, 108),
    ],
    ids=["nothing", "one", "dense", "many", "loop", "several", "frame"],
)
def test_instructions_are_counted_exactly_on_xtensa(counts, assembly, instructions, stack):
    assert counts(CORES["lx106"], assembly) == (instructions, stack)


# Cycles of the AVR Instruction Set Manual (DS40002198), for the core AVRe+; the second where the
# program counter has three bytes.
AVR_CYCLES = [
    ("", 0, 0),
    ("nop", 1, 1),
    ("add r24, r25\nadc r24, r25\nmov r24, r25\nmovw r24, r22\nldi r24, 1\ncpi r24, 2", 6, 6),
    ("lsr r24\nror r24\nasr r24\nswap r24\ncom r24\nneg r24\nbst r24, 1\nbld r24, 2", 8, 8),
    ("adiw r24, 1\nsbiw r24, 1", 4, 4),
    ("mul r24, r25\nmuls r24, r25\nmulsu r22, r23\nfmul r22, r23\nclr r1", 9, 9),
    ("ldi r26, 0\nldi r27, 16\nld r24, X\nld r24, X+\nld r24, -X", 8, 8),
    ("ldi r30, 0\nldi r31, 16\nldd r24, Z+3\nst Z, r24\nst Z+, r24\nstd Z+3, r24", 10, 10),
    ("lds r24, 0x1000\nsts 0x1000, r24", 4, 4),
    ("lpm r24, Z\nlpm r24, Z+", 6, 6),
    ("push r24\npop r24", 4, 4),
    ("in r24, 0x3f\nsbi 0x1e, 0\nsbis 0x1e, 0\nnop\ncbi 0x1e, 0\nrjmp .+0", 9, 9),
    ("jmp 1f\n1:", 3, 3),
    ("rcall 1f\nrjmp 2f\n1:\nret\n2:", 9, 11),
    ("call 1f\nrjmp 2f\n1:\nret\n2:", 10, 12),
    ("ldi r30, pm_lo8(1f)\nldi r31, pm_hi8(1f)\nijmp\n1:", 4, 4),
    # Skipped: none, one of one word, one of two; a branch that is not taken, and one that is.
    ("clr r24\nsbrc r24, 0\nnop\nsbrs r24, 0\nnop\nsbrc r24, 0\njmp 0", 1 + 2 + 2 + 3, 8),
    ("clr r24\nbrne .+0\nbreq .+0", 1 + 1 + 2, 4),
    ("ldi r24, 48\nldi r25, 117\n1:\nsbiw r24, 1\nbrne 1b", 2 + 30_000 * 4 - 1, 120_001),
]


@pytest.mark.parametrize("name", OF_AVR)
@pytest.mark.parametrize(("assembly", "short", "long"), AVR_CYCLES)
def test_cycles_are_those_of_the_manual_on_avr(counts, name, assembly, short, long):
    expected = short + 4 if name == "atmega328p" else long + 5
    assert counts(CORES[name], assembly)[0] == expected


def test_constants_beyond_64_kb_are_read_in_three_cycles(counts):
    assert counts(CORES["atmega2560"], "elpm r24, Z\nelpm r24, Z+")[0] == 6 + 5


@pytest.mark.parametrize(("name", "pointer"), [("atmega328p", 2), ("atmega2560", 3)])
def test_the_stack_of_an_avr_has_the_return_address(counts, name, pointer):
    assert counts(CORES[name], "nop")[1] == pointer
    assert (
        counts(CORES[name], "push r1\npush r1\npush r1\npop r0\npop r0\npop r0")[1] == pointer + 3
    )
    assert counts(CORES[name], "call 1f\nrjmp 2f\n1:\nret\n2:")[1] == 2 * pointer


@pytest.mark.parametrize(
    ("name", "fault"), [("cortex-m4", "udf #0"), ("rv32imc", ".word 0"), ("lx106", "ill")]
)
def test_a_fault_is_told(counts, name, fault):
    with pytest.raises(EmulationError, match="took a fault"):
        counts(CORES[name], fault)


def test_a_jump_to_where_nothing_is_ends_an_avr(counts):
    with pytest.raises(EmulationError, match="on the emulated atmega2560 ended with code -9"):
        counts(CORES["atmega2560"], "ldi r24, 3\nout 0x3c, r24\nldi r30, 0\nldi r31, 0\neijmp")


@pytest.mark.parametrize(
    ("name", "assembly"),
    [
        ("cortex-m4", "mov r0, sp\n.rept 6144 / 4 - 8\npush {r0}\n.endr\nmov sp, r0"),
        ("rv32imc", "mv t0, sp\n.rept 1530\naddi sp, sp, -4\nsw t0, 0(sp)\n.endr\nmv sp, t0"),
        # Down to the first bytes behind the variables, and on an LX106 the constants.
        ("lx106", "movi a2, stack_limit\ns32i a2, a2, 0"),
        ("atmega328p", "ldi r30, lo8(stack_limit)\nldi r31, hi8(stack_limit)\nst Z, r30"),
    ],
)
def test_a_stack_that_runs_over_is_told(counts, name, assembly):
    with pytest.raises(EmulationError, match="stack ran over"):
        counts(CORES[name], assembly)


@pytest.mark.parametrize("name", ["cortex-m4", "rv32imc", "lx106", "atmega328p"])
def test_what_is_no_assembly_is_refused(counts, name):
    with pytest.raises(FirmwareBuildError, match=rf"snippet\.c for {name} failed"):
        counts(CORES[name], "fly away")
