"""Charts of one model: errors, joints, rounding, branches, training, and what a solve costs."""

from __future__ import annotations

import numpy as np

from edge_ik_tools.report.drawing import words
from edge_ik_tools.report.drawing.palette import group, step
from edge_ik_tools.report.drawing.pictures import (
    Axis,
    Bars,
    Line,
    Mark,
    Panel,
    Picture,
    Points,
    Rule,
)
from edge_ik_tools.report.measuring.branches import Branches
from edge_ik_tools.report.measuring.errors import Distribution, Errors, JointErrors
from edge_ik_tools.report.measuring.rounding import Rounding
from edge_ik_tools.report.measuring.training import Training
from firmware_host.tolerances import SOLVED_ROTATION

# Errors that a picture goes down to [m]: less is the arithmetic's own.
LEAST_SHOWN = 1e-9
STUDY_WORDS = {"rmse_m": "RMSE", "p95_m": "p95", "max_m": "worst", "focus_rmse_m": "focus"}


def errors_picture(found: Errors) -> Picture:
    """How errors are distributed after each step."""
    marks = [*_steps_lines(found.position, 1e3), Rule(1.0, "solved: 1 mm", color="good")]
    for name, value in sorted(found.study.items(), key=lambda item: item[1]):
        if name != "focus_rmse_m":
            marks.append(
                Rule(
                    1e3 * value, f"study's {STUDY_WORDS[name]}", lift=1 + len(marks) % 3, dash="dot"
                )
            )
    panels = [
        Panel(
            _errors_axis("distance from the target [mm]", found.position, 1e3),
            Axis("targets [%]"),
            tuple(marks),
            title="Distances",
        ),
        Panel(
            _errors_axis("distance from the target [mm]", found.position, 1e3),
            Axis("targets that are at least so far off [%]", log=True),
            (*_worse_lines(found.position, 1e3), Rule(1.0, "solved: 1 mm", color="good")),
            title="How many are worse",
        ),
    ]
    if found.rotation:
        tolerance = float(np.degrees(SOLVED_ROTATION))
        panels.append(
            Panel(
                _errors_axis("angle from the target [°]", found.rotation, 180 / np.pi),
                Axis("targets [%]"),
                (
                    *_steps_lines(found.rotation, 180 / np.pi),
                    Rule(tolerance, f"solved: {tolerance:g}°", color="good"),
                ),
                title="Angles",
            )
        )
    study = (
        " Dotted lines are the published study's figures for its network on this robot."
        if found.study
        else ""
    )
    return Picture(
        "errors",
        "How far answers are off",
        "Each curve is all targets after so many steps: further left is better, and every decade "
        f"is a factor of ten. What is right of the green line is not solved.{study}",
        tuple(panels),
    )


def _errors_axis(label: str, found: tuple[Distribution, ...], scale: float) -> Axis:
    low = max(LEAST_SHOWN, min(float(each.edges[0]) for each in found))
    high = max(float(each.edges[-1]) for each in found)
    return Axis(label, log=True, low=scale * low, high=scale * high)


def _steps_lines(found: tuple[Distribution, ...], scale: float) -> list[Mark]:
    marks: list[Mark] = []
    for steps, each in enumerate(found):
        middle = scale * np.sqrt(each.edges[1:] * each.edges[:-1])
        shown = middle >= scale * LEAST_SHOWN
        marks.append(
            Line(
                middle[shown],
                100 * each.share[shown],
                color=step(steps),
                name=words.steps_name(steps),
                fill=True,
            )
        )
    return marks


def _worse_lines(found: tuple[Distribution, ...], scale: float) -> list[Mark]:
    return [
        Line(
            scale * each.error[each.error >= LEAST_SHOWN],
            100 * each.worse[each.error >= LEAST_SHOWN],
            color=step(steps),
            name=words.steps_name(steps),
        )
        for steps, each in enumerate(found)
    ]


def joints_picture(found: Errors) -> Picture:
    """The network alone against the answer, joint by joint."""
    panels = []
    for unit, title in (("rad", "Joints that turn"), ("m", "Joints that slide")):
        own = [joint for joint in found.joints if joint.unit == unit]
        if own:
            panels.append(_joints_panel(own, unit, title))
    return Picture(
        "joints",
        "Joint by joint",
        "How far the network alone is from the answer it leads to: the dot is the median, the "
        "thick line holds the middle half of the targets, the thin one 90%, the cross is the worst.",
        tuple(panels),
    )


def _joints_panel(joints: list[JointErrors], unit: str, title: str) -> Panel:
    scale, sign = words.joint_units(unit)
    names = tuple(words.label(joint.name, 18) for joint in joints)
    least = 1e-6
    values = scale * np.maximum(np.array([joint.quantiles for joint in joints]), least / scale)
    place = np.arange(len(joints), dtype=float)
    thin, thick = (
        _spans(place, values[:, 0], values[:, 4]),
        _spans(place, values[:, 1], values[:, 3]),
    )
    return Panel(
        Axis("joint", categories=names),
        Axis(f"difference [{sign}]", log=True),
        (
            Line(*thin, color="accent", width=1.5, name="90% of the targets"),
            Line(*thick, color="accent", width=7.0, name="the middle half"),
            Points(place, values[:, 2], color="paper", size=5.0),
            Points(place, values[:, 5], color="bad", symbol="x", size=6.0, name="worst"),
        ),
        title=title,
    )


