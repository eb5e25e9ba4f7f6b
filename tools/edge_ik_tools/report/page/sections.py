"""The sections of one model on the page, each with its pictures, tables and words."""

from __future__ import annotations

import math

from edge_ik_tools.report.drawing import words
from edge_ik_tools.report.drawing.album import Album
from edge_ik_tools.report.measuring.elsewhere import CoreCost, Elsewhere
from edge_ik_tools.report.measuring.record import Record
from edge_ik_tools.report.measuring.rounding import Rounding
from edge_ik_tools.report.measuring.verdict import CONFIDENCE
from edge_ik_tools.report.page import parts
from edge_ik_tools.report.page.markup import Markup, joined, table, tag

STATES = {"holds": "It holds", "mostly": "It holds in part", "fails": "It does not hold"}


def verdict_card(record: Record, cores: list[CoreCost]) -> Markup:
    """The verdict on a model, in a few figures."""
    verdict, origin = record.verdict, record.provenance
    worst = words.length(verdict.worst_m)
    if verdict.worst_rad is not None:
        worst += f", {words.angle(verdict.worst_rad)}"
    figures = [
        ("robot", origin.robot, f"{origin.base} to {origin.tip}"),
        ("task", *origin.task.split(": ", 1)),
        (
            "solved",
            words.share(verdict.solved),
            f"of {verdict.targets:,} targets; of all at least "
            f"{100 * verdict.solved_at_least:.2f}% ({100 * CONFIDENCE:g}% confidence)",
        ),
        (
            "worst error",
            worst,
            f"network alone {words.length(float(record.errors.figures[0]['max_m']))}",
        ),
        (
            "size",
            words.size(origin.size_bytes),
            f"{origin.parameters:,} parameters, {origin.format or 'unknown format'}",
        ),
        _cost_figure(record, cores),
    ]
    return tag(
        "div",
        tag(
            "header",
            tag("span", STATES[verdict.state], class_="state"),
            tag("span", record.label, class_="label"),
        ),
        tag("ul", *(tag("li", reason) for reason in verdict.reasons)) if verdict.reasons else None,
        parts.figures(figures),
        class_=f"card verdict {verdict.state}",
    )


def _cost_figure(record: Record, cores: list[CoreCost]) -> tuple[str, str, str]:
    if not cores:
        steps = record.provenance.steps
        return (
            "cost of a solve",
            f"{record.verdict.tried:.2f} x {steps} steps",
            "seeds refined in the mean; instructions were not counted",
        )
    core = cores[0]
    return (
        "cost of a solve",
        f"{core.total:,.0f}",
        f"{core.unit} on {core.core}, at most {core.longest:,.0f}",
    )


def model_sections(record: Record, album: Album, group: int, prefix: str) -> Markup:
    """Everything that is shown of one model."""
    rounding, branches = record.rounding, record.branches
    shown = {
        name: [parts.figure(each, group) for each in getattr(album, name)]
        for name in ("workspace", "errors", "rounding", "branches", "worst", "path", "training")
    }
    return joined(
        parts.section(
            f"{prefix}workspace",
            "Workspace",
            f"{record.provenance.robot} from {record.provenance.base} to {record.provenance.tip}, and where it answers how well.",
            *shown["workspace"],
            _joints_table(record),
        ),
        parts.section(
            f"{prefix}errors",
            "Errors",
            f"{record.errors.targets:,} targets of everything the arm reaches, none of which training saw.",
            *shown["errors"],
            _figures_table(record),
        ),
        parts.section(
            f"{prefix}rounding",
            "Quantization",
            _rounding_lead(rounding),
            *shown["rounding"],
            parts.note(rounding) if isinstance(rounding, str) else None,
        ),
        parts.section(
            f"{prefix}branches",
            "Branches",
            "An arm reaches most places in several ways; each head of the network answers in its own.",
            *shown["branches"],
            _branches_table(record)
            if branches is not None
            else parts.note(
                "This network has one head: it answers in one branch alone, and nothing is chosen."
            ),
        ),
        parts.section(
            f"{prefix}worst",
            "Worst targets",
            f"The {len(record.worst)} that are answered worst, with what may be the reason: a joint near its limit, or a "
            "posture near a singularity, where the smallest singular value of J is small.",
            tag("div", *shown["worst"], _worst_table(record), class_="two"),
            _worst_detail(record),
        ),
        parts.section(
            f"{prefix}path",
            "Path",
            _path_lead(record),
            *shown["path"],
        ),
        parts.section(
            f"{prefix}training",
            "Training",
            "",
            *shown["training"],
            None
            if shown["training"]
            else parts.note(
                "The curves of its training lie in its run folder, which is not beside the model: ",
                tag("code", "edge-ik report RUN"),
                " shows them.",
            ),
        ),
        parts.section(f"{prefix}origin", "Provenance", "", _provenance_table(record)),
    )


