"""From a folder of generated C to images for one core: the benchmark, and the sizes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_ik_tools.c99.literals import initializer
from edge_ik_tools.emulate.closed_form import closed_form_constants
from edge_ik_tools.emulate.cores import Core
from edge_ik_tools.emulate.toolchain import Toolchain
from edge_ik_tools.errors import FirmwareBuildError
from firmware_host.chain import Chain
from firmware_host.files import write_text

FIRMWARE = Path(__file__).with_name("firmware")

# Of the benchmark's program [bytes]; a solver that takes more is told so.
STACK_BYTES = 6 * 1024

# Of the benchmark's own files: start-up must not turn its loops into library calls, which
# would then not count as the solver's; square roots need not set errno.
OWN_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "startup.c": ("-fno-tree-loop-distribute-patterns",),
    "closed_form.c": ("-fno-math-errno",),
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


def build_bench(
    tools: Toolchain, core: Core, sources: Sources, chain: Chain, cold_steps: int, folder: Path
) -> Path:
    """Build the benchmark's program.

    Args:
        tools: The compiler.
        core: What to build for.
        sources: The solver.
        chain: Its robot.
        cold_steps: Most steps of the solve without the network.
        folder: Where files are put.

    Returns:
        The image.

    Raises:
        FirmwareBuildError: If the compiler refuses it.
    """
    write_text(folder / "bench_solver.h", solver_header(sources, chain, cold_steps))
    own = ("startup.c", "semihost.c", "counter.c", "stages.c", "closed_form.c", "bench.c")
    objects = _own_objects(tools, core, own, folder, [sources.folder])
    objects.append(_solver_object(tools, core, sources, folder))
    return tools.link(core, objects, linker_script(core, folder), folder / "bench.elf")


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
    script = linker_script(core, folder)
    common = _own_objects(tools, core, ("startup.c", "semihost.c"), folder, [])
    sizes = []
    for name, options in (("without", ()), ("with", ("-DWITH_SOLVER",))):
        program = tools.compile(
            core,
            FIRMWARE / "size.c",
            folder / f"size_{name}.o",
            include=[folder, sources.folder],
            options=options,
        )
        objects = [*common, program]
        if options:
            objects.append(_solver_object(tools, core, sources, folder))
        sizes.append(tools.sizes(tools.link(core, objects, script, folder / f"{name}.elf")))
    before, after = sizes
    return SolverSize(after.flash - before.flash, after.ram - before.ram)


def build_trace(tools: Toolchain, core: Core, sources: Sources, chain: Chain, folder: Path) -> Path:
    """Build a program that solves one target of a file; arguments as in `measure_size`."""
    write_text(folder / "bench_solver.h", solver_header(sources, chain, 0))
    own = ("startup.c", "semihost.c", "trace.c")
    objects = _own_objects(tools, core, own, folder, [sources.folder])
    objects.append(_solver_object(tools, core, sources, folder))
    return tools.link(core, objects, linker_script(core, folder), folder / "trace.elf")


def build_path(tools: Toolchain, core: Core, sources: Sources, chain: Chain, folder: Path) -> Path:
    """Build a program that follows the path of a file; arguments as in `measure_size`."""
    write_text(folder / "bench_solver.h", solver_header(sources, chain, 0))
    own = ("startup.c", "semihost.c", "counter.c", "path.c")
    objects = _own_objects(tools, core, own, folder, [sources.folder])
    objects.append(_solver_object(tools, core, sources, folder))
    return tools.link(core, objects, linker_script(core, folder), folder / "path.elf")


def linker_script(core: Core, folder: Path) -> Path:
    """Write the linker script of a core's memory and return its path."""
    text = (FIRMWARE / "image.ld.in").read_text(encoding="utf-8")
    values = {
        "FLASH_ORIGIN": f"{core.flash.origin:#010x}",
        "FLASH_LENGTH": f"{core.flash.length:#x}",
        "RAM_ORIGIN": f"{core.ram.origin:#010x}",
        "RAM_LENGTH": f"{core.ram.length:#x}",
        "STACK_LENGTH": f"{STACK_BYTES:#x}",
    }
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    path = folder / "image.ld"
    write_text(path, text)
    return path


def solver_header(sources: Sources, chain: Chain, cold_steps: int) -> str:
    """The text of `bench_solver.h`: the solver's names under the benchmark's."""
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
        **(closed_form_constants(chain) or {}),
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
    public = ("solve", "seed", "forward", "target", "solve_branch", "solve_near", "seed_branch",
              "within_limits", "all_joints", "track", "track_start")  # fmt: skip
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


def _own_objects(
    tools: Toolchain, core: Core, names: Sequence[str], folder: Path, include: Sequence[Path]
) -> list[Path]:
    """The benchmark's own files, compiled."""
    ratio = core.instructions_per_tick
    timer = (f"-DREADINGS={ratio.numerator}", f"-DSCALE={ratio.denominator}")
    return [
        tools.compile(
            core,
            FIRMWARE / name,
            (folder / name).with_suffix(".o"),
            include=[FIRMWARE, folder, *include],
            options=[*timer, *OWN_OPTIONS.get(name, ())],
        )
        for name in names
    ]
