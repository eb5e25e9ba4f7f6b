"""Text from templates: values, and lines that are there only where a value says so."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from string import Template


def template_text(package: str, name: str) -> str:
    """A template, or a text that needs no values, of a package's folder `templates`.

    Args:
        package: A package of `edge_ik_tools`, as "c99".
        name: Name of the file.
    """
    return (files(f"edge_ik_tools.{package}") / "templates" / name).read_text(encoding="utf-8")


def filled(package: str, name: str, values: Mapping[str, object]) -> str:
    """A template with its values in it.

    `${word}` is replaced by the value of that name. Lines between `@if word` and `@end` are
    kept where that value is true, those after an `@else` where it is not; `@if not word` is
    the opposite.

    Args:
        package: A package of `edge_ik_tools`, as "c99".
        name: Name of the template.
        values: What it asks for, and more.
    """
    lines, wanted = [], [True]
    for line in template_text(package, name).splitlines(keepends=True):
        match line.split():
            case ["@if", *negated, word] if negated in ([], ["not"]):
                wanted.append(wanted[-1] and bool(values[word]) != bool(negated))
            case ["@else"]:
                wanted[-1] = wanted[-2] and not wanted[-1]
            case ["@end"]:
                wanted.pop()
            case _ if wanted[-1]:
                lines.append(line)
    return Template("".join(lines)).substitute(values)
