"""From the instructions of a solve to an estimate of its cycles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

_CONDITION = "(?:eq|ne|cs|cc|hs|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le|al)?"
_BRANCH = re.compile(rf"(?:b|bx){_CONDITION}|cbn?z|tb[bh]")
_CALL = re.compile(rf"blx?{_CONDITION}")
_LOOP = re.compile(r"(?:dls|wls|le)(?:tp)?")
_SEVERAL = re.compile(r"v?(?:ldm|stm|push|pop)")
_LONG = re.compile(r"[us]mull|[us]mlal|umaal")
_MULTIPLY_ADD = re.compile(r"ml[as]|smml[as]r?")
_FUSED = re.compile(r"v(?:fn?m[as]|n?ml[as])(?:\w\w)?\.f")
_VECTOR = re.compile(r"(?:^|[\s{,\[])q[0-7]\b")


class Executed(NamedTuple):
    """One instruction that was executed.

    Attributes:
        mnemonic: As the disassembler writes it, without .n or .w.
        operands: The same of its operands.
        jumped: Whether another instruction than the next in memory came after it.
    """

    mnemonic: str
    operands: str
    jumped: bool


@dataclass(frozen=True)
class CycleModel:
    """Cycles by kind of instruction; whatever has no kind here takes one.

    Attributes:
        load: A load of one register.
        store: A store of one register.
        pipelined: Whether a load or store right after another takes one cycle.
        several: What a load or store of N registers takes beyond N.
        jump: What a branch or a return that is taken takes beyond 1.
        call: What a call takes beyond 1.
        multiply_long: A product of 64 bits.
        multiply_add: A 32-bit product with a sum.
        divide: An integer division.
        float_divide: A division or a square root of floating-point numbers.
        float_multiply_add: A product with a sum of floating-point numbers.
        vector: An instruction on 128-bit vectors.
        source: Where the numbers come from, in words.
    """

    source: str
    load: int = 2
    store: int = 1
    pipelined: bool = True
    several: int = 1
    jump: int = 2
    call: int = 2
    multiply_long: int = 1
    multiply_add: int = 1
    divide: int = 7
    float_divide: int = 14
    float_multiply_add: int = 3
    vector: int = 2

    def cycles(self, executed: Sequence[Executed]) -> int:
        """Cycles of a sequence of instructions."""
        total, after_memory = 0, False
        for instruction in executed:
            cost, memory = self._cost(instruction)
            total += 1 if memory and after_memory and self.pipelined else cost
            after_memory = memory
        return total

    def _cost(self, instruction: Executed) -> tuple[int, bool]:
        """Cycles of one instruction, and whether it loads or stores one register."""
        name, operands, jumped = instruction
        taken = self.jump if jumped else 0
        if _CALL.fullmatch(name):
            return 1 + (self.call if jumped else 0), False
        if _BRANCH.fullmatch(name):
            return 1 + taken, False
        if _LOOP.fullmatch(name):
            return 1, False  # the loop's end is remembered: no pipeline refill
        if _VECTOR.search(operands):
            return self.vector, False
        if _SEVERAL.match(name):
            return self.several + _registers(operands) + taken, False
        if name.startswith(("ldrd", "strd")):
            return self.several + 2, False
        if name.startswith(("ldr", "vldr")):
            return self.load + taken, not jumped
        if name.startswith(("str", "vstr")):
            return self.store, True
        if name.startswith(("vdiv", "vsqrt")):
            return self.float_divide, False
        if _FUSED.match(name):
            return self.float_multiply_add, False
        if name.startswith(("sdiv", "udiv")):
            return self.divide, False
        if _LONG.match(name):
            return self.multiply_long, False
        if _MULTIPLY_ADD.match(name):
            return self.multiply_add, False
        return 1 + taken, False


def _registers(operands: str) -> int:
    """How many words the registers of a list in braces hold."""
    listed = operands[operands.find("{") + 1 : operands.find("}")]
    words = 0
    for part in listed.split(","):
        first, _, last = part.strip().partition("-")
        count = 1 + int(last[1:]) - int(first[1:]) if last else 1
        words += 2 * count if re.match(r"d\d", first) else count
    return words
