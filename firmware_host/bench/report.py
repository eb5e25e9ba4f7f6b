"""The benchmark as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from firmware_host.tables import TextRow, TextTable, megabytes, microseconds, percent
from firmware_host.tolerances import tolerance_words


def bench_tables(values: Mapping[str, Any]) -> list[TextTable]:
    """What `Benchmark.to_dict` returns as text.

    Args:
        values: The result of `Benchmark.to_dict`.

    Returns:
        Single targets, batches, and the machine.
    """
    cold, steps = values["cold_dls"], values["steps"]
    runtimes: Mapping[str, Mapping[str, Any]] = values["runtimes"]
    parts = {
        "network": "network",
        "refinement": f"{steps} DLS steps",
        "native": "whole solve in C",
        "total": "whole solve",
    }
    in_c = {"network": "network in C"}
    single: list[TextRow] = [
        (
            f"{name}: {label if figures['single_us']['native'] is None else in_c.get(part, label)}",
            *microseconds(figures["single_us"][part]),
            percent(figures["solved"]) if part == "total" else "",
        )
        for name, figures in runtimes.items()
        for part, label in parts.items()
        if figures["single_us"][part] is not None
    ]
    label = f"no network: {cold['steps_mean']:.1f} DLS steps, {cold['steps_max']} at most"
    single.append((label, *microseconds(cold["us"]), percent(cold["solved"])))
    sizes = list(next(iter(runtimes.values()))["batch"])
    batch: list[TextRow] = [
        (
            name,
            *(f"{figures['batch'][size]:,.0f}" for size in sizes),
            megabytes(figures["rss_bytes"]),
            megabytes(figures["peak_rss_bytes"]),
        )
        for name, figures in runtimes.items()
    ]
    return [
        TextTable(
            f"One target at a time, microseconds ({values['targets']:,} targets, solved to "
            f"{tolerance_words(values['tolerance'])})",
            ("", "p50", "p99", "max", "solved %"),
            single,
        ),
        TextTable(
            f"In batches, targets a second ({steps} DLS steps)",
            ("", *(f"{int(size):,}" for size in sizes), "MB", "peak"),
            batch,
        ),
        TextTable("Machine", ("", ""), _place(values["machine"], runtimes)),
    ]


def _place(machine: Mapping[str, Any], runtimes: Mapping[str, Any]) -> list[TextRow]:
    """Where it was measured."""
    load = "unknown" if machine["load"] is None else f"{machine['load']:.1f}"
    return [
        ("platform", machine["platform"]),
        ("processor", f"{machine['processor']}, {machine['cores']} cores, one of them used"),
        ("load", load),
        ("software", f"Python {machine['python']}, NumPy {machine['numpy']}"),
        ("runtimes", ", ".join(figures["version"] for figures in runtimes.values())),
    ]
