"""From a folder of generated C to images for one core: the benchmark, and the sizes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_ik_tools.c99.literals import initializer
from edge_ik_tools.emulate.closed_form import closed_form_constants
from edge_ik_tools.emulate.cores import Core
from edge_ik_tools.emulate.families import FIRMWARE
from edge_ik_tools.emulate.toolchain import Toolchain
from edge_ik_tools.errors import FirmwareBuildError
from firmware_host.chain import Chain
from firmware_host.files import write_text

# Of the benchmark's program [bytes]; a solver that takes more is told so.
STACK_BYTES = 6 * 1024

# Constants in the flash of an AVR are read through pointers of 16 bits [bytes].
POINTER_REACH = 0x1_0000

# Sections of constants, in a linker script.
CONSTANTS = ".rodata .rodata.* .srodata .srodata.*"

# Of the benchmark's own files: start-up must not turn its loops into library calls, which
# would then not count as the solver's; square roots need not set errno.
OWN_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "startup": ("-fno-tree-loop-distribute-patterns",),
    "rom": ("-fno-tree-loop-distribute-patterns",),
    "closed_form": ("-fno-math-errno",),
}


@dataclass(frozen=True)
class Sources:
    """Generated C: `NAME.h` and `NAME.c` in a folder.

    Attributes:
        folder: The folder.
        name: NAME, the prefix of what it defines.

    Raises:
        FirmwareBuildError: If a file is missing or the name is none of C's.
    """

    folder: Path
    name: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", self.name):
            raise FirmwareBuildError(
                f"Expected a name that C can use: letters, digits and underscores. "
                f"Received: name={self.name!r}"
            )
        for path in (self.source, self.header):
            if not path.is_file():
                raise FirmwareBuildError(
                    f"Expected the generated file {path.name} in {self.folder}. There is none: "
                    "export the model with --firmware c99 first."
                )

    @property
    def source(self) -> Path:
        """The file of code and constants."""
        return self.folder / f"{self.name}.c"

    @property
    def header(self) -> Path:
        """The interface."""
        return self.folder / f"{self.name}.h"


@dataclass(frozen=True)
class SolverSize:
    """What the solver adds to a program, the compiler's helpers included.

    Attributes:
        flash: Code and constants [bytes].
        ram: Static variables [bytes].
    """

    flash: int
    ram: int


def bench_objects(
    tools: Toolchain, core: Core, sources: Sources, chain: Chain, cold_steps: int, folder: Path
) -> list[Path]:
    """Compile the benchmark's program.

    Args:
        tools: The compiler.
        core: What to build for.
        sources: The solver.
        chain: Its robot.
        cold_steps: Most steps of the solve without the network.
        folder: Where files are put.

    Returns:
        Its object files, for `link_program`.

    Raises:
        FirmwareBuildError: If the compiler refuses it.
    """
    write_text(
        folder / "bench_solver.h", solver_header(sources, chain, cold_steps, core.family.floats)
    )
    counting = (core.family.port, "counter.c", "stages.c", "closed_form.c", "bench.c")
    objects = own_objects(tools, core, counting, folder, [sources.folder])
    return [*objects, _solver_object(tools, core, sources, folder)]


def measure_size(
    tools: Toolchain, core: Core, sources: Sources, chain: Chain, folder: Path
) -> SolverSize:
    """Link the smallest program with the solver and without.

    Args:
        tools: The compiler.
        core: What to build for.
        sources: The solver.
        chain: Its robot.
        folder: Where files are put.

    Raises:
        FirmwareBuildError: If the compiler refuses it.
    """
    write_text(folder / "bench_solver.h", solver_header(sources, chain, 0))
    sizes = []
    for name, options in (("without", ()), ("with", ("-DWITH_SOLVER",))):
        program = tools.compile(
            core,
            FIRMWARE / "size.c",
            folder / f"size_{name}.o",
            include=[folder, sources.folder],
            options=options,
        )
        objects = [program]
        if options:
            objects.append(_solver_object(tools, core, sources, folder))
        sizes.append(tools.sizes(link_program(tools, core, objects, folder / f"{name}.elf")))
    before, after = sizes
    return SolverSize(after.flash - before.flash, after.ram - before.ram)


def build_trace(tools: Toolchain, core: Core, sources: Sources, chain: Chain, folder: Path) -> Path:
    """Build a program that solves one target of a file; arguments as in `measure_size`."""
    write_text(folder / "bench_solver.h", solver_header(sources, chain, 0))
    objects = own_objects(tools, core, ("trace.c",), folder, [sources.folder])
    objects.append(_solver_object(tools, core, sources, folder))
    return link_program(tools, core, objects, folder / "trace.elf")


def build_path(tools: Toolchain, core: Core, sources: Sources, chain: Chain, folder: Path) -> Path:
    """Build a program that follows the path of a file; arguments as in `measure_size`."""
    write_text(folder / "bench_solver.h", solver_header(sources, chain, 0))
    own = (core.family.port, "counter.c", "path.c")
    objects = own_objects(tools, core, own, folder, [sources.folder])
    objects.append(_solver_object(tools, core, sources, folder))
    return link_program(tools, core, objects, folder / "path.elf")


def link_program(tools: Toolchain, core: Core, objects: Sequence[Path], out: Path) -> Path:
    """Link object files to a program that starts, and that opens files of the host.

    Args:
        tools: The compiler.
        core: What to build for.
        objects: The object files, among them one with `main`.
        out: The image; what else is written goes beside it.

    Returns:
        The image.

    Raises:
        FirmwareBuildError: If the compiler refuses it, or it is too large.
    """
    started = own_objects(tools, core, core.family.startup, out.parent, [])
    files = _embedded(tools, core, out.parent) if core.family.embeds else []
    script = _linker_script(core, out.parent) if core.family.scripted else None
    options = [] if core.family.scripted else _memory(core)
    image = tools.link(core, [*started, *objects, *files], script, out, options)
    if core.family.embeds:
        _check_reach(tools, core, image)
    return image


def _memory(core: Core) -> list[str]:
    """A core's memory, told to the compiler's own linker script."""
    symbols = {
        "__TEXT_REGION_LENGTH__": core.flash.length,
        "__DATA_REGION_LENGTH__": core.ram.end,
        "__stack": core.ram.end - 1,
    }
    return [f"-Wl,--defsym={name}={value:#x}" for name, value in symbols.items()]


def _embedded(tools: Toolchain, core: Core, folder: Path) -> list[Path]:
    """The files that a program reads, those that are there, as an object file."""
    lines = []
    for path in (folder / name for name in ("targets.bin", "inputs.bin", "path.bin")):
        if path.is_file():
            lines += [
                '.section .text.files,"ax",@progbits',
                f".global {path.stem}_begin, {path.stem}_end",
                f"{path.stem}_begin:",
                f'.incbin "{path}"',
                f"{path.stem}_end:",
                ".balign 2",
            ]
    write_text(folder / "files.S", "\n".join([*lines, ""]))
    return [tools.compile(core, folder / "files.S", folder / "files.o")]


def _check_reach(tools: Toolchain, core: Core, image: Path) -> None:
    """Refuse a program whose constants in flash a pointer cannot reach."""
    end = tools.symbols(image)["__ctors_start"]
    if end > POINTER_REACH:
        raise FirmwareBuildError(
            f"Expected the constants of a program for {core.name} to end before "
            f"{POINTER_REACH:,}, where pointers of 16 bits end. Received: constants up to "
            f"{end:,}. Use a smaller model."
        )


def _linker_script(core: Core, folder: Path) -> Path:
    """Write the linker script of a core's memory and return its path."""
    text = (FIRMWARE / "image.ld.in").read_text(encoding="utf-8")
    values = {
        "FLASH_ORIGIN": f"{core.flash.origin:#010x}",
        "FLASH_LENGTH": f"{core.flash.length:#x}",
        "RAM_ORIGIN": f"{core.ram.origin:#010x}",
        "RAM_LENGTH": f"{core.ram.length:#x}",
        "STACK_LENGTH": f"{STACK_BYTES:#x}",
        "FLASH_CONSTANTS": "" if core.family.constants_in_ram else CONSTANTS,
        "RAM_CONSTANTS": CONSTANTS if core.family.constants_in_ram else "",
    }
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    path = folder / "image.ld"
    write_text(path, text)
    return path


