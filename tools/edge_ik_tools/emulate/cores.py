"""The emulated cores: how to compile for each, and the machine that QEMU gives it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

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
        cycles_per_instruction: Assumed mean for this kind of code, for the estimate.
        assumption: Where that mean comes from.
    """

    name: str
    flags: tuple[str, ...]
    machine: str
    flash: Memory
    ram: Memory
    timer_hz: int
    clock_hz: int
    cycles_per_instruction: float
    assumption: str

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
            cycles_per_instruction=1.6,
            assumption="loads and stores take 2 cycles, taken branches 3, multiplications 1",
        ),
        Core(
            name="cortex-m3",
            flags=("-mcpu=cortex-m3", *_SOFT),
            machine="mps2-an385",
            flash=_FROM_ZERO,
            ram=_FPGA_RAM,
            timer_hz=25_000_000,
            clock_hz=72_000_000,
            cycles_per_instruction=1.5,
            assumption="single loads take 2 cycles, taken branches 2 to 4, 64-bit products 3 to 5",
        ),
        Core(
            name="cortex-m4",
            flags=("-mcpu=cortex-m4", *_HARD),
            machine="mps2-an386",
            flash=_FROM_ZERO,
            ram=_FPGA_RAM,
            timer_hz=25_000_000,
            clock_hz=168_000_000,
            cycles_per_instruction=1.4,
            assumption="single loads take 2 cycles, taken branches 2 to 4, float divisions 14",
        ),
        Core(
            name="cortex-m7",
            flags=("-mcpu=cortex-m7", *_HARD),
            machine="mps2-an500",
            flash=_FROM_ZERO,
            ram=_FPGA_RAM,
            timer_hz=25_000_000,
            clock_hz=480_000_000,
            cycles_per_instruction=0.9,
            assumption="some pairs of instructions issue together; code and data in "
            "tightly coupled memory",
        ),
        Core(
            name="cortex-m33",
            flags=("-mcpu=cortex-m33", *_HARD),
            machine="mps2-an505",
            flash=Memory(0x1000_0000, 0x0008_0000),
            ram=Memory(0x3800_0000, 0x0002_0000),
            timer_hz=20_000_000,
            clock_hz=150_000_000,
            cycles_per_instruction=1.3,
            assumption="loads take 1 to 2 cycles, taken branches 2 to 3, float divisions 14",
        ),
        Core(
            name="cortex-m55",
            flags=("-mcpu=cortex-m55", *_HARD),
            machine="mps3-an547",
            flash=_FROM_ZERO,
            ram=_FPGA_RAM,
            timer_hz=32_000_000,
            clock_hz=400_000_000,
            cycles_per_instruction=1.6,
            assumption="vector instructions, counted as one, take 2 cycles each",
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
            f"Unknown target. Expected one of {', '.join(CORES)}. Received: target={name!r}"
        )
    return found
