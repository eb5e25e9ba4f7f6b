"""Charts of one model: errors, joints, floats against integers, branches, training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edge_ik.tables import AS_ANSWERED
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
from edge_ik_tools.report.drawing.scales import logarithmic
from edge_ik_tools.report.measuring.branches import Branches
from edge_ik_tools.report.measuring.errors import Distribution, Errors, JointErrors
from edge_ik_tools.report.measuring.rounding import Rounding
from edge_ik_tools.report.measuring.training import Training
from firmware_host.chain import FloatArray
from firmware_host.tolerances import SOLVED_ROTATION

# Errors that a picture goes down to [m, rad]: less is the arithmetic's own.
LEAST_SHOWN = 1e-9
# The least difference of joints on a logarithmic axis, in degrees or millimetres.
LEAST_DIFFERENCE = 1e-4
STUDY_WORDS = {"rmse_m": "study, RMSE", "p95_m": "study, p95", "max_m": "study, worst"}
OF_JOINTS = (("rad", "Joints that turn"), ("m", "Joints that slide"))


def errors_picture(found: Errors) -> Picture:
    """How errors are distributed after each step."""
    rules = [Rule(1.0, "solved: 1 mm", color="good")]
    known = [
        (value, STUDY_WORDS[name]) for name, value in found.study.items() if name in STUDY_WORDS
    ]
    for row, (value, name) in enumerate(sorted(known), start=1):
        rules.append(Rule(1e3 * value, name, dash="dot", lift=row))
    distance = _error_axis("distance from the target", found.position, 1e3)
    worse = [100 * each.worse for each in found.position]
    panels = [
        Panel(
            distance,
            Axis("targets [%]", low=0.0, high=_room(found.position, len(rules))),
            (*_shares(found.position, 1e3), *rules),
            title="Distances",
        ),
        Panel(
            distance,
            logarithmic("targets at least so far off [%]", worse),
            (*_worse(found.position, 1e3), rules[0]),
            title="How many are worse",
        ),
    ]
    if found.rotation:
        degrees = 180 / np.pi
        tolerance = degrees * SOLVED_ROTATION
        panels.append(
            Panel(
                _error_axis("angle from the target [°]", found.rotation, degrees),
                Axis("targets [%]", low=0.0, high=_room(found.rotation)),
                (
                    *_shares(found.rotation, degrees),
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
        "Each curve is all targets, answered by the network alone or after so many steps: further "
        "left is better, and what is right of the green line is not solved; what is off by less "
        "than a nanometre or a billionth of a radian lies beyond the left edge. "
        f"{AS_ANSWERED}{study}",
        tuple(panels),
    )


def _error_axis(label: str, found: Sequence[Distribution], scale: float) -> Axis:
    least, most = LEAST_SHOWN, max(float(each.error.max()) for each in found)
    low = max(least, min(float(each.edges[0]) for each in found))
    return logarithmic(label, [[scale * low, scale * max(most, 10 * low)]], scale == 1e3)


def _room(found: Sequence[Distribution], labels: int = 1) -> float:
    """The height of an axis for shares, as far as they are shown, with rows of labels above."""
    highest = max(
        (float(each.share[each.edges[1:] > LEAST_SHOWN].max(initial=0.0)) for each in found),
        default=0.0,
    )
    return max((105 + 9 * labels) * highest, 1.0)


def _shares(found: Sequence[Distribution], scale: float) -> list[Mark]:
    """Each distribution's shares of its bins."""
    marks: list[Mark] = []
    for steps, each in enumerate(found):
        middle = np.sqrt(each.edges[1:] * each.edges[:-1])
        shown = middle >= LEAST_SHOWN
        if shown.any():
            marks.append(
                Line(
                    scale * middle[shown],
                    100 * each.share[shown],
                    color=step(steps),
                    name=words.steps_short(steps),
                    fill=True,
                )
            )
    return marks


def _worse(found: Sequence[Distribution], scale: float) -> list[Mark]:
    """Of each distribution how many targets are worse than a bound."""
    marks: list[Mark] = []
    for steps, each in enumerate(found):
        shown = each.error >= LEAST_SHOWN
        if shown.any():
            error, worse = scale * each.error[shown], 100 * each.worse[shown]
            marks.append(Line(error, worse, color=step(steps), name=words.steps_short(steps)))
    return marks


def joints_picture(found: Errors) -> Picture:
    """The network alone against the answer, joint by joint."""
    panels = []
    for unit, title in OF_JOINTS:
        own = [joint for joint in found.joints if joint.unit == unit]
        if own:
            panels.append(_joints_panel(own, unit, title))
    return Picture(
        "joints",
        "Joint by joint",
        "How far the network alone is from the answer that it leads to: the dot is the median, "
        "the thick line holds the middle half of the targets, the thin one 90% of them, and the "
        "cross is the worst.",
        tuple(panels),
    )


def _joints_panel(joints: Sequence[JointErrors], unit: str, title: str) -> Panel:
    scale, sign = words.joint_units(unit)
    values = np.maximum(scale * np.array([joint.quantiles for joint in joints]), LEAST_DIFFERENCE)
    place = np.arange(len(joints), dtype=float)
    thin = _spans(place, values[:, 0], values[:, 4])
    thick = _spans(place, values[:, 1], values[:, 3])
    return Panel(
        Axis("", categories=words.short_names([joint.name for joint in joints])),
        logarithmic(f"difference [{sign}]", [values]),
        (
            Line(*thin, color="accent", width=2.0, name="90% of the targets"),
            Line(*thick, color="accent", width=9.0, name="the middle half"),
            Points(place, values[:, 2], color="paper", size=6.0),
            Points(place, values[:, 5], color="bad", symbol="x", size=7.0, name="the worst"),
        ),
        title=title,
    )