def _joints_table(record: Record) -> Markup:
    rows: list[list[object]] = []
    for row in record.workspace.joints:
        scale, sign = words.joint_units(row.unit)
        rows.append(
            [
                row.name,
                row.kind,
                *(f"{scale * value:.1f}{sign}" for value in (row.lower, row.upper, row.home)),
            ]
        )
    heads = ["joint", "kind", "lower limit", "upper limit", "home"]
    return tag("div", tag("h3", "Joints"), table(heads, rows, (1,)), class_="picture")


def _figures_table(record: Record) -> Markup:
    kinds = (
        ("rmse_m", "RMSE", words.length),
        ("p95_m", "p95", words.length),
        ("max_m", "worst", words.length),
        ("rotation_mean_deg", "mean angle", lambda degrees: words.angle(math.radians(degrees))),
        ("solved_1mm", "within 1 mm", words.share),
        ("solved_1mm_01deg", "within 1 mm and 0.1°", words.share),
    )
    known = [kind for kind in kinds if kind[0] in record.errors.figures[0]]
    rows: list[list[object]] = [
        [words.steps_name(steps), *(word(figures[name]) for name, _, word in known)]
        for steps, figures in enumerate(record.errors.figures)
    ]
    heads = ["answer", *(text for _, text, _ in known)]
    return tag("div", tag("h3", "In figures"), table(heads, rows), class_="picture")


def _rounding_lead(found: Rounding | str) -> str:
    if isinstance(found, str):
        return ""
    exact, rounded = found.rmse.tolist()
    return (
        f"The same {found.targets:,} targets by {found.names[0]} in floats and {found.names[1]}: the network alone is "
        f"{words.length(exact)} off (RMSE) and {words.length(rounded)} in integers; after the steps "
        f"{words.share(float(found.solved[0]))} and {words.share(float(found.solved[1]))} are solved, "
        f"{found.only[0]:,} by the first alone and {found.only[1]:,} by the second alone. "
        f"Both try the same head first for {words.share(found.same_head)}."
    )


def _branches_table(record: Record) -> Markup:
    branches = record.branches
    assert branches is not None  # noqa: S101 - narrows the type
    rows: list[list[object]] = [
        [
            str(number),
            row.name,
            words.share(row.first),
            words.share(row.answers),
            words.share(row.reaches),
        ]
        for number, row in enumerate(branches.rows)
    ]
    heads = ["", "branch", "tried first", "answers", "leads there"]
    return tag("div", tag("h3", "Branch by branch"), table(heads, rows, (1,)), class_="picture")


def _worst_table(record: Record) -> Markup:
    turned = record.worst[0].angle_rad is not None
    heads = [
        "",
        "target [m]",
        "error",
        *(["angle"] if turned else []),
        "network alone",
        "nearest limit",
        "margin",
        "smallest singular value",
        "branch",
        "joints",
    ]
    units = [words.joint_units(row.unit) for row in record.workspace.joints]
    head = tag(
        "tr",
        *(
            tag("th", each, scope="col", class_="text" if k in (1, len(heads) - 1) else None)
            for k, each in enumerate(heads)
        ),
    )
    rows = []
    for number, each in enumerate(record.worst):
        joints = ", ".join(
            f"{scale * value:.2f}{sign}"
            for (scale, sign), value in zip(units, each.q.tolist(), strict=True)
        )
        margin = (
            f"{math.degrees(each.limit_margin):.1f}°" if math.isfinite(each.limit_margin) else "-"
        )
        place = ", ".join(f"{part:.4f}" for part in each.place.tolist())
        rows.append(
            tag(
                "tr",
                tag(
                    "td",
                    tag(
                        "button",
                        str(number + 1),
                        type="button",
                        aria_label=f"Show target {number + 1}",
                    ),
                ),
                tag("td", place, class_="text mono"),
                tag(
                    "td",
                    words.length(each.error_m),
                    class_="solved-yes" if each.solved else "solved-no",
                ),
                *([tag("td", words.angle(each.angle_rad))] if each.angle_rad is not None else []),
                tag("td", words.length(each.seed_error_m)),
                tag("td", words.label(each.limit_joint) or "-"),
                tag("td", margin),
                tag("td", f"{each.singular_value:.3f}"),
                tag("td", words.label(each.branch, 40)),
                tag("td", joints, class_="text mono"),
                data_posture=number,
                class_="chosen" if number == 0 else None,
            )
        )
    return tag(
        "div",
        tag(
            "div",
            tag("table", tag("thead", head), tag("tbody", *rows)),
            class_="scroll high",
            tabindex="0",
            role="region",
            aria_label="Worst targets",
        ),
        class_="picture table",
    )


