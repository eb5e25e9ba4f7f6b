"""Charts of what other commands measured: cores, peers, ablations, searches."""

from __future__ import annotations

from collections.abc import Sequence

from edge_ik_tools.report.drawing import words
from edge_ik_tools.report.drawing.palette import group
from edge_ik_tools.report.drawing.pictures import Axis, Bars, Mark, Panel, Picture, Points, Rule
from edge_ik_tools.report.drawing.scales import logarithmic
from edge_ik_tools.report.measuring.elsewhere import PARTS, AblationRow, CoreCost, FrontRow, Peers

PART_WORDS = {
    "encode": "target to input",
    "network": "network",
    "decode": "output to joints",
    "refine": "steps",
}
# The share not solved that none is drawn at [%].
NONE_UNSOLVED = 1e-3


def ablation_picture(rows: Sequence[AblationRow]) -> Picture:
    """What each part of the training is worth."""
    names = tuple(words.label(row.name) for row in rows)[::-1]
    kinds = (
        ("answer_rmse_m", "Answers, RMSE"),
        ("rmse_m", "Network alone, RMSE"),
        ("max_m", "Network alone, worst"),
    )
    panels = []
    for place, (key, title) in enumerate(kinds):
        values = [1e3 * row.figures.get(key, float("nan")) for row in rows[::-1]]
        bars = Bars(names, values, group(place), level=True)
        axis = logarithmic("distance from the target", [values], True)
        panels.append(Panel(axis, Axis(""), (bars,), title=title))
    return Picture(
        "ablation",
        "Without one part at a time",
        "The first bar from the top is the whole training; where another is longer, the part that "
        "is missing there is worth it.",
        tuple(panels),
    )


def front_picture(rows: Sequence[FrontRow], goal: float | None) -> Picture:
    """The networks of a search that no other beats."""
    marks: list[Mark] = []
    for meets, name, color in ((True, "meets the goal", "good"), (False, "misses it", "bad")):
        own = [row for row in rows if row.meets is meets]
        if own:
            marks.append(
                Points(
                    [row.instructions for row in own],
                    [max(100 * row.unsolved, NONE_UNSOLVED) for row in own],
                    color=color,
                    size=10.0,
                    name=name,
                    texts=tuple(
                        f"trial {row.trial}: {row.width} x {row.blocks}, "
                        f"{words.size(row.flash_bytes)} of flash"
                        for row in own
                    ),
                )
            )
    unsolved = [max(100 * row.unsolved, NONE_UNSOLVED) for row in rows]
    if goal is not None and goal < 1:
        marks.append(Rule(100 * (1 - goal), "goal", axis="y", color="good"))
        unsolved.append(100 * (1 - goal))
    x = logarithmic("instructions of a solve, the median", [[row.instructions for row in rows]])
    return Picture(
        "front",
        "The search's front",
        "Each dot is a network that no other beats in instructions, flash and share solved: "
        "further left is cheaper, further down solves more.",
        (Panel(x, logarithmic("targets not solved [%]", [unsolved]), tuple(marks)),),
    )


def cost_picture(cores: Sequence[CoreCost]) -> Picture:
    """What a solve costs on each core."""
    panels = []
    for unit in dict.fromkeys(core.unit for core in cores):
        own = [core for core in cores if core.unit == unit][::-1]
        labels = tuple(words.label(core.name) for core in own)
        bars = tuple(
            Bars(labels, [core.parts[part] for core in own], group(k), PART_WORDS[part], True)
            for k, part in enumerate(PARTS)
        )
        panels.append(
            Panel(
                Axis(f"{unit} of a solve, the median"),
                Axis(""),
                bars,
                title=unit.capitalize(),
                stacked=True,
                tall=0.6 + 0.1 * len(own),
            )
        )
    every = cores[::-1]
    names = tuple(words.label(core.name) for core in every)
    panels.append(
        Panel(
            Axis("bytes"),
            Axis(""),
            (
                Bars(names, [core.stack_bytes for core in every], "group1", "stack", True),
                Bars(names, [core.flash_bytes for core in every], "group0", "flash", True),
            ),
            title="Memory",
            tall=0.6 + 0.1 * len(every),
        )
    )
    return Picture(
        "cost",
        "What a solve costs",
        "Each bar is the usual solve on an emulated core, made of its parts, which need not add up "
        "to the whole where the compiler merges them; flash is code and constants, stack the most "
        "that was written.",
        tuple(panels),
    )


def peers_picture(found: Peers) -> Picture:
    """Other solvers on the same targets."""
    rows = found.rows[::-1]
    names = tuple(words.label(row.name) for row in rows)
    colors = tuple("accent" if row is found.rows[0] else "back" for row in rows)
    times = [row.median_us for row in rows]
    tall = 0.5 + 0.09 * len(rows)
    return Picture(
        "peers",
        "Beside other solvers",
        f"The same {found.targets:,} targets in one process on one machine: the coloured bar is "
        "this model; shorter is faster on the left, longer solves more on the right.",
        (
            Panel(
                logarithmic("median time of a call [µs]", [times]),
                Axis(""),
                (Bars(names, times, colors, "", True, tuple(map(words.duration, times))),),
                title="Time",
                tall=tall,
            ),
            Panel(
                Axis("targets solved [%]", low=0.0, high=112.0),
                Axis(""),
                (
                    Bars(
                        names,
                        [100 * row.solved for row in rows],
                        colors,
                        "",
                        True,
                        tuple(words.share(row.solved) for row in rows),
                    ),
                ),
                title="Solved",
                tall=tall,
            ),
        ),
    )
