"""What people read: tables in millimetres and degrees."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table

from edge_ik.figures import STUDY, STUDY_ROBOT
from firmware_host.inspect_model import branch_table
from firmware_host.solving.refine import NEAREST_STEPS
from firmware_host.tolerances import tolerance_words

# A share of targets that is not solved and small enough to pass over.
UNSOLVED_WORTH_A_WORD = 1e-3
# What figures by steps are of: those of everything the arm reaches, and those of one branch.
AS_ANSWERED = (
    f"After n steps: what a solver of n steps answers, which takes {NEAREST_STEPS} more where it "
    "does not reach a target."
)
STEPS_ALONE = "After n steps: n steps from one seed, and none more."
# Characters of the longest cell that is a figure and no text, and of one to keep in one line.
LONGEST_FIGURE, UNBROKEN = 16, 8

FIGURES = (
    ("rmse_m", "position RMSE, mm", "mm"),
    ("mean_m", "position mean, mm", "mm"),
    ("p95_m", "position p95, mm", "mm"),
    ("max_m", "position max, mm", "mm"),
    ("focus_rmse_m", "focus path RMSE, mm", "mm"),
    ("joint_error_mean_deg", "joint mean, deg", "deg"),
    ("joint_error_mean_m", "sliding joint mean, mm", "mm"),
    ("solved_1mm", "under 1 mm, %", "%"),
    ("rotation_mean_deg", "rotation mean, deg", "deg"),
    ("solved_1mm_1deg", "under 1 mm, 1 deg, %", "%"),
    ("solved_1mm_01deg", "under 1 mm, 0.1 deg, %", "%"),
    ("limit_violations", "limit violations", ""),
)


def evaluation_tables(metrics: Mapping[str, Any], title: str) -> list[Table]:
    """The figures of `edge_ik.evaluation` as tables.

    Everything the arm reaches comes first; then, of a network for one branch, its own
    targets, on the default arm beside the published study's figures; then the branches.
    """
    # More steps than a solve takes would make the table too wide for a terminal.
    taken = {
        steps: found
        for steps, found in metrics["any_branch"].items()
        if int(steps) <= metrics["steps"]
    }
    tables = [figures_table(_by_steps(taken), title, AS_ANSWERED)]
    one = metrics.get("one_branch")
    if one is not None:
        study = {"published study": STUDY} if metrics["robot"] == STUDY_ROBOT else {}
        columns = study | _by_steps({"0": one["network"], **one["refined"]})
        tables.append(
            figures_table(
                columns,
                f"The home posture's branch alone, {one['targets']:,} targets",
                STEPS_ALONE,
            )
        )
    if len(metrics["branches"]) > 1:
        tables.append(rows_table(*branch_table(metrics["branches"])))
        tables[-1].columns[1].justify = "left"
    return tables


def _by_steps(figures: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {
        "network" if steps == "0" else f"+{steps} DLS": found for steps, found in figures.items()
    }


def solved_line(metrics: Mapping[str, Any]) -> str:
    """The first figure of all: the share of everything the arm reaches that is solved."""
    steps, heads = metrics["steps"], len(metrics["branches"])
    seeds = (
        f"at most {heads} seeds ({metrics['tried']:.2f} in the mean)" if heads > 1 else "one seed"
    )
    return (
        f"Solved: {figure_cell(metrics['solved'], '%')}% of everything the arm reaches, to "
        f"{tolerance_words(metrics['tolerance'])}, limits held, after {steps} DLS steps from "
        f"{seeds}."
    )


def rest_line(metrics: Mapping[str, Any]) -> str | None:
    """Where the rest lies and what to do about it; None if there is next to none."""
    if metrics["solved"] >= 1 - UNSOLVED_WORTH_A_WORD:
        return None
    if "one_branch" in metrics:
        advice = "Train all branches: edge-ik train --branches all"
    else:
        advice = "Train longer or wider: edge-ik train --goal 0.999 --minutes 10, or --epochs"
    where = rest_words(metrics["rest"])
    lies = f"; of these {where}" if where else ""
    return (
        f"Not solved: {100 * (1 - metrics['solved']):.2g}% of what the arm reaches{lies}. {advice}"
    )


def rest_words(rest: Mapping[str, float]) -> str:
    """Where the targets lie that are not solved, as `edge_ik.figures.describe_rest` says."""
    words = {
        "near_limits": "near joint limits",
        "near_singularities": "near singularities",
        "edge_of_workspace": "at the edge of the workspace",
        "elsewhere": "elsewhere",
    }
    return ", ".join(f"{100 * share:.0f}% {words[name]}" for name, share in rest.items() if share)


def figures_table(
    columns: Mapping[str, Mapping[str, Any]], title: str, caption: str | None = None
) -> Table:
    """One column a set of error figures, one row a figure; a dash where it is missing.

    A figure that none of them has is left out. A caption stands below.
    """
    rows = [
        (label, *(figure_cell(figures.get(name), unit) for figures in columns.values()))
        for name, label, unit in FIGURES
        if any(figures.get(name) is not None for figures in columns.values())
    ]
    table = rows_table(title, ["", *columns], rows)
    table.caption, table.caption_justify = caption, "left"
    return table


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


def counted(count: int, noun: str) -> str:
    """A number of things: "1 block", "2 blocks"."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def duration(seconds: float) -> str:
    """A duration as people say it."""
    if seconds < 90:
        return f"{max(seconds, 0.0):.0f} s"
    return f"{seconds / 60:.1f} min"


def millimetres(metres: float) -> str:
    """A length in millimetres with three significant digits, down to a nanometre."""
    value = 1e3 * metres
    if value < 1e-6:
        return "0"
    # In three digits that would be 1e+03.
    if value >= 999.5:
        return f"{value:.0f}"
    return f"{value:.3g}" if value >= 1e-4 else f"{value:.6f}"


def rows_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A plain table; the first column to the left, the others to the right.

    Where it is too wide for the terminal, heads and cells go on in another line; no figure does.
    """
    table = Table(title=title, title_justify="left")
    cells = [[row[index] for row in rows] for index in range(len(columns))]
    natural = [max(map(len, [head, *own])) for head, own in zip(columns, cells, strict=True)]
    borders = 1 + 3 * len(columns)
    room = shutil.get_terminal_size().columns - borders
    least = [min(natural[0], UNBROKEN)]
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right", overflow="fold")
        if index:
            width = _figures_width(column, cells[index])
            least.append(width or min(_longest_word(cells[index]), LONGEST_FIGURE))
            table.columns[index].max_width = width if sum(natural) > room else None
        table.columns[index].min_width = least[index] if sum(natural) > room else None
    others = sum(
        column.max_width or width
        for column, width in zip(table.columns[1:], natural[1:], strict=True)
    )
    # Labels stay whole where figures leave room for them.
    table.columns[0].no_wrap = natural[0] + others <= room
    if sum(least) > room:
        # A terminal breaks its lines, and shows the figures; Rich would leave them out.
        table.width = sum(least) + borders
    for row in rows:
        table.add_row(*row)
    return table


def _figures_width(head: str, cells: Sequence[str]) -> int | None:
    """The least width of a column that breaks no word; None for a column of text."""
    width = max(map(len, cells), default=0)
    if width > LONGEST_FIGURE:
        return None
    if width > UNBROKEN:
        width = _longest_word(cells)
    return max(width, _longest_word([head]))


def _longest_word(texts: Iterable[str]) -> int:
    return max((len(word) for text in texts for word in text.split()), default=0)