def _worst_detail(record: Record) -> Markup:
    return tag(
        "div",
        tag("p", what(record, 0), class_="what"),
        tag(
            "div",
            tag("code", record.worst[0].command, class_="command"),
            tag("button", "Copy", type="button", class_="copy"),
            class_="row",
        ),
        class_="picture detail",
    )


def what(record: Record, number: int) -> str:
    """What one of the worst targets is, in a sentence; its command follows."""
    each = record.worst[number]
    return (
        f"Target {number + 1}: {'solved' if each.solved else 'not solved'}, {words.length(each.error_m)} off. "
        "Solved again by:"
    )


def _path_lead(record: Record) -> str:
    path = record.path
    reached = int(path.solved.sum())
    jumps = len(path.jumps)
    return (
        f"The tool follows {path.what}: {reached:,} of {len(path.solved):,} targets are reached, at worst "
        f"{words.length(float(path.error.max()))} off, with {jumps or 'no'} jump{'s' * (jumps != 1)}; the network was "
        f"asked for {int(path.asked.sum()):,} of them, the others follow from the joints before."
    )


def _provenance_table(record: Record) -> Markup:
    origin = record.provenance
    rows: list[list[object]] = [
        ["robot", f"{origin.robot}, {origin.base} to {origin.tip}"],
        ["task", origin.task],
        [
            "network",
            f"{origin.parameters:,} parameters, {origin.heads} head{'s' * (origin.heads != 1)}, {origin.format}",
        ],
        ["refinement", f"{origin.steps} damped-least-squares steps"],
        ["made by", f"edge-ik {origin.version}"],
        ["configuration", origin.config_hash],
        ["seed of training", str(origin.training_seed)],
        ["network's SHA-256", origin.sha256],
        ["file", f"{origin.size_bytes:,} bytes"],
        ["measured by", f"edge-ik {origin.measured_by}, {origin.runtime}"],
        ["seed of targets", str(origin.rng_seed)],
    ]
    cells = [[name, tag("span", value, class_="long")] for name, value in rows]
    body = (
        tag("tr", tag("td", name), tag("td", value, class_="text long")) for name, value in cells
    )
    return tag(
        "div", tag("div", tag("table", tag("tbody", *body)), class_="scroll"), class_="picture"
    )


def elsewhere_sections(elsewhere: Elsewhere, pictures: dict[str, Markup], model: str) -> Markup:
    """What other commands measured, and how to have it measured."""
    return joined(
        parts.section(
            "cost",
            "Cost",
            "",
            pictures.get("cost"),
            _cost_table(elsewhere.cores)
            if elsewhere.cores
            else parts.note(
                "Instructions, flash and stack were not counted. ",
                tag("code", f"edge-ik bench {model} --target cortex-m4 --json"),
                " counts them; give its output to the report with --measured FILE, or have them counted with --cores cortex-m4.",
            ),
        ),
        parts.section("peers", "Peers", "", pictures["peers"]) if "peers" in pictures else None,
        parts.section("ablation", "Ablation", "", pictures["ablation"])
        if "ablation" in pictures
        else None,
        parts.section("front", "Search", "", pictures["front"]) if "front" in pictures else None,
    )


def _cost_table(cores: list[CoreCost]) -> Markup:
    rows: list[list[object]] = [
        [
            core.core,
            f"{core.total:,.0f}",
            f"{core.longest:,.0f}",
            core.unit,
            words.size(core.flash_bytes),
            words.size(core.ram_bytes),
            words.size(core.stack_bytes),
            "-"
            if core.microseconds is None
            else f"{core.microseconds:.0f} µs at {core.clock_mhz:g} MHz",
            words.share(core.solved),
        ]
        for core in cores
    ]
    heads = [
        "core",
        "usual solve",
        "longest",
        "counted",
        "flash",
        "static RAM",
        "stack",
        "longest solve",
        "solved",
    ]
    return tag("div", table(heads, rows, (3,)), class_="picture")
