"""The command that measures how fast a model solves: here, emulated, or on a board."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from edge_ik.cli.common import (
    Number,
    console,
    exported_model,
    json_option,
    print_json,
    print_tables,
    steps_option,
    tolerance_options,
)
from firmware_host.errors import EdgeIkError
from firmware_host.progress import Tell
from firmware_host.tolerances import DEFAULT_TOLERANCE, SOLVED_POSITION, Tolerance


class DifferentAnswersError(EdgeIkError):
    """Firmware answers something else than the solver of its model."""


def _one_core(_: click.Context, __: click.Parameter, cores: tuple[str, ...]) -> str | None:
    """The core of --target, if it was given; a usage error if there are several."""
    if len(cores) > 1:
        raise click.UsageError(
            f"One core is counted at a time. Expected one --target. Received: {', '.join(cores)}"
        )
    return cores[0] if cores else None


@click.command()
@click.argument("model", metavar="MODEL|RUN", type=click.Path(path_type=Path))
@click.option(
    "--runtime",
    "runtimes",
    multiple=True,
    help="litert, tflite-runtime, tflite-micro, reference or firmware; can be given several "
    "times.  [default: all that can be used]",
)
@click.option(
    "--target",
    "core",
    multiple=True,
    callback=_one_core,
    metavar="CORE",
    help="Count instructions on an emulated core instead: cortex-m0, m0plus, m3, m4, m7, m33 or "
    "m55, rv32imc, or a chip's or board's: rp2040, pico, rp2350, pico2, nrf52840, stm32f103, "
    "bluepill, imxrt1062, esp32c3, esp32c6 or esp8266; on an AVR cycles: uno or mega2560.",
)
@click.option(
    "--clock",
    "clock_mhz",
    type=Number(0, min_open=True),
    metavar="MHZ",
    help="With --target, the clock that the time of a solve is told for.",
)
@click.option(
    "--serial",
    "port",
    metavar="PORT",
    help="Talk to the benchmark firmware of a board instead, such as /dev/ttyACM0.",
)
@click.option(
    "--baud", type=click.IntRange(1), help="With --serial, bits a second.  [default: 115200]"
)
@click.option(
    "--targets",
    type=click.IntRange(1),
    help="Targets to solve one at a time.  [default: 2000, beside peers 1000; emulated 10000, an "
    "AVR 2000; on a board 1000]",
)
@steps_option
@tolerance_options
@click.option(
    "--peers",
    "with_peers",
    is_flag=True,
    help="Compare every runtime with the other solvers that are installed, on the same targets.",
)
@json_option
def bench(
    model: Path,
    runtimes: tuple[str, ...],
    core: str | None,
    clock_mhz: float | None,
    port: str | None,
    baud: int | None,
    targets: int | None,
    steps: int | None,
    tolerance: Tolerance | None,
    with_peers: bool,
    as_json: bool,
) -> None:
    """Measure how fast an exported model solves: on this machine, emulated, or on a board.

    Of a run or a folder, the model in it is taken.
    """
    if sum((bool(runtimes), core is not None, port is not None)) > 1:
        raise click.UsageError("Give one of --runtime, --target and --serial.")
    if clock_mhz is not None and core is None:
        raise click.UsageError("--clock can be given with --target alone.")
    if baud is not None and port is None:
        raise click.UsageError("--baud can be given with --serial alone.")
    if with_peers and (core is not None or port is not None):
        raise click.UsageError("--peers are measured on this machine alone.")
    model = exported_model(model)
    if port is not None:
        if steps is not None:
            raise click.UsageError("--steps are compiled into a board's firmware.")
        if tolerance is not None and tolerance.position != SOLVED_POSITION:
            raise click.UsageError(
                "--tolerance is compiled into a board's firmware and said by it."
            )
        _board(model, port, baud, targets, tolerance, as_json)
        return
    if core is not None:
        _emulated(model, core, clock_mhz, targets, steps, tolerance, as_json)
        return
    _here(model, runtimes, targets, steps, tolerance, with_peers, as_json)


def _here(
    model: Path,
    runtimes: tuple[str, ...],
    targets: int | None,
    steps: int | None,
    tolerance: Tolerance | None,
    with_peers: bool,
    as_json: bool,
) -> None:
    from edge_ik.terminal.bars import telling
    from firmware_host.bench.measure import DEFAULT_TARGETS
    from firmware_host.bench.measure import bench as bench_model
    from firmware_host.bench.report import bench_tables

    screen = console(stderr=as_json)
    count = targets or DEFAULT_TARGETS
    # No thread draws while single calls are timed.
    with telling(screen, ticking=False) as tell:
        found = bench_model(model, runtimes, count, steps, tolerance, tell=tell).to_dict()
    if with_peers:
        from edge_ik_tools.peers.compare import COMPARED_TARGETS, compare
        from firmware_host.solver import IkSolver

        solvers = [
            IkSolver.load(model, name, steps, tolerance=tolerance) for name in found["runtimes"]
        ]
        with telling(screen, ticking=False) as tell:
            compared = compare(solvers, targets or COMPARED_TARGETS, tell=tell)
        found["peers"] = compared.to_dict()
    if as_json:
        print_json(found)
        return
    print_tables(screen, bench_tables(found))
    if with_peers:
        from edge_ik_tools.peers.tables import comparison_notes, comparison_table

        print_tables(screen, [comparison_table(found["peers"])])
        for line in comparison_notes(found["peers"]):
            screen.print(line)
    for name, reason in found["refused"].items():
        screen.print(f"{name} cannot run this model: {reason}")


def _emulated(
    model: Path,
    core: str,
    clock_mhz: float | None,
    targets: int | None,
    steps: int | None,
    tolerance: Tolerance | None,
    as_json: bool,
) -> None:
    from edge_ik.terminal.bars import telling
    from edge_ik_tools.emulate.tables import emulation_tables

    screen = console(stderr=as_json)
    clock_hz = None if clock_mhz is None else 1e6 * clock_mhz
    with telling(screen) as tell:
        found = count_on_core(model, core, targets, steps, clock_hz, tolerance, tell)
    _show(found, emulation_tables(found), as_json)
    if found["network_differences"] or found["limit_violations"]:
        raise DifferentAnswersError(
            f"The firmware differs from its model: {found['network_differences']} network "
            f"outputs, and {found['limit_violations']} answers outside the joint limits."
        )


def count_on_core(
    model: Path,
    core: str,
    targets: int | None,
    steps: int | None,
    clock_hz: float | None,
    tolerance: Tolerance | None,
    tell: Tell,
) -> dict[str, Any]:
    """What a model's firmware takes on an emulated core; see `EmulatedBenchmark.to_dict`."""
    from edge_ik_tools.c99.folder import write_sources
    from edge_ik_tools.c99.source import Firmware
    from edge_ik_tools.emulate.bench import emulated_bench
    from firmware_host.files import working_folder

    firmware = Firmware.load(model, steps=steps, tolerance=tolerance)
    with working_folder() as folder:
        write_sources(firmware, folder)
        return emulated_bench(
            folder,
            firmware.name,
            model,
            core,
            targets,
            clock_hz=clock_hz,
            tolerance=tolerance,
            tell=tell,
        ).to_dict()


def _board(
    model: Path,
    port: str,
    baud: int | None,
    targets: int | None,
    tolerance: Tolerance | None,
    as_json: bool,
) -> None:
    from edge_ik.terminal.bars import telling
    from edge_ik_tools.board.client import BAUD_RATE
    from edge_ik_tools.board.figures import board_tables
    from edge_ik_tools.board.serial_bench import DEFAULT_TARGETS, serial_bench

    screen = console(stderr=as_json)
    with telling(screen) as tell:
        found = serial_bench(
            model,
            port,
            targets or DEFAULT_TARGETS,
            baud_rate=baud or BAUD_RATE,
            rotation_tolerance=(tolerance or DEFAULT_TOLERANCE).rotation,
            tell=tell,
        ).to_dict()
    _show(found, board_tables(found), as_json)
    if not found["agrees"]:
        raise DifferentAnswersError(
            "The board's answers are not those of the model's solver; see the comparison above."
        )


def _show(found: dict[str, Any], tables: list[Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        print_tables(console(), tables)
