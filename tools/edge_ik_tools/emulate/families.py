"""What cores of one instruction set have in common: their commands, files and compiler flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_ik_tools.emulate.emulators import Emulator, Qemu, Simavr

# What runs on an emulated core, in C.
FIRMWARE = Path(__file__).with_name("firmware")


@dataclass(frozen=True)
class Family:
    """A compiler and an emulator, and what a program needs on what they are for.

    Attributes:
        name: What it is called in sentences.
        prefix: What the names of the compiler's commands begin with.
        packages: The Debian packages of each command.
        emulator: What runs a program.
        startup: Files of every program, from reset to main, and the host's files; in `firmware`.
        port: File of what the counter needs; in `firmware`.
        flags: What the compiler is told of all cores.
        optimization: Its level.
        standard: The language; constants in an AVR's flash are an extension of GNU's.
        link: What the linker is told.
        libraries: What it takes functions from, besides.
        scripted: Whether a program is linked by our own script; otherwise by the compiler's.
        disassembly: What the disassembler is told.
        constants_in_ram: Whether constants are copied to RAM, as flash cannot be read by bytes.
        embeds: Whether the files that a program reads are put into its flash.
        floats: Whether the compiler can calculate with floats there.
    """

    name: str
    prefix: str
    packages: Mapping[str, str]
    emulator: Emulator
    startup: tuple[str, ...]
    port: str
    flags: tuple[str, ...] = ()
    optimization: str = "-O2"
    standard: str = "-std=c99"
    link: tuple[str, ...] = ("-nostartfiles",)
    libraries: tuple[str, ...] = ("-lm",)
    scripted: bool = True
    disassembly: tuple[str, ...] = ()
    constants_in_ram: bool = False
    embeds: bool = False
    floats: bool = True


def _packages(prefix: str, compiler: str, emulator: str, package: str) -> Mapping[str, str]:
    """The packages of the commands, the compiler's and the emulator's."""
    binutils = f"binutils-{prefix}"
    return {
        f"{prefix}-gcc": compiler,
        f"{prefix}-size": binutils,
        f"{prefix}-objdump": binutils,
        emulator: package,
    }


_SEMIHOSTING = ("-semihosting-config", "enable=on,target=native")

ARM = Family(
    name="Arm",
    prefix="arm-none-eabi",
    packages=_packages(
        "arm-none-eabi", "gcc-arm-none-eabi libnewlib-arm-none-eabi",
        "qemu-system-arm", "qemu-system-arm",
    ),
    emulator=Qemu("qemu-system-arm", _SEMIHOSTING),
    startup=("arm/startup.c", "semihost.c"),
    port="arm/port.c",
    # All the cores' instructions are among these; by itself it does not know the vectors.
    disassembly=("-marmv8.1-m.main",),
)  # fmt: skip

RISCV = Family(
    name="RISC-V",
    prefix="riscv64-unknown-elf",
    packages=_packages(
        "riscv64-unknown-elf", "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf",
        "qemu-system-riscv32", "qemu-system-misc",
    ),
    emulator=Qemu("qemu-system-riscv32", ("-bios", "none", *_SEMIHOSTING)),
    startup=("riscv/startup.c", "semihost.c"),
    port="riscv/port.c",
    flags=("--specs=picolibc.specs",),
)  # fmt: skip

AVR = Family(
    name="AVR",
    prefix="avr",
    packages=_packages("avr", "gcc-avr avr-libc", "simavr", "simavr"),
    emulator=Simavr(),
    startup=("avr/host.c",),
    port="avr/port.c",
    flags=("-DBLOCK=1",),
    # As the Arduino IDE compiles for these.
    optimization="-Os",
    standard="-std=gnu99",
    link=("-Wl,--defsym=stack_limit=_end",),
    scripted=False,
    embeds=True,
)

# The compiler's library leaves out what the chip has in its ROM: arithmetic of floats, products and
# quotients of 64 bits; and there is no C library. Floats apart, `rom.c` has these.
XTENSA = Family(
    name="Xtensa",
    prefix="xtensa-lx106-elf",
    packages=_packages(
        "xtensa-lx106-elf", "gcc-xtensa-lx106", "qemu-system-xtensa", "qemu-system-misc",
    ),
    emulator=Qemu("qemu-system-xtensa", ("-cpu", "lx106", "-semihosting")),
    startup=("xtensa/startup.c", "xtensa/host.c", "xtensa/rom.c"),
    port="xtensa/port.c",
    flags=("-isystem", str(FIRMWARE / "xtensa/include")),
    # As the ESP8266's package for the Arduino IDE compiles.
    optimization="-Os",
    link=("-nostdlib",),
    libraries=("-lgcc",),
    constants_in_ram=True,
    floats=False,
)  # fmt: skip