def solver_header(
    sources: Sources, chain: Chain, cold_steps: int, closed_form: bool = False
) -> str:
    """The text of `bench_solver.h`: the solver's names under the benchmark's.

    Args:
        sources: The solver.
        chain: Its robot.
        cold_steps: Most steps of the solve without the network.
        closed_form: Whether the arm's closed form is compiled, if it has one.
    """
    name, prefix = sources.name, sources.name.upper()
    middle = chain.middle
    sines, cosines = chain.place(middle)
    # Firmware of another robot, with more joints, is to be built and refused by its answers.
    room = f"({len(chain.segments)} > BENCH_JOINTS ? {len(chain.segments)} : BENCH_JOINTS)"
    values = {
        "BENCH_SOURCE": f'"{sources.source.name}"',
        **{
            f"BENCH_{part}": f"{prefix}_{part}"
            for part in ("JOINTS", "TARGET", "STEPS", "TOLERANCE")
        },
        **{
            f"BENCH_{part.upper()}": f"{name}_{part}"
            for part in ("solve", "info", "solve_near", "track", "track_start", "state")
        },
        "BENCH_COLD_STEPS": str(cold_steps),
        "BENCH_MIDDLE": initializer(middle),
        "BENCH_SEGMENTS": room,
        "BENCH_MIDDLE_SINES": initializer(sines),
        "BENCH_MIDDLE_COSINES": initializer(cosines),
        **((closed_form and closed_form_constants(chain)) or {}),
    }
    # What is told of tries where there are several seeds to try.
    told = [
        f"#ifdef {prefix}_BRANCHES",
        "#define BENCH_TRIED(info) ((info).tried)",
        "#define BENCH_RESTARTED(info) ((info).restarts)",
        "#else",
        "#define BENCH_TRIED(info) 1",
        "#define BENCH_RESTARTED(info) 0",
        "#endif",
    ]
    header = sources.header.read_text(encoding="utf-8")
    public = sorted(set(re.findall(rf"\b{name}_(\w+)\(", header)))
    # The source is compiled twice into one program, the second time under other names.
    renamed = [f"#define {name}_{part} staged_{part}" for part in public]
    return "\n".join(
        [
            f"/* What the benchmark knows of {name}. */",
            "#ifdef BENCH_STAGES",
            *renamed,
            "#endif",
            f'#include "{sources.header.name}"',
            *(f"#define {macro} {value}" for macro, value in values.items()),
            *told,
            "",
        ]
    )


def _solver_object(tools: Toolchain, core: Core, sources: Sources, folder: Path) -> Path:
    return tools.compile(core, sources.source, folder / "solver.o", include=[sources.folder])


def own_objects(
    tools: Toolchain, core: Core, names: Sequence[str], folder: Path, include: Sequence[Path]
) -> list[Path]:
    """Files of `FIRMWARE`, compiled.

    Args:
        tools: The compiler.
        core: What to build for.
        names: The files, by their paths in `FIRMWARE`.
        folder: Where object files are put, and a `bench_solver.h` is found.
        include: More folders with headers.

    Raises:
        FirmwareBuildError: If the compiler refuses one.
    """
    return [
        tools.compile(
            core,
            FIRMWARE / name,
            folder / f"{Path(name).stem}.o",
            include=[FIRMWARE, folder, *include],
            options=[*core.timer_flags, *OWN_OPTIONS.get(Path(name).stem, ())],
        )
        for name in names
    ]
