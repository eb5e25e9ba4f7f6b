"""The estimate of cycles: kinds of instructions, as the reference manuals count them."""

import pytest

from edge_ik_tools.emulate.cores import CORES
from edge_ik_tools.emulate.cycles import CycleModel, Executed

M0, M3, M4 = (CORES[f"cortex-{name}"].cycles for name in ("m0", "m3", "m4"))
M55 = CORES["cortex-m55"].cycles


def one(mnemonic, operands="", jumped=False):
    return Executed(mnemonic, operands, jumped)


@pytest.mark.parametrize(
    ("model", "instruction", "cycles"),
    [
        (M4, one("add", "r0, r1, r2"), 1),
        (M4, one("ldr", "r0, [r1]"), 2),
        (M4, one("vldr", "s14, [pc, #892]"), 2),
        (M4, one("str", "r0, [r1]"), 1),
        (M0, one("str", "r0, [r1]"), 2),
        (M4, one("b", "10", jumped=True), 3),
        (M4, one("bne", "10"), 1),
        (M4, one("blt", "10", jumped=True), 3),
        (M0, one("bl", "10 <f>", jumped=True), 4),
        (M0, one("ble", "10 <f>", jumped=True), 3),
        (M4, one("bx", "lr", jumped=True), 3),
        (M4, one("bic", "r0, r1"), 1),
        (M4, one("push", "{r4, r5, lr}"), 4),
        (M4, one("pop", "{r4, r5, pc}", jumped=True), 6),
        (M4, one("stmdb", "sp!, {r4, r5, r6, r7, r8, r9, sl, lr}"), 9),
        (M4, one("vpush", "{d8-d14}"), 15),
        (M4, one("vstmia", "r3!, {s15}"), 2),
        (M4, one("ldrd", "r0, r1, [r2]"), 3),
        (M4, one("smlad", "r0, r1, r2, r3"), 1),
        (M3, one("mla", "r0, r1, r2, r3"), 2),
        (M3, one("umull", "r0, r1, r2, r3"), 4),
        (M4, one("smlal", "r0, r1, r2, r3"), 1),
        (M4, one("udiv", "r0, r1, r2"), 7),
        (M4, one("vdiv.f32", "s0, s1, s2"), 14),
        (M4, one("vsqrt.f32", "s0, s1"), 14),
        (M4, one("vfma.f32", "s0, s1, s2"), 3),
        (M4, one("vfmsgt.f32", "s0, s1, s2"), 3),
        (M4, one("vmul.f32", "s0, s1, s2"), 1),
        (M4, one("vmov.f32", "s0, s1"), 1),
        (M55, one("vadd.i32", "q0, q1, q2"), 2),
        (M55, one("vldrw.u32", "q3, [r0]"), 2),
        (M55, one("vmlava.s8", "r0, q1, q2"), 2),
        (M55, one("le", "lr, 10 <f>", jumped=True), 1),
        (M55, one("dls", "lr, lr"), 1),
    ],
    ids=str,
)
def test_one_instruction(model, instruction, cycles):
    assert model.cycles([instruction]) == cycles


def test_loads_right_after_one_another_overlap():
    load, add = one("ldr", "r0, [r1]"), one("add", "r0, r1")
    assert M4.cycles([load, load, load]) == 4
    assert M4.cycles([load, add, load]) == 5
    assert M0.cycles([load, load]) == 4


ESTIMATED = {name: core for name, core in CORES.items() if core.cycles}


def test_cycles_are_estimated_for_arm_alone():
    assert list(ESTIMATED) == [name for name in CORES if name.startswith("cortex-")]


@pytest.mark.parametrize("core", ESTIMATED.values(), ids=ESTIMATED)
def test_every_core_says_where_its_cycles_come_from(core):
    assert isinstance(core.cycles, CycleModel)
    published = core.name in ("cortex-m0", "cortex-m3", "cortex-m4")
    assert ("Reference Manual" if published else "Arm publishes none") in core.cycles.source
