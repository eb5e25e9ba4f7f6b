"""What sections of the page are made of: pictures with their sliders, and lists of figures."""

from __future__ import annotations

from edge_ik_tools.report.drawing.pictures import Picture, Slider
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
    panels = (
        tag(
            "div",
            tag("h4", panel.title) if panel.title and several else None,
            tag("div", class_="plot", role="img", aria_label=f"{picture.title}. {panel.title}"),
            class_="panel",
        )
        for panel in picture.panels
    )
    return tag(
        "figure",
        tag("h3", picture.title),
        tag("figcaption", picture.reading),
        tag("div", *map(slider, picture.sliders), class_="sliders") if picture.sliders else None,
        tag("div", *panels, class_="panels" if several else "panels one"),
        class_="picture",
        data_group=group,
        data_picture=picture.name,
    )


def slider(found: Slider) -> Markup:
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
