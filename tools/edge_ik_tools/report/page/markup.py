"""HTML from values: whatever is not markup already is written letter by letter."""

from __future__ import annotations

import html
import json
from typing import Any

from firmware_host.names import shown


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def escaped(value: object) -> Markup:
    """Any value as HTML shows it; markup stays."""
    if isinstance(value, Markup):
        return value
    return Markup(html.escape(shown(str(value)), quote=True))


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """An element.

    Args:
        name: What it is.
        children: What it holds; strings are escaped, markup is not.
        attributes: `class_` is written `class`, `data_key` `data-key`; what is None or False is
            left out.
    """
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}"
        + ("" if value is True else f'="{escaped(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in ("input", "img", "br", "hr"):
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{joined(*children)}</{name}>")


def joined(*parts: object) -> Markup:
    """Parts one behind the other."""
    return Markup("".join(escaped(part) for part in parts if part is not None))


def script_json(values: Any) -> str:
    """JSON as it may stand in a script element: no character of it ends that, or begins another."""
    text = json.dumps(values, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def table(heads: list[str], rows: list[list[object]], text: tuple[int, ...] = ()) -> Markup:
    """A table; the first column and those of `text` to the left, the others to the right."""

    def kind(index: int) -> str | None:
        return "text" if index in text else None

    head = tag(
        "tr", *(tag("th", each, class_=kind(k), scope="col") for k, each in enumerate(heads))
    )
    body = (
        tag("tr", *(tag("td", each, class_=kind(k)) for k, each in enumerate(row))) for row in rows
    )
    return tag("div", tag("table", tag("thead", head), tag("tbody", *body)), class_="scroll")
