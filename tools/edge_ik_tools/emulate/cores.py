"""The emulated cores: how to compile for each, and the machine that an emulator gives it."""

from __future__ import annotations

import dataclasses
import difflib
from dataclasses import dataclass
from fractions import Fraction

from edge_ik_tools.emulate.cycles import CycleModel
from edge_ik_tools.emulate.emulators import Unit
from edge_ik_tools.emulate.families import ARM, AVR, RISCV, XTENSA, Family
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

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.origin + self.length


@dataclass(frozen=True)
class Room:
    """What a part has, which a program must fit in.

    Attributes:
        flash_bytes: Flash [bytes].
        ram_bytes: RAM [bytes].
    """

    flash_bytes: int
    ram_bytes: int


@dataclass(frozen=True)
class Core:
    """One core and the emulator's machine that has it.

    Attributes:
        name: As in "cortex-m4".
        flags: What the compiler is told of the core and its floating-point registers.
        machine: The emulator's name of the machine.
        flash: Where code and constants go; what is executed first comes first.
        ram: Where data and stack go.
        clock_hz: A clock that parts with this core run at, for the time of a solve, or None
            where only instructions are known [Hz].
        family: What it has in common with others.
        timer_hz: Frequency of the machine's SysTick, where instructions are counted by it [Hz].
        cycles: What instructions take, for the estimate, or None where none is made.
        room: What the part has, where the core is one part's, or None.
    """

    name: str
    flags: tuple[str, ...]
    machine: str
    flash: Memory
    ram: Memory
    clock_hz: int | None
    family: Family = ARM
    timer_hz: int | None = None
    cycles: CycleModel | None = None
    room: Room | None = None

    @property
    def unit(self) -> Unit:
        """What is counted of it."""
        return self.family.emulator.unit

    @property
    def instructions_per_tick(self) -> Fraction | None:
        """Instructions in a tick of SysTick, where each takes a nanosecond, or None without it.

        QEMU's `-icount shift=0` gives each instruction that time.
        """
        return None if self.timer_hz is None else Fraction(10**9, self.timer_hz)

    @property
    def timer_flags(self) -> tuple[str, ...]:
        """What the compiler is told of the timer."""
        ratio = self.instructions_per_tick
        if ratio is None:
            return ()
        return f"-DREADINGS={ratio.numerator}", f"-DSCALE={ratio.denominator}"


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
        Core(
            name="rv32imc",
            flags=("-march=rv32imc", "-mabi=ilp32"),
            machine="virt",
            flash=Memory(0x8000_0000, 0x0008_0000),
            ram=Memory(0x8010_0000, 0x0002_0000),
            clock_hz=None,
            family=RISCV,
        ),
        Core(
            name="lx106",
            flags=(),
            machine="sim",
            flash=Memory(0x5000_0000, 0x0010_0000),
            # Constants are here too.
            ram=Memory(0x6000_0000, 0x0008_0000),
            clock_hz=None,
            family=XTENSA,
            timer_hz=40_000_000,
        ),
        Core(
            name="atmega328p",
            flags=("-mmcu=atmega328p",),
            # The same core, cycle for cycle, with room for the benchmark beside the solver.
            machine="atmega1284p",
            flash=Memory(0, 0x0001_0000),
            ram=Memory(0x0100, 0x2000),
            clock_hz=16_000_000,
            family=AVR,
            room=Room(32 * 1024, 2 * 1024),
        ),
        Core(
            name="atmega2560",
            flags=("-mmcu=atmega2560",),
            machine="atmega2560",
            flash=Memory(0, 0x0004_0000),
            ram=Memory(0x0200, 0x2000),
            clock_hz=16_000_000,
            family=AVR,
            room=Room(256 * 1024, 8 * 1024),
        ),
    )
}


@dataclass(frozen=True)
class Part:
    """A core, chip or board whose instructions are counted on one of `CORES`.

    Attributes:
        words: What it is.
        core: The core that is emulated for it.
        clock_hz: What it is clocked at as a rule, for the estimate, or None for the core's [Hz].
    """

    words: str
    core: str
    clock_hz: int | None = None


