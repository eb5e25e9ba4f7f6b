"""A comparison for people: a table, and the sentences that belong to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from firmware_host.tables import TextRow, TextTable, percent


def comparison_table(values: Mapping[str, Any]) -> TextTable:
    """What `Comparison.to_dict` returns as text."""
    rows: list[TextRow] = [
        (
            str(name),
            percent(figures["solved"]),
            percent(figures["within_limits"]),
            f"{1e6 * figures['error_m']:.3g}",
            f"{figures['time']['p50']:.1f}",
            f"{figures['time']['p99']:.1f}",
            f"{figures['rate']:,.0f}" + ("" if figures["batched"] else " *"),
        )
        for name, figures in values["solvers"].items()
    ]
    return TextTable(
        f"The same {values['targets']:,} targets: what uniformly drawn joints reach",
        ("", "solved %", "limits held %", "median error um", "p50 us", "p99 us", "targets/s"),
        rows,
    )


def comparison_notes(values: Mapping[str, Any]) -> list[str]:
    """Sentences that belong to the table."""
    solvers = values["solvers"]
    notes = [f"Times are medians of {values['rounds']} rounds, in each of which the order is new."]
    fewer = [name for name, figures in solvers.items() if figures["rounds"] < values["rounds"]]
    if fewer:
        notes.append(f"In the first round alone, for they take long: {', '.join(fewer)}.")
    if values["load"] is not None:
        before, after = values["load"]
        cores = f" on {values['cores']} cores" if values["cores"] else ""
        notes.append(f"Load average{cores}: {before:.1f} before, {after:.1f} after.")
    notes.append("* one after the other: no call for batches.")
    notes += [f"{name}: {figures['note']}." for name, figures in solvers.items() if figures["note"]]
    notes += _closed_form_notes(solvers)
    notes += [f"Left out: {name}, {reason}." for name, reason in values["missing"].items()]
    return notes


def _closed_form_notes(solvers: Mapping[str, Any]) -> list[str]:
    """Where a closed form exists, whether it is faster than the fastest of ours."""
    closed, ours = (
        {name: one["time"]["p50"] for name, one in solvers.items() if one[kind]}
        for kind in ("closed_form", "own")
    )
    if not closed or not ours:
        return []
    best, own = min(closed, key=closed.__getitem__), min(ours, key=ours.__getitem__)
    faster = "it is faster" if closed[best] < ours[own] else "it is not faster"
    sentence = (
        f"This robot has a closed form, and {faster}: {best} takes {closed[best]:.1f} "
        f"microseconds at the median, {own} {ours[own]:.1f}."
    )
    return [sentence]
