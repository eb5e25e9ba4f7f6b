"""Tables of one model: joints, errors, branches, the worst targets, where the model comes from."""

from __future__ import annotations

import math
import shlex

from edge_ik.run_folder import CONFIG_FILE
from edge_ik.tables import AS_ANSWERED
from edge_ik_tools.report.drawing import words
from edge_ik_tools.report.measuring.branches import Branches
from edge_ik_tools.report.measuring.elsewhere import AblationRow, CoreCost, FrontRow, PeerRow
from edge_ik_tools.report.measuring.errors import Errors
from edge_ik_tools.report.measuring.record import Provenance, Record
from edge_ik_tools.report.measuring.workspace import JointRow
from edge_ik_tools.report.measuring.worst import WorstTarget
from edge_ik_tools.report.page.markup import Markup, joined, table, tag

# Names in a table, at most.
LONGEST = 40


def titled(title: str, found: Markup) -> Markup:
    """A table on a card of its own."""
    return tag("div", tag("h3", title) if title else None, found, class_="picture")


def joints_table(joints: tuple[JointRow, ...]) -> Markup:
    """The joints with their limits."""
    rows: list[list[object]] = []
    for row in joints:
        values = (row.lower, row.upper, row.home)
        rows.append([row.name, row.kind, *(words.joint_value(value, row.unit) for value in values)])
    heads = ["joint", "kind", "lower limit", "upper limit", "home"]
    return titled("Joints", table(heads, rows, (1,)))


def errors_table(found: Errors) -> Markup:
    """The figures of the answers after each step."""
    kinds = (
        ("rmse_m", "RMSE", words.length),
        ("p95_m", "p95", words.length),
        ("max_m", "worst", words.length),
        ("rotation_mean_deg", "mean angle", lambda degrees: words.angle(math.radians(degrees))),
        ("solved_1mm", "within 1 mm", words.share),
        ("solved_1mm_01deg", "within 1 mm and 0.1°", words.share),
    )
    known = [kind for kind in kinds if kind[0] in found.figures[0]]
    rows: list[list[object]] = [
        [words.steps_name(steps), *(word(figures[name]) for name, _, word in known)]
        for steps, figures in enumerate(found.figures)
    ]
    listed = table(["answer", *(text for _, text, _ in known)], rows)
    return titled("In figures", joined(listed, tag("p", AS_ANSWERED, class_="below")))


def branches_table(found: Branches) -> Markup:
    """The branches, one a row."""
    rows: list[list[object]] = [
        [str(number), row.name, *map(words.share, (row.first, row.answers, row.reaches))]
        for number, row in enumerate(found.rows)
    ]
    heads = ["", "branch", "tried first", "answers", "leads there"]
    return titled("Branch by branch", table(heads, rows, (1,)))


def worst_table(record: Record) -> Markup:
    """The worst targets, two lines each; one that is chosen is shown in the picture beside them."""
    turned = record.worst[0].angle_rad is not None
    error = "error, angle" if turned else "error"
    heads = ["", error, "network alone", "nearest limit, margin", "smallest singular value"]
    head = tag("tr", *(tag("th", each, scope="col") for each in heads))
    units = [row.unit for row in record.workspace.joints]
    bodies = (
        _worst_rows(number, each, units, len(heads)) for number, each in enumerate(record.worst)
    )
    return tag(
        "div",
        tag(
            "div",
            tag("table", tag("thead", head), *bodies),
            class_="scroll high",
            tabindex="0",
            role="region",
            aria_label="Worst targets",
        ),
        class_="picture table",
    )


def _worst_rows(number: int, each: WorstTarget, units: list[str], columns: int) -> Markup:
    """A target's figures, and below them what takes more room: branch, target and joints."""
    margin = ""
    if math.isfinite(each.limit_margin):
        margin = words.joint_value(each.limit_margin, each.limit_unit)
    joints = ", ".join(
        words.joint_value(value, unit, 2)
        for value, unit in zip(each.q.tolist(), units, strict=True)
    )
    angle = None if each.angle_rad is None else words.angle(each.angle_rad)
    button = tag("button", str(number + 1), type="button", aria_label=f"Show target {number + 1}")
    figures = tag(
        "tr",
        tag("td", button),
        tag(
            "td",
            _lines(words.length(each.error_m), angle),
            class_=f"solved-{'yes' if each.solved else 'no'}",
        ),
        tag("td", words.length(each.seed_error_m)),
        tag("td", _lines(words.label(each.limit_joint, LONGEST) or "-", margin)),
        tag("td", f"{each.singular_value:.3f}"),
    )
    place = ", ".join(f"{part:.4f}" for part in each.place.tolist())
    details = (
        ("branch", words.label(each.branch, LONGEST)),
        ("target [m]", place),
        ("joints", joints),
    )
    more = tag(
        "tr",
        tag("td"),
        tag(
            "td",
            *(tag("span", f"{name} ", tag("code", text)) for name, text in details if text),
            colspan=columns - 1,
            class_="text",
        ),
    )
    return tag(
        "tbody", figures, more, data_posture=number, class_="chosen" if number == 0 else None
    )


