"""The report on an emulated core as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from firmware_host.tables import TextRow, TextTable, percent


def emulation_tables(values: Mapping[str, Any]) -> list[TextTable]:
    """What `EmulatedBenchmark.to_dict` returns as text.

    Args:
        values: The result of `EmulatedBenchmark.to_dict`.

    Returns:
        What was counted, memory and time, and the comparison with the host.
    """
    parts = values[values["unit"]]
    baselines = values["baselines"]
    cold, closed = baselines["cold_dls"], baselines["closed_form"]
    labels = {
        "encode": "target to input",
        "network": "network",
        "decode": "output to joints",
        "refine": f"{values['steps']} DLS steps" + _tries(values),
        "total": "whole solve",
    }
    rows: list[TextRow] = [
        (label, *_counts(parts[part]), percent(values["solved"]) if part == "total" else "")
        for part, label in labels.items()
    ]
    label = f"no network: {cold['steps_mean']:.1f} DLS steps, {cold['steps_max']} at most"
    rows.append((label, *_counts(cold), percent(cold["solved"])))
    if closed is not None:
        rows.append(("closed form of this arm", *_counts(closed), percent(closed["solved"])))
    rows += _path_rows(values["path"])
    compared: list[TextRow] = [
        ("largest error", f"{1e3 * values['max_error_m']:.4f} mm"),
        ("outside the limits", f"{values['limit_violations']:,}"),
        ("joints, firmware to NumPy", f"{values['max_joint_difference_rad']:.2g} rad at most"),
        ("solved in another branch", f"{values['other_answers']:,}"),
        ("answers judged otherwise", f"{values['status_differences']:,}"),
        (
            "network outputs that differ",
            f"{values['network_differences']:,} on {values['network_inputs']:,} inputs",
        ),
        ("machine", f"{values['machine']['machine']}, {values['machine']['emulator']}"),
        ("compiler", f"{values['machine']['compiler']}, {values['machine']['options']}"),
    ]
    return [
        TextTable(
            f"{values['unit'].capitalize()} on an emulated {values['target']} "
            f"({values['targets']:,} targets)",
            ("", "min", "median", "mean", "max", "solved %"),
            rows,
        ),
        TextTable("Memory and time", ("", ""), _place(values)),
        TextTable("Compared with the host", ("", ""), compared),
    ]


def _place(values: Mapping[str, Any]) -> list[TextRow]:
    """Memory and time."""
    room, timing = values["room"], values["timing"]
    static, stack = values["ram_bytes"], values["stack_bytes"]
    tracking = values["path"]["stack_bytes"]
    rows: list[TextRow] = [
        ("flash", f"{values['flash_bytes']:,} bytes"),
        ("static RAM", f"{static:,} bytes"),
        ("stack of a solve", f"{stack:,} bytes, without interrupts"),
        ("stack of tracking", f"{tracking:,} bytes, without interrupts"),
    ]
    if room is not None:
        ram = static + max(stack, tracking)
        fits = values["flash_bytes"] <= room["flash_bytes"] and ram <= room["ram_bytes"]
        has = f"{room['flash_bytes']:,} bytes of flash, {room['ram_bytes']:,} of RAM"
        rows.append(("the part has", has if fits else f"{has}: the solver does not fit"))
    if timing is None:
        rows.append(("time", "not told: cycles of its instructions are not published"))
        return rows
    about = "" if timing["cycles_per_instruction"] is None else "about "
    rows += [
        (
            f"time at {timing['clock_hz'] / 1e6:g} MHz",
            f"{about}{timing['median_us']:.1f}, at most {timing['max_us']:.1f} microseconds",
        ),
        ("", timing["assumptions"]),
    ]
    return rows


def _path_rows(path: Mapping[str, Any]) -> list[TextRow]:
    """What a path takes by tracking, and by the nearest answer each time."""
    labels = {
        "track": f"tracking a path, network asked {path['asked']:,} times",
        "solve_near": "the same path, network each time",
    }
    return [
        (label, *_counts(path[part]), percent(path[part]["solved"]))
        for part, label in labels.items()
    ]


def _tries(values: Mapping[str, Any]) -> str:
    """How often they are taken for a target, where that is not once."""
    if values["tried_max"] <= 1:
        return ""
    return f" from each of {values['tried_mean']:.2f} seeds, {values['tried_max']} at most"


def _counts(spread: Mapping[str, float]) -> list[str]:
    return [f"{spread[name]:,.0f}" for name in ("min", "median", "mean", "max")]
