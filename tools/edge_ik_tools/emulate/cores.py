"""The emulated cores: how to compile for each, and the machine that QEMU gives it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from edge_ik_tools.emulate.cycles import CycleModel
from firmware_host.errors import ConfigError


@dataclass(frozen=True)
class Memory:
    """A range of addresses.

    Attributes:
        origin: Its first address.
        length: Its size [bytes].
    """

    origin: int
    length: int


@dataclass(frozen=True)
class Core:
    """One Cortex-M core and the QEMU machine that has it.

    Attributes:
        name: As in "cortex-m4".
        flags: What the compiler is told of the core and its floating-point registers.
        machine: QEMU's name of the machine.
        flash: Where code and constants go; the vector table comes first.
        ram: Where data and stack go.
        timer_hz: Frequency of the machine's SysTick [Hz].
        clock_hz: A clock that parts with this core run at, for the estimate [Hz].
        cycles: What instructions take, for the estimate.
    """

    name: str
    flags: tuple[str, ...]
    machine: str
    flash: Memory
    ram: Memory
    timer_hz: int
    clock_hz: int
    cycles: CycleModel

    @property
    def instructions_per_tick(self) -> Fraction:
        """Instructions in a tick of SysTick, where each takes a nanosecond.

        QEMU's `-icount shift=0` gives each instruction that time.
        """
        return Fraction(10**9, self.timer_hz)


_HARD = ("-mthumb", "-mfloat-abi=hard")
_SOFT = ("-mthumb", "-mfloat-abi=soft")
_FROM_ZERO = Memory(0x0000_0000, 0x0008_0000)
_FPGA_RAM = Memory(0x2000_0000, 0x0002_0000)

CORES = {
    core.name: core
    for core in (
        Core(
            name="cortex-m0",
            flags=("-mcpu=cortex-m0", *_SOFT),
            machine="microbit",
            flash=Memory(0x0000_0000, 0x0004_0000),
            ram=Memory(0x2000_0000, 0x4000),
            timer_hz=16_000_000,
            clock_hz=48_000_000,
            cycles=CycleModel(
                "the timings in its Technical Reference Manual (DDI 0432, 3.3), with the "
                "multiplier of one cycle",
                store=2,
                pipelined=False,
                call=3,
            ),
        ),
        Core(
            name="cortex-m3",
            flags=("-mcpu=cortex-m3", *_SOFT),
            machine="mps2-an385",
            flash=_FROM_ZERO,
            ram=_FPGA_RAM,
            timer_hz=25_000_000,
            clock_hz=72_000_000,
            cycles=CycleModel(
                "the timings in its Technical Reference Manual (DDI 0337, 3.3), with 3 cycles "
                "for a branch taken, 4 for a product of 64 bits and 7 for a division",
                multiply_long=4,
                multiply_add=2,
            ),
        ),
        Core(
            name="cortex-m4",
            flags=("-mcpu=cortex-m4", *_HARD),
            machine="mps2-an386",
            flash=_FROM_ZERO,
            ram=_FPGA_RAM,
            timer_hz=25_000_000,
            clock_hz=168_000_000,
            cycles=CycleModel(
                "the timings in its Technical Reference Manual (DDI 0439, 3.3 and 7.2), with "
                "3 cycles for a branch taken and 7 for an integer division"
            ),
        ),
        Core(
            name="cortex-m7",
            flags=("-mcpu=cortex-m7", *_HARD),
            machine="mps2-an500",
            flash=_FROM_ZERO,
            ram=_FPGA_RAM,
            timer_hz=25_000_000,
            clock_hz=480_000_000,
            cycles=CycleModel(
                "Arm publishes none: those of the Cortex-M4, but with loads of one cycle, "
                "branches foreseen, and no two instructions at once, which it can",
                load=1,
                several=0,
                jump=0,
                call=0,
            ),
        ),
        Core(
            name="cortex-m33",
            flags=("-mcpu=cortex-m33", *_HARD),
            machine="mps2-an505",
            flash=Memory(0x1000_0000, 0x0008_0000),
            ram=Memory(0x3800_0000, 0x0002_0000),
            timer_hz=20_000_000,
            clock_hz=150_000_000,
            cycles=CycleModel("Arm publishes none: those of the Cortex-M4"),
        ),
        Core(
            name="cortex-m55",
            flags=("-mcpu=cortex-m55", *_HARD),
            machine="mps3-an547",
            flash=_FROM_ZERO,
            ram=_FPGA_RAM,
            timer_hz=32_000_000,
            clock_hz=400_000_000,
            cycles=CycleModel(
                "Arm publishes none: those of the Cortex-M4, but with loads of one cycle, and 2 "
                "cycles for a vector instruction, of which two may overlap",
                load=1,
                several=0,
            ),
        ),
    )
}


def find_core(name: str) -> Core:
    """The core of a name such as "cortex-m4", or "m4" for short.

    Raises:
        ConfigError: If there is none of that name.
    """
    found = CORES.get(name.lower()) or CORES.get(f"cortex-{name.lower()}")
    if found is None:
        raise ConfigError(
            f"Unknown core. Expected one of {', '.join(CORES)}, or m4 for short. Received: {name!r}"
        )
    return found
