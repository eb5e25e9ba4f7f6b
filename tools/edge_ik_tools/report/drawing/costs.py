"""Charts of what other commands measured: cores, peers, ablations, searches."""

from __future__ import annotations

import numpy as np

from edge_ik_tools.report.drawing import words
from edge_ik_tools.report.drawing.palette import group
from edge_ik_tools.report.drawing.pictures import Axis, Bars, Mark, Panel, Picture, Points, Rule
from edge_ik_tools.report.measuring.elsewhere import PARTS, AblationRow, CoreCost, FrontRow, Peers


def ablation_picture(rows: tuple[AblationRow, ...]) -> Picture:
    """What each part of the training is worth."""
    names = tuple(row.name for row in rows)[::-1]
    panels = []
    for key, text, color in (
        ("rmse_m", "network alone, RMSE [mm]", "group0"),
        ("max_m", "network alone, worst [mm]", "group1"),
    ):
        values = [1e3 * row.figures.get(key, float("nan")) for row in rows[::-1]]
        panels.append(
            Panel(
                Axis(text),
                Axis("", categories=names),
                (Bars(names, values, color, level=True),),
                title=text,
            )
        )
    return Picture(
        "ablation",
        "Without one part at a time",
        "The first bar from the top is the whole training; where a bar is longer, the part that is missing is worth it.",
        tuple(panels),
    )


def front_picture(rows: tuple[FrontRow, ...], goal: float | None) -> Picture:
    """The networks of a search that no other beats."""
    unsolved = np.maximum([100 * row.unsolved for row in rows], 1e-4)
    marks: list[Mark] = []
    for meets, name, color in ((True, "meets the goal", "good"), (False, "misses it", "bad")):
        own = [k for k, row in enumerate(rows) if row.meets is meets]
        if own:
            marks.append(
                Points(
                    [rows[k].instructions for k in own],
                    unsolved[own],
                    color=color,
                    size=8.0,
                    name=name,
                    texts=tuple(
                        f"trial {rows[k].trial}: {rows[k].width} x {rows[k].blocks}, "
                        f"{words.size(rows[k].flash_bytes)}"
                        for k in own
                    ),
                )
            )
    if goal is not None and goal < 1:
        marks.append(Rule(100 * (1 - goal), "goal", axis="y", color="good"))
    return Picture(
        "front",
        "The search's front",
        "Each dot is a network that no other beats in instructions, flash and share solved: down is better, left is cheaper.",
        (
            Panel(
                Axis("instructions of a solve, the median", log=True),
                Axis("not solved [%]", log=True),
                tuple(marks),
            ),
        ),
    )


PART_WORDS = {
    "encode": "target to input",
    "network": "network",
    "decode": "output to joints",
    "refine": "steps",
}


def cost_picture(cores: list[CoreCost]) -> Picture:
    """What a solve costs on each core."""
    names = tuple(core.core for core in cores)
    panels = []
    for unit in dict.fromkeys(core.unit for core in cores):
        own = [core for core in cores if core.unit == unit]
        labels = tuple(core.core for core in own)[::-1]
        panels.append(
            Panel(
                Axis(f"{unit} of a solve, the median"),
                Axis("", categories=labels),
                tuple(
                    Bars(
                        labels,
                        [core.parts[part] for core in own[::-1]],
                        group(k),
                        PART_WORDS[part],
                        level=True,
                    )
                    for k, part in enumerate(PARTS)
                ),
                title=unit.capitalize(),
                stacked=True,
                tall=0.55 + 0.11 * len(own),
            )
        )
    level = names[::-1]
    panels.append(
        Panel(
            Axis("bytes"),
            Axis("", categories=level),
            (
                Bars(
                    level, [core.flash_bytes for core in cores[::-1]], "group0", "flash", level=True
                ),
                Bars(
                    level, [core.stack_bytes for core in cores[::-1]], "group1", "stack", level=True
                ),
            ),
            title="Memory",
            tall=0.55 + 0.11 * len(cores),
        )
    )
    return Picture(
        "cost",
        "What a solve costs",
        "Counted on emulated cores: each bar is the usual solve, made of its parts, which need not add up where "
        "the compiler merges them; flash is code and constants, stack the most that was written.",
        tuple(panels),
    )


def peers_picture(found: Peers) -> Picture:
    """Other solvers on the same targets."""
    names = tuple(words.label(row.name) for row in found.rows)[::-1]
    rows = found.rows[::-1]
    colors = tuple("accent" if row is found.rows[0] else "faint" for row in rows)
    return Picture(
        "peers",
        "Beside other solvers",
        f"The same {found.targets:,} targets in one process on one machine; the coloured bar is this model.",
        (
            Panel(
                Axis("median time of a call [µs]", log=True),
                Axis("", categories=names),
                (
                    Bars(
                        names,
                        [row.median_us for row in rows],
                        colors,
                        level=True,
                        texts=tuple(f"{row.median_us:.0f}" for row in rows),
                    ),
                ),
                title="Time",
            ),
            Panel(
                Axis("solved [%]"),
                Axis("", categories=names),
                (
                    Bars(
                        names,
                        [100 * row.solved for row in rows],
                        colors,
                        level=True,
                        texts=tuple(words.share(row.solved) for row in rows),
                    ),
                ),
                title="Solved",
            ),
        ),
    )
