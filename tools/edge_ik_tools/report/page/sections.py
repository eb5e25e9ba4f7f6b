"""The sections of the page, each with its pictures, tables and words."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from edge_ik_tools.report.drawing import words
from edge_ik_tools.report.drawing.album import Album
from edge_ik_tools.report.drawing.pictures import Picture
from edge_ik_tools.report.measuring.elsewhere import CoreCost, Elsewhere
from edge_ik_tools.report.measuring.record import Record
from edge_ik_tools.report.measuring.rounding import Rounding
from edge_ik_tools.report.measuring.verdict import CONFIDENCE
from edge_ik_tools.report.page import parts, tables
from edge_ik_tools.report.page.markup import Markup, joined, tag

STATES = {"holds": "It holds", "mostly": "It holds in part", "fails": "It does not hold"}


def verdict_card(record: Record, cores: Sequence[CoreCost]) -> Markup:
    """The verdict on a model, in a few figures.

    Args:
        record: What was measured.
        cores: What a solve of it costs, if that was counted.
    """
    verdict = record.verdict
    header = tag(
        "header",
        tag("span", STATES[verdict.state], class_="state"),
        tag("span", record.label, class_="label"),
    )
    reasons = (tag("li", reason) for reason in verdict.reasons)
    return tag(
        "div",
        header,
        tag("ul", *reasons) if verdict.reasons else None,
        parts.figures(_verdict_figures(record, cores)),
        class_=f"card verdict {verdict.state}",
    )


def _verdict_figures(record: Record, cores: Sequence[CoreCost]) -> list[tuple[str, str, str]]:
    verdict, origin = record.verdict, record.provenance
    alone = words.length(float(record.errors.figures[0]["max_m"]))
    task, _, target = origin.task.partition(": ")
    least = f"{words.share(verdict.solved_at_least)} ({100 * CONFIDENCE:g}% confidence)"
    size = f"{origin.parameters:,} parameters, {origin.format or 'unknown format'}"
    if cores:
        core = cores[0]
        cost = f"{core.total:,.0f}"
        counted = f"{core.unit} on {core.core}, at most {core.longest:,.0f}"
    else:
        cost = f"{verdict.tried:.2f} x {origin.steps} steps"
        counted = "seeds refined in the mean; instructions were not counted"
    return [
        ("robot", origin.robot, f"{origin.base} to {origin.tip}"),
        ("task", task, target),
        (
            "solved",
            words.share(verdict.solved),
            f"of {verdict.targets:,} targets; of all at least {least}",
        ),
        ("worst error", words.error(verdict.worst_m, verdict.worst_rad), f"network alone {alone}"),
        ("size", words.size(origin.size_bytes), size),
        ("cost of a solve", cost, counted),
    ]


def model_sections(record: Record, album: Album, group: int, prefix: str) -> Markup:
    """Everything that is shown of one model.

    Args:
        record: What was measured.
        album: Its pictures.
        group: Which of the page's groups of pictures they are.
        prefix: What the sections' names begin with.
    """

    def shown(pictures: Sequence[Picture]) -> Markup:
        return joined(*(parts.figure(picture, group) for picture in pictures))

    origin = record.provenance
    return joined(
        parts.section(
            f"{prefix}workspace",
            "Workspace",
            f"{origin.robot} from {origin.base} to {origin.tip}, and where it answers how well.",
            shown(album.workspace),
            tables.joints_table(record.workspace.joints),
        ),
        parts.section(
            f"{prefix}errors",
            "Errors",
            f"{record.errors.targets:,} targets of everything the arm reaches, none of which "
            "training saw.",
            shown(album.errors),
            tables.errors_table(record.errors),
        ),
        _rounding(record.rounding, shown(album.rounding), prefix),
        _branches(record, shown(album.branches), prefix),
        _worst(record, shown(album.worst), prefix),
        parts.section(f"{prefix}path", "Path", _path_lead(record), shown(album.path)),
        parts.section(
            f"{prefix}training",
            "Training",
            "",
            _no_training(record.training)
            if isinstance(record.training, str)
            else shown(album.training),
        ),
        parts.section(f"{prefix}origin", "Provenance", "", tables.provenance_table(origin)),
    )


def _rounding(found: Rounding | str, pictures: Markup, prefix: str) -> Markup:
    anchor, title = f"{prefix}rounding", "Quantization"
    if isinstance(found, str):
        return parts.section(anchor, title, "", parts.note(found))
    exact, rounded = (words.length(value) for value in found.rmse.tolist())
    solved = [words.share(value) for value in found.solved.tolist()]
    lead = (
        f"The same {found.targets:,} targets by {found.names[0]} in floats and by "
        f"{found.names[1]} in integers. Alone the first is {exact} off (RMSE), the second "
        f"{rounded}; after the steps {solved[0]} and {solved[1]} are solved, {found.only[0]:,} "
        f"targets by the first alone and {found.only[1]:,} by the second alone. Both try the same "
        f"head first for {words.share(found.same_head)} of them."
    )
    return parts.section(anchor, title, lead, pictures)


def _branches(record: Record, pictures: Markup, prefix: str) -> Markup:
    anchor, title, found = f"{prefix}branches", "Branches", record.branches
    if found is None:
        lead = "This network has one head: it answers in one branch alone, and nothing is chosen."
        return parts.section(anchor, title, "", parts.note(lead))
    lead = (
        "An arm reaches most places in several ways, and each head of the network answers in a way "
        "of its own."
    )
    return parts.section(anchor, title, lead, pictures, tables.branches_table(found))


def _worst(record: Record, pictures: Markup, prefix: str) -> Markup:
    lead = (
        f"The {len(record.worst)} that are answered worst, with what may be the reason: a joint "
        "near its limit, or a posture near a singularity, where the smallest singular value of J, "
        "here in characteristic lengths, is small."
    )
    command = tag(
        "div",
        tag("code", record.worst[0].command, class_="command"),
        tag("button", "Copy", type="button", class_="copy"),
        class_="row",
    )
    return parts.section(
        f"{prefix}worst",
        "Worst targets",
        lead,
        tag("div", pictures, tables.worst_table(record), class_="two"),
        tag("div", tag("p", what(record, 0), class_="what"), command, class_="picture detail"),
    )


def what(record: Record, number: int) -> str:
    """What one of the worst targets is, in words that its command follows."""
    each = record.worst[number]
    solved = "solved" if each.solved else "not solved"
    off = words.error(each.error_m, each.angle_rad)
    return f"Target {number + 1}: {solved}, {off} off. Solved again by:"


def _path_lead(record: Record) -> str:
    path = record.path
    angle = None if path.angle is None else float(path.angle.max())
    worst = words.error(float(path.error.max()), angle)
    jumps = f"{len(path.jumps) or 'no'} jump{'s' * (len(path.jumps) != 1)}"
    return (
        f"The tool follows {path.what}: {int(path.solved.sum()):,} of {len(path.solved):,} targets "
        f"are reached, at worst {worst} off, with {jumps}. The "
        f"network was asked for {int(path.asked.sum()):,} of them; the others follow from the "
        "joints before."
    )


def _no_training(reason: str) -> Markup:
    return parts.note(
        "The curves of a training lie in its run folder, and ",
        tag("code", "edge-ik report RUN"),
        f" shows them. {reason}",
    )


def _not_counted(record: Record) -> Markup:
    """How costs are counted, which takes an exported model."""

    def command(*words: str) -> Markup:
        return tag("code", shlex.join(["edge-ik", *words]))

    # Of a run that none was exported of yet, both commands take what will be.
    model, first = record.exported or record.source, None
    if record.exported is None:
        first = joined(
            "That takes an exported model, which ", command("export", model), " writes. "
        )
    return parts.note(
        "Instructions, flash and stack were not counted. ",
        first,
        command("bench", model, "--target", "cortex-m4", "--json"),
        " counts them: give what it prints to the report by --measured FILE",
        ", or take ",
        command("report", model, "--cores", "cortex-m4"),
        ".",
    )


def elsewhere_sections(found: Elsewhere, pictures: Mapping[str, Markup], record: Record) -> Markup:
    """What other commands measured, or how to have it measured.

    Args:
        found: What they measured.
        pictures: Their pictures by name.
        record: The model that it would be measured of.
    """
    counted: Markup
    if found.cores:
        counted = joined(pictures["cost"], tables.cost_table(found.cores))
    else:
        counted = _not_counted(record)
    sections = [parts.section("cost", "Cost", "", counted)]
    if found.peers is not None:
        table = tables.peers_table(found.peers.rows)
        sections.append(parts.section("peers", "Peers", "", pictures["peers"], table))
    if found.ablation:
        table = tables.ablation_table(found.ablation)
        sections.append(parts.section("ablation", "Ablation", "", pictures["ablation"], table))
    if found.front:
        table = tables.front_table(found.front)
        sections.append(parts.section("front", "Search", "", pictures["front"], table))
    return joined(*sections)