def _lines(first: str, second: str | None) -> Markup:
    """One or two lines of a cell."""
    return joined(tag("span", first), tag("span", second) if second else None)


def provenance_table(origin: Provenance) -> Markup:
    """Where a model comes from, and what measured it."""
    heads = f"{origin.heads} head{'s' * (origin.heads != 1)}"
    rows = (
        ("robot", f"{origin.robot}, {origin.base} to {origin.tip}"),
        ("task", origin.task),
        ("network", f"{origin.parameters:,} parameters, {heads}, {origin.format or 'unknown'}"),
        ("refinement", f"{origin.steps} damped-least-squares steps"),
        ("made by", f"edge-ik {origin.version}"),
        ("configuration", origin.config_hash),
        ("seed of training", str(origin.training_seed)),
        ("network's SHA-256", origin.sha256),
        ("file", f"{origin.size_bytes:,} bytes"),
        ("measured by", f"edge-ik {origin.measured_by}, {origin.runtime}"),
        ("seed of targets", str(origin.rng_seed)),
    )
    body = (
        tag("tr", tag("td", name), tag("td", value, class_="text long")) for name, value in rows
    )
    listed = tag("div", tag("table", tag("tbody", *body)), class_="scroll")
    return titled("", joined(listed, _configuration(origin)))


def _configuration(origin: Provenance) -> Markup | None:
    """The configuration, and the command that trains with it again."""
    if origin.config is None or origin.run is None:
        return None
    config = f"{origin.run}/{CONFIG_FILE}"
    again = shlex.join(["edge-ik", "train", "--config", config, "--out", f"{origin.run}-again"])
    return tag(
        "details",
        tag("summary", "Configuration"),
        tag("pre", tag("code", origin.config)),
        tag("p", "Trained again by:"),
        tag("code", again, class_="command"),
    )


def cost_table(cores: list[CoreCost]) -> Markup:
    """What a solve costs on each core, and what it would without the network."""
    rows: list[list[object]] = [
        [
            core.name,
            f"{core.total:,.0f}",
            f"{core.longest:,.0f}",
            core.unit,
            *(
                f"{core.baselines[name]:,.0f}" if name in core.baselines else "-"
                for name in ("cold_dls", "closed_form")
            ),
            *map(words.size, (core.flash_bytes, core.ram_bytes, core.stack_bytes)),
            "-"
            if core.microseconds is None or core.clock_mhz is None
            else f"{words.duration(core.microseconds)} at {core.clock_mhz:g} MHz",
            words.share(core.solved),
        ]
        for core in cores
    ]
    without = ["no network", "closed form"]
    heads = ["core", "usual solve", "longest", "", *without, "flash", "static RAM", "stack"]
    return titled("", table([*heads, "longest takes", "solved"], rows, (3,)))


def peers_table(peers: tuple[PeerRow, ...]) -> Markup:
    """Other solvers, and what is to be known of their figures."""
    rows: list[list[object]] = [
        [
            row.name,
            words.share(row.solved),
            "-" if row.error_m is None else words.length(row.error_m),
            words.duration(row.median_us),
            words.duration(row.p99_us),
            row.note,
        ]
        for row in peers
    ]
    heads = ["solver", "solved", "median error", "median time", "p99", ""]
    return titled("", table(heads, rows, (5,)))


def ablation_table(found: tuple[AblationRow, ...]) -> Markup:
    """Trainings without one part at a time."""
    kinds = (
        ("solved", "solved", words.share),
        ("answer_rmse_m", "answers, RMSE", words.length),
        ("rmse_m", "network, RMSE", words.length),
        ("p95_m", "p95", words.length),
        ("max_m", "worst", words.length),
    )
    rows: list[list[object]] = [
        [
            row.name,
            *(word(row.figures[key]) if key in row.figures else "-" for key, _, word in kinds),
            f"{row.judged_by.removesuffix('_m')} worse on {row.worse_without} seeds"
            if row.worse_without is not None
            else "",
        ]
        for row in found
    ]
    heads = ["training", *(text for _, text, _ in kinds), "without it"]
    return titled("", table(heads, rows, (len(heads) - 1,)))


def front_table(found: tuple[FrontRow, ...]) -> Markup:
    """The networks of a search that no other beats."""
    rows: list[list[object]] = [
        [
            str(row.trial),
            f"{row.width} x {row.blocks}",
            f"{row.instructions:,.0f}",
            words.size(row.flash_bytes),
            words.share(1 - row.unsolved),
            "yes" if row.meets else "no",
        ]
        for row in found
    ]
    heads = ["trial", "width x blocks", "usual solve", "flash", "solved", "meets the goal"]
    return titled("", table(heads, rows))
