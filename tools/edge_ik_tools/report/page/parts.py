"""What sections of the page are made of: pictures with their sliders, and lists of figures."""

from __future__ import annotations

import math

from edge_ik_tools.report.drawing.pictures import Picture, Scale, Slider
from edge_ik_tools.report.page.markup import Markup, joined, tag


def section(anchor: str, title: str, lead: str, *children: object) -> Markup:
    """A section with its title in the contents."""
    return tag(
        "section",
        tag("h2", title),
        tag("p", lead, class_="lead") if lead else None,
        *children,
        id=anchor,
        data_title=title,
    )


def figure(picture: Picture, group: int) -> Markup:
    """Where a picture goes, with how to read it."""
    several = len(picture.panels) > 1
    sliders = [slider for slider in picture.sliders if slider.shown]
    panels = (
        tag(
            "div",
            tag("h4", panel.title) if panel.title and several else None,
            tag("div", class_="legend"),
            tag("div", class_="plot", role="img", aria_label=f"{picture.title}. {panel.title}"),
            class_="panel",
        )
        for panel in picture.panels
    )
    return tag(
        "figure",
        tag("h3", picture.title),
        tag("figcaption", picture.reading),
        tag("div", *map(_slider, sliders), class_="sliders") if sliders else None,
        tag("div", *panels, class_="panels" if several else "panels one"),
        None if picture.scale is None else _scale(picture.scale),
        class_="picture",
        data_group=group,
        data_picture=picture.name,
    )


def _slider(found: Slider) -> Markup:
    """A slider with the word for where it stands."""
    stop = found.stops[found.start]
    return tag(
        "label",
        tag("span", found.label),
        tag(
            "input",
            type="range",
            min=0,
            max=len(found.stops) - 1,
            step=1,
            value=found.start,
            data_key=found.key,
            aria_valuetext=stop,
            autocomplete="off",
        ),
        tag("output", stop),
        class_="slider",
    )


def _scale(scale: Scale) -> Markup:
    """What the colours of a picture mean."""
    low, high = math.log10(scale.low), math.log10(scale.high)
    ticks = (
        tag("span", text, style=f"left:{100 * (math.log10(at) - low) / (high - low):.1f}%")
        for at, text in scale.ticks
    )
    return tag(
        "div",
        tag("span", scale.label, class_="what"),
        tag("div", tag("div", class_="bar"), tag("div", *ticks, class_="ticks"), class_="colors"),
        class_="scale",
    )


def figures(rows: list[tuple[str, str, str]]) -> Markup:
    """Figures with their names, and words in small print below."""
    return tag(
        "dl",
        *(
            tag("div", tag("dt", name), tag("dd", value, tag("small", small) if small else None))
            for name, value, small in rows
        ),
        class_="figures",
    )


def note(*children: object) -> Markup:
    """A sentence in place of what cannot be shown."""
    return tag("p", joined(*children), class_="note")
