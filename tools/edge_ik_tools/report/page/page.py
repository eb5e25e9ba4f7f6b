"""The page: everything in one file of HTML, which asks nothing of any network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from edge_ik import __version__
from edge_ik_tools.report.drawing.album import album, common_pictures
from edge_ik_tools.report.drawing.arrays import Arrays
from edge_ik_tools.report.drawing.for_plotly import plotly_picture
from edge_ik_tools.report.drawing.palette import (
    DARK,
    ERROR_DARK,
    ERROR_LIGHT,
    ERROR_STOPS,
    LIGHT,
)
from edge_ik_tools.report.measuring.elsewhere import CoreCost, Elsewhere
from edge_ik_tools.report.measuring.record import Record
from edge_ik_tools.report.measuring.verdict import rule
from edge_ik_tools.report.page import parts
from edge_ik_tools.report.page.markup import Markup, escaped, joined, script_json, tag
from edge_ik_tools.report.page.sections import (
    elsewhere_sections,
    model_sections,
    verdict_card,
    what,
)
from edge_ik_tools.templates import template_text
from firmware_host.errors import optional_import

# The page's own grounds and lines beside the palette of pictures: light, dark.
GROUNDS = {
    "ground": ("#f6f7f9", "#101317"),
    "line": ("#e1e5ea", "#2a3038"),
    "well": ("#f1f3f6", "#1e2329"),
    "veil": ("#f6f7f9e6", "#101317e6"),
    "tint": ("#e6eef8", "#1d2b3c"),
}


def page(records: Sequence[Record], elsewhere: Elsewhere, command: str) -> str:
    """The page of one or more models.

    Args:
        records: What was measured of each.
        elsewhere: What other commands measured.
        command: What makes the page again.

    Raises:
        MissingExtraError: If plotly is not installed.
    """
    plotly = plotly_script()
    arrays = Arrays()
    albums = [album(record) for record in records]
    common = common_pictures(records, elsewhere)
    groups: list[dict[str, Any]] = [
        {
            "pictures": [plotly_picture(picture, arrays) for picture in each.pictures],
            "postures": _postures(record, arrays),
        }
        for record, each in zip(records, albums, strict=True)
    ]
    groups.append({"pictures": [plotly_picture(picture, arrays) for picture in common]})
    figures = {picture.name: parts.figure(picture, len(records)) for picture in common}
    articles = [
        tag(
            "article",
            model_sections(record, each, number, f"m{number}-" if len(records) > 1 else ""),
            data_model=str(number),
            data_group=number,
            hidden=number > 0,
        )
        for number, (record, each) in enumerate(zip(records, albums, strict=True))
    ]
    body = _body(records, elsewhere, figures, articles, command)
    data = {
        "arrays": arrays.table,
        "groups": groups,
        "palette": {"light": LIGHT, "dark": DARK},
        "errors": {
            name: [list(stop) for stop in zip(ERROR_STOPS, colors, strict=True)]
            for name, colors in (("light", ERROR_LIGHT), ("dark", ERROR_DARK))
        },
    }
    script = template_text("report", "report.js")
    robots = ", ".join(dict.fromkeys(record.provenance.robot for record in records))
    return _filled(
        template_text("report", "report.html"),
        {
            "POLICY": escaped(_policy(plotly, script)),
            "GENERATOR": escaped(f"edge-ik {__version__}"),
            "TITLE": escaped(f"{robots}: edge-ik report"),
            "STYLE": _colors() + template_text("report", "report.css"),
            "BODY": body,
            "DATA": script_json(data),
            "PLOTLY": plotly,
            "SCRIPT": script,
        },
    )


def plotly_script() -> str:
    """plotly.js, from plotly's own package.

    Raises:
        MissingExtraError: If plotly is not installed.
    """
    with optional_import("plotly", "report", "A report"):
        path = files("plotly") / "package_data" / "plotly.min.js"
    # A script element ends at the first such mark, wherever it stands.
    return path.read_text(encoding="utf-8").replace("</script", "<\\/script")


def _body(
    records: Sequence[Record],
    elsewhere: Elsewhere,
    figures: Mapping[str, Markup],
    articles: Sequence[Markup],
    command: str,
) -> Markup:
    several = len(records) > 1
    cards = (verdict_card(record, _cores(record, elsewhere, several)) for record in records)
    main = tag(
        "main",
        parts.section(
            "verdict",
            "Verdict",
            "",
            tag("div", *cards, class_="verdicts"),
            tag("p", rule(), class_="rule"),
            figures.get("compare"),
        ),
        _tabs(records) if several else None,
        *articles,
        elsewhere_sections(elsewhere, figures, records[0]),
        tag(
            "footer",
            tag("p", f"Made by edge-ik {__version__}, again by:"),
            tag("code", command, class_="command"),
            tag("p", "This file asks nothing of any network: all numbers and programs are in it."),
        ),
        class_="wrap",
    )
    contents = tag("nav", tag("div", class_="wrap"), class_="contents", aria_label="Contents")
    words = "Pictures need JavaScript; all else is here without it."
    silent = tag("noscript", tag("p", words, class_="wrap note"))
    return joined(_header(records), contents, silent, main)


def _cores(record: Record, elsewhere: Elsewhere, several: bool) -> list[CoreCost]:
    """What a solve of a model costs; where there are several, only what is known to be its own."""
    return [core for core in elsewhere.cores if core.model == record.label or not several]


def _header(records: Sequence[Record]) -> Markup:
    origin = records[0].provenance
    title = records[0].label
    lead = f"{origin.robot}, {origin.task}: what it answers, where, and how well."
    if len(records) > 1:
        robots = ", ".join(dict.fromkeys(record.provenance.robot for record in records))
        title = f"{len(records)} models of {robots}"
        lead = "What each of them answers, where, and how well."
    words = tag(
        "div",
        tag("p", "edge-ik report", class_="eyebrow"),
        tag("h1", title),
        tag("p", lead, class_="lead"),
    )
    theme = tag("button", "Dark", type="button", class_="theme")
    return tag("header", tag("div", words, theme, class_="wrap"), class_="top")


def _tabs(records: Sequence[Record]) -> Markup:
    """A tab for each model; the page shows one at a time below."""
    tabs = (
        tag(
            "button",
            record.label,
            type="button",
            role="tab",
            data_model=str(number),
            aria_selected="true" if number == 0 else "false",
        )
        for number, record in enumerate(records)
    )
    return tag("div", *tabs, class_="tabs", role="tablist", aria_label="Models")


def _postures(record: Record, arrays: Arrays) -> list[dict[str, Any]]:
    return [
        {
            "points": [arrays.number(part) for part in each.points.T],
            "place": [[float(f"{part:.6g}")] for part in each.place.tolist()],
            "command": each.command,
            "what": what(record, number),
        }
        for number, each in enumerate(record.worst)
    ]


def _policy(*scripts: str) -> str:
    """What the page may do: run its own scripts, and nothing over a network."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in scripts
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "font-src data:; base-uri 'none'; form-action 'none'"
    )


def _colors() -> str:
    """The palette as variables of CSS, for light and for dark."""

    def variables(colors: dict[str, str], place: int) -> str:
        named = {name: color for name, color in colors.items() if name.isalpha()}
        named |= {name: pair[place] for name, pair in GROUNDS.items()}
        stops = ", ".join((ERROR_LIGHT, ERROR_DARK)[place])
        named["errors"] = f"linear-gradient(to right, {stops})"
        return " ".join(f"--{name}: {color};" for name, color in named.items())

    dark = variables(DARK, 1)
    return (
        f":root {{ color-scheme: light; {variables(LIGHT, 0)} }}\n"
        f"@media screen and (prefers-color-scheme: dark) {{ :root:not([data-theme=light]) "
        f"{{ color-scheme: dark; {dark} }} }}\n"
        f"@media screen {{ :root[data-theme=dark] {{ color-scheme: dark; {dark} }} }}\n"
    )


def _filled(template: str, values: dict[str, str]) -> str:
    """The template with its values, none of which is looked into for others."""
    pieces = template.split("@@")
    return "".join(piece if index % 2 == 0 else values[piece] for index, piece in enumerate(pieces))