def _spans(place: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    gap = np.full(len(place), np.nan)
    return np.stack([place, place, gap], 1).ravel(), np.stack([low, high, gap], 1).ravel()


def rounding_picture(found: Rounding) -> Picture:
    """The network in floats against the one in integers."""
    errors = 1e3 * np.maximum(found.seed_error, LEAST_SHOWN)
    low, high = float(errors.min()) / 1.2, float(errors.max()) * 1.2
    panels = [
        Panel(
            Axis("network in floats [mm]", log=True, low=low, high=high),
            Axis("network in integers [mm]", log=True, low=low, high=high),
            (
                Points(
                    errors[:, 0],
                    errors[:, 1],
                    color="accent",
                    size=2.5,
                    opacity=0.45,
                    name="targets",
                ),
                Line(
                    [low, high],
                    [low, high],
                    color="muted",
                    width=1.5,
                    dash="dash",
                    name="as good as in floats",
                ),
            ),
            title="Target by target",
            alike=True,
            tall=1.15,
        )
    ]
    for unit, title in (("rad", "Joints that turn"), ("m", "Joints that slide")):
        own = [k for k, each in enumerate(found.units) if each == unit]
        if own:
            scale, sign = words.joint_units(unit)
            panels.append(
                Panel(
                    Axis("joint"),
                    Axis(f"mean difference [{sign}]"),
                    (
                        Bars(
                            tuple(words.label(found.joints[k], 18) for k in own),
                            scale * found.moved[own],
                            "accent",
                        ),
                    ),
                    title=title,
                )
            )
    return Picture(
        "rounding",
        "Floats against integers",
        "Each dot is a target: to the right the error of the network in floats, upwards that of "
        "the same network in integers, both alone; on the dashed line rounding cost nothing. Bars "
        "tell how far the guesses of the same head are apart.",
        tuple(panels),
    )


def branches_picture(found: Branches) -> Picture:
    """How often each branch is tried and answers, and how many reach a place."""
    order = np.argsort([-row.answers for row in found.rows], kind="stable").tolist()
    rows = [found.rows[k] for k in order]
    names = tuple(words.label(row.name) for row in rows)
    most = len(rows)
    counts = [
        np.bincount(each, minlength=most + 1)[: most + 1] / len(each)
        for each in (found.leading, found.different)
    ]
    used = max(int(np.flatnonzero(share)[-1]) for share in counts) + 1
    numbers = tuple(str(k) for k in range(used))
    tried = found.tried
    return Picture(
        "branches",
        "How the branches share the work",
        "On the left, of all targets: for how many each branch is tried first, and for how many "
        "its answer is given. In the middle how many branches lead to a place, and to how many "
        "different postures; on the right how many had to be tried.",
        (
            Panel(
                Axis("targets [%]"),
                Axis("", categories=names[::-1]),
                (
                    Bars(
                        names[::-1],
                        [100 * row.first for row in rows[::-1]],
                        "group0",
                        "tried first",
                        level=True,
                    ),
                    Bars(
                        names[::-1],
                        [100 * row.answers for row in rows[::-1]],
                        "group1",
                        "answers",
                        level=True,
                    ),
                ),
                title="Branches",
                tall=max(1.0, 0.35 + 0.075 * most),
            ),
            Panel(
                Axis("number of them", categories=numbers),
                Axis("targets [%]"),
                (
                    Bars(numbers, 100 * counts[0][:used], "group0", "branches that lead there"),
                    Bars(numbers, 100 * counts[1][:used], "group2", "different postures"),
                ),
                title="How many reach a place",
            ),
            Panel(
                Axis("branches tried", categories=tuple(str(k + 1) for k in range(len(tried)))),
                Axis("targets [%]", log=True),
                (Bars(tuple(str(k + 1) for k in range(len(tried))), 100 * tried, "accent"),),
                title="How many are tried",
            ),
        ),
    )


def training_picture(found: Training) -> Picture:
    """The curves of a training."""
    x = found.step
    columns = found.columns
    panels = [
        Panel(
            Axis("training step"),
            Axis("error of the network alone [mm]", log=True),
            tuple(
                Line(x, 1e3 * columns[name], color=group(place), name=text)
                for place, (name, text) in enumerate(
                    (
                        ("rmse_m", "RMSE"),
                        ("p95_m", "p95"),
                        ("max_m", "worst"),
                        ("train_rmse_m", "RMSE in training"),
                    )
                )
                if _told(columns, name)
            ),
            title="Error on unseen targets",
        ),
    ]
    weights = [
        (name, text)
        for name, text in (("position_weight", "distance"), ("angle_weight", "joints"))
        if _told(columns, name)
    ]
    if weights:
        panels.append(
            Panel(
                Axis("training step"),
                Axis("learned weight", log=True),
                tuple(
                    Line(x, columns[name], color=group(k), name=text)
                    for k, (name, text) in enumerate(weights)
                ),
                title="Weights of the losses",
            )
        )
    if _told(columns, "learning_rate"):
        panels.append(
            Panel(
                Axis("training step"),
                Axis("learning rate", log=True),
                (Line(x, columns["learning_rate"], color="accent", name="learning rate"),),
                title="Learning rate",
            )
        )
    if _told(columns, "solved"):
        share = np.maximum(100 * (1 - columns["solved"]), 1e-3)
        panels.append(
            Panel(
                Axis("training step"),
                Axis("not solved after the steps [%]", log=True),
                (Line(x, share, color="accent", name="not solved"),),
                title="What is left unsolved",
            )
        )
    return Picture(
        "training",
        "Training",
        "Errors are measured on targets kept apart from training. The weights of the two losses "
        "are learned with the network: they grow as the errors they weigh shrink.",
        tuple(panels),
    )


def _told(columns: dict[str, np.ndarray], name: str) -> bool:
    return name in columns and bool(np.isfinite(columns[name]).any())
