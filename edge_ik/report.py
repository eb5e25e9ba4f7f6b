"""What people read: tables in millimetres and degrees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

FIGURES = (
    ("rmse_m", "position RMSE, mm", "mm"),
    ("mean_m", "position mean, mm", "mm"),
    ("p95_m", "position p95, mm", "mm"),
    ("max_m", "position max, mm", "mm"),
    ("focus_rmse_m", "focus path RMSE, mm", "mm"),
    ("joint_error_mean_deg", "joint mean, deg", "deg"),
    ("solved_1mm", "under 1 mm, %", "%"),
    ("rotation_mean_deg", "rotation mean, deg", "deg"),
    ("solved_1mm_1deg", "under 1 mm, 1 deg, %", "%"),
    ("solved_1mm_01deg", "under 1 mm, 0.1 deg, %", "%"),
    ("limit_violations", "limit violations", ""),
)


def evaluation_table(metrics: Mapping[str, Any], title: str) -> Table:
    """The figures of `Evaluation.to_dict` as a table, beside the reference's."""
    columns = {"reference": metrics["reference"]} if "reference" in metrics else {}
    columns["network"] = metrics["network"]
    for steps, figures in metrics["refined"].items():
        columns[f"+{steps} DLS"] = figures
    return figures_table(columns, title)


def any_branch_table(metrics: Mapping[str, Any]) -> Table | None:
    """The figures of branch "any" by number of steps, or None for one branch."""
    if "any_branch" not in metrics:
        return None
    columns = {f"+{steps} DLS": figures for steps, figures in metrics["any_branch"].items()}
    return figures_table(columns, "Any branch, configurations from all of joint space")


def figures_table(columns: Mapping[str, Mapping[str, Any]], title: str) -> Table:
    """One column a set of error figures, one row a figure; a dash where it is missing.

    A figure that none of them has is left out.
    """
    rows = [
        (label, *(figure_cell(figures.get(name), unit) for figures in columns.values()))
        for name, label, unit in FIGURES
        if any(figures.get(name) is not None for figures in columns.values())
    ]
    return rows_table(title, ["", *columns], rows)


def figure_cell(value: float | None, unit: str) -> str:
    """One figure in the unit that people read."""
    if value is None:
        return "-"
    if unit == "mm":
        return millimetres(value)
    if unit == "%":
        # Rounding must not make a share of less than one look like all.
        return "100" if value == 1 else f"{min(100 * value, 99.999):.3f}"
    if unit == "deg":
        return f"{value:.3g}" if value >= 1e-4 else "0"
    return str(value)


def millimetres(metres: float) -> str:
    """A length in millimetres with three significant digits, down to a nanometre."""
    value = 1e3 * metres
    if value < 1e-6:
        return "0"
    if value >= 1000:
        return f"{value:.0f}"
    return f"{value:.3g}" if value >= 1e-4 else f"{value:.6f}"


def rows_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A plain table; the first column to the left, the others to the right."""
    table = Table(title=title, title_justify="left")
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right")
    for row in rows:
        table.add_row(*row)
    return table
