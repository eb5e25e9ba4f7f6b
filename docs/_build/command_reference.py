"""The reference of the command line: every command with its options, as click knows them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import click

# What would act in Markdown, or end a cell of a table; code acts as it does in a help text.
ACTS = re.compile(r"([\\*_{}\[\]|#~])")
CODE = re.compile(r"(`[^`]*`)")
# Where a default is no value, its words end the help text.
DEFAULT = re.compile(r"\s*\[default: (.*)\]\Z", re.DOTALL)


def command_reference(
    command: click.Command, name: str, warn: Callable[[str], None] = lambda text: None
) -> str:
    """A command and those below it, in Markdown.

    Args:
        command: The outermost one.
        name: What people type for it.
        warn: Called with each option that has no help text.
    """
    # Defaults stand in a column of their own, also where --help leaves them out.
    outermost = click.Context(
        command, info_name=name, show_default=True, **command.context_settings
    )
    return "\n".join(_lines(command, outermost, warn)) + "\n"


def _lines(
    command: click.Command, context: click.Context, warn: Callable[[str], None]
) -> Iterator[str]:
    level = "##" if context.parent is None else "###"
    yield f"\n{level} {context.command_path}\n"
    for paragraph in (command.help or "").split("\n\n"):
        yield _text(paragraph) + "\n"
    yield f"```\n{command.get_usage(context).removeprefix('Usage: ')}\n```\n"
    yield "| option | | default |\n|---|---|---|"
    for option in command.get_params(context):
        if isinstance(option, click.Option) and not option.hidden:
            if not option.help:
                warn(f"{context.command_path} {option.opts[0]} has no help text")
            yield _row(option, context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None and not below.hidden:
                inner = click.Context(below, info_name=name, parent=context)
                yield from _lines(below, inner, warn)


def _row(option: click.Option, context: click.Context) -> str:
    told = option.get_help_extra(context)
    names = ", ".join([*option.opts, *option.secondary_opts])
    takes = "" if option.is_flag or option.count else f" {option.make_metavar(context)}"
    words, default = option.help or "", f"`{told['default']}`" if "default" in told else ""
    worded = DEFAULT.search(words)
    if worded:
        words, default = words[: worded.start()], worded[1]
    cells = [f"`{names}{takes}`", " ".join(words.split())]
    if "range" in told:
        cells[1] += f" `{told['range']}`"
    return f"| {' | '.join(map(_text, [*cells, default]))} |"


def _text(text: str) -> str:
    """Words that do nothing in Markdown; code, where nothing does, stays as it is."""
    parts = CODE.split(" ".join(text.split()))
    for index in range(0, len(parts), 2):
        plain = parts[index].replace("&", "&amp;").replace("<", "&lt;")
        parts[index] = ACTS.sub(r"\\\1", plain)
    return "".join(parts)