PARTS = {
    "cortex-m0plus": Part("a Cortex-M0+, whose instructions are those of", "cortex-m0"),
    "rp2040": Part("an RP2040, whose Cortex-M0+ has the instructions of", "cortex-m0", 125_000_000),
    "pico": Part(
        "a Pico, whose RP2040's Cortex-M0+ has the instructions of", "cortex-m0", 125_000_000
    ),
    "rp2350": Part("an RP2350, whose core is the", "cortex-m33", 150_000_000),
    "pico2": Part("a Pico 2, whose RP2350's core is the", "cortex-m33", 150_000_000),
    "nrf52840": Part("an nRF52840, whose core is the", "cortex-m4", 64_000_000),
    "stm32f103": Part("an STM32F103, whose core is the", "cortex-m3", 72_000_000),
    "bluepill": Part("a Blue Pill, whose STM32F103's core is the", "cortex-m3", 72_000_000),
    "esp32c3": Part("an ESP32-C3, whose core without a floating-point unit is an", "rv32imc"),
    "esp32c6": Part("an ESP32-C6, whose core has atomic instructions beside those of", "rv32imc"),
    "avr": Part("an AVR, of which the most common is the", "atmega328p"),
    "uno": Part("an Arduino Uno, whose microcontroller is the", "atmega328p"),
    "mega2560": Part("an Arduino Mega 2560, whose microcontroller is the", "atmega2560"),
    "esp8266": Part("an ESP8266, whose core without a floating-point unit is the", "lx106"),
    "imxrt1062": Part("an i.MX RT1062, whose core is the", "cortex-m7", 600_000_000),
}

# Boards whose firmware is compiled as any other, and not counted: no emulator here has the core.
NOT_EMULATED = {
    "esp32": "an ESP32, an Xtensa LX6",
    "esp32s3": "an ESP32-S3, an Xtensa LX7",
}


def find_core(name: str) -> Core:
    """The core of a name such as "cortex-m4", "m4" for short, or of a chip or board in `PARTS`.

    Capitals, hyphens and underscores are nothing to it.

    Raises:
        ConfigError: If there is none of that name, or it is known and not emulated.
    """
    known = _known_name(name)
    if known in PARTS:
        part = PARTS[known]
        core = CORES[part.core]
        return dataclasses.replace(core, clock_hz=part.clock_hz or core.clock_hz)
    if known in CORES:
        return CORES[known]
    choices = f"Expected one of {', '.join([*CORES, *PARTS])}, or m4 for short. Received: {name!r}"
    if known in NOT_EMULATED:
        raise ConfigError(
            f"'{name}' is {NOT_EMULATED[known]}: firmware compiles for it, and its instructions "
            f"are not counted yet. {choices}"
        )
    close = difflib.get_close_matches(_plain(name), _NAMES, 1)
    meant = f" Did you mean '{_NAMES[close[0]]}'?" if close else ""
    raise ConfigError(f"Unknown core, chip or board.{meant} {choices}")


def described_core(name: str) -> str:
    """The core that is emulated for a name that `find_core` takes, and for what it stands."""
    core, known = find_core(name).name, _known_name(name)
    if known not in PARTS:
        return core
    return f"{core}: '{name}' is {PARTS[known].words} {core}, and counts are those of the latter"


def part_name(name: str) -> str | None:
    """The name in `PARTS` of one that `find_core` takes; None for a core of `CORES`."""
    known = _known_name(name)
    return known if known in PARTS else None


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _known_name(name: str) -> str | None:
    """The name in `CORES`, `PARTS` or `NOT_EMULATED` that is meant, or None."""
    plain = _plain(name)
    return _NAMES.get(plain) or {_plain(known): known for known in NOT_EMULATED}.get(plain)


# The names of what is counted, by how they are looked for.
_NAMES = {
    plain: known
    for known in (*CORES, *PARTS)
    for plain in (_plain(known), _plain(known.removeprefix("cortex-")))
}