def _spans(place: FloatArray, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Upright lines, each from low to high, as one line with gaps."""
    gap = np.full(len(place), np.nan)
    return np.stack([place, place, gap], 1).ravel(), np.stack([low, high, gap], 1).ravel()


def rounding_picture(found: Rounding) -> Picture:
    """The network in floats against the one in integers."""
    errors = 1e3 * np.maximum(found.seed_error, LEAST_SHOWN)
    exact = logarithmic("network in floats", [errors], True)
    ends = [exact.low or 0.0, exact.high or 0.0]
    panels = [
        Panel(
            exact,
            logarithmic("network in integers", [errors], True),
            (
                Points(
                    errors[:, 0],
                    errors[:, 1],
                    color="accent",
                    size=3.0,
                    opacity=0.7,
                    name="targets",
                ),
                Line(
                    ends, ends, color="muted", width=1.5, dash="dash", name="rounding cost nothing"
                ),
            ),
            title="Network alone, a dot a target",
            alike=True,
        )
    ]
    for unit, title in OF_JOINTS:
        own = [k for k, each in enumerate(found.units) if each == unit]
        if own:
            scale, sign = words.joint_units(unit)
            names = words.short_names([found.joints[k] for k in own])
            bars = Bars(names, scale * found.moved[own], "accent")
            panels.append(Panel(Axis(""), Axis(f"mean difference [{sign}]"), (bars,), title=title))
    return Picture(
        "rounding",
        "Floats against integers",
        "To the right the error of the network in floats, upwards that of the same network in "
        "integers, both alone: on the dashed line rounding cost nothing. Bars tell how far the "
        "guesses of the same head are apart.",
        tuple(panels),
    )


def branches_picture(found: Branches) -> Picture:
    """How often each branch is tried and answers, and how many reach a place."""
    order = np.argsort([row.answers for row in found.rows], kind="stable").tolist()
    rows = [found.rows[k] for k in order]
    names = tuple(words.label(row.name) for row in rows)
    leading, different = (
        np.bincount(each, minlength=len(rows) + 1) / len(each)
        for each in (found.leading, found.different)
    )
    used = int(max(np.flatnonzero(leading)[-1], np.flatnonzero(different)[-1])) + 1
    numbers = tuple(str(k) for k in range(used))
    tried = tuple(str(k + 1) for k in range(len(found.tried)))
    return Picture(
        "branches",
        "How the branches share the work",
        "On the left for how many targets each branch is tried first, and for how many it "
        "answers; then to how many places so many branches lead, and to how many different "
        "postures; then how many had to be tried.",
        (
            Panel(
                Axis("targets [%]"),
                Axis(""),
                (
                    Bars(names, [100 * row.answers for row in rows], "group1", "answers", True),
                    Bars(names, [100 * row.first for row in rows], "group0", "tried first", True),
                ),
                title="Branches",
                tall=max(1.0, 0.3 + 0.085 * len(rows)),
            ),
            Panel(
                Axis("how many of them"),
                Axis("targets [%]"),
                (
                    Bars(numbers, 100 * leading[:used], "group0", "branches"),
                    Bars(numbers, 100 * different[:used], "group2", "different postures"),
                ),
                title="How many lead to a place",
            ),
            Panel(
                Axis("branches tried"),
                logarithmic("targets [%]", [100 * found.tried]),
                (Bars(tried, 100 * found.tried, "group0"),),
                title="How many are tried",
            ),
        ),
    )


def training_picture(found: Training) -> Picture:
    """The curves of a training."""
    columns = found.columns
    errors = (
        ("rmse_m", "RMSE"),
        ("p95_m", "p95"),
        ("max_m", "worst"),
        ("train_rmse_m", "RMSE in training"),
    )
    weights = (("position_weight", "distance"), ("angle_weight", "joints"))
    unsolved = {"unsolved": 100 * (1 - columns["solved"])} if "solved" in columns else {}
    panels = (
        _curves(found, columns, errors, "distance from the target", "Network alone", True),
        _curves(found, columns, weights, "learned weight", "Weights of the losses"),
        _curves(found, columns, (("learning_rate", ""),), "learning rate", "Learning rate"),
        _curves(
            found, unsolved, (("unsolved", ""),), "targets [%]", "Not solved after the usual steps"
        ),
    )
    return Picture(
        "training",
        "From epoch to epoch",
        "Distances are those of targets kept apart from training, but where it says otherwise. The "
        "weights of the two losses are learned with the network: each grows as the error that it "
        "weighs shrinks.",
        tuple(panel for panel in panels if panel is not None),
    )


def _curves(
    found: Training,
    columns: Mapping[str, FloatArray],
    named: Sequence[tuple[str, str]],
    label: str,
    title: str,
    millimetres: bool = False,
) -> Panel | None:
    """Some columns of a history over its steps; None where it has none of them."""
    scale = 1e3 if millimetres else 1.0
    lines, values = [], []
    for place, (name, text) in enumerate(named):
        column = columns.get(name)
        if column is not None and bool((column > 0).any()):
            values.append(scale * np.where(column > 0, column, np.nan))
            lines.append(Line(found.step, values[-1], color=group(place), name=text))
    if not lines:
        return None
    return Panel(
        Axis("training step"), logarithmic(label, values, millimetres), tuple(lines), title=title
    )
