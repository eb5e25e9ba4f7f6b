"""The reference of the Python interface: a page for each room, with every public name in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import griffe

PACKAGES = {
    "firmware_host": "solves, on the robot's own computer: NumPy and a TFLite runtime",
    "edge_ik": "trains: from a robot description to a run folder",
    "edge_ik_tools": "converts: from a run folder to all that is deployed",
}
# Of a constant a comment says what it is for; it is shown where a docstring does.
TYPE_NAME = re.compile(r"[A-Z]\w*[a-z]")
NAMES = re.compile(r"\w+")
ATTRIBUTES = griffe.DocstringSectionKind.attributes
PARAMETERS = griffe.DocstringSectionKind.parameters
INTRODUCTION = """# Python interface

Most programs need one name of it:

```python
from firmware_host import IkSolver

solver = IkSolver.load("artifacts/arm3/arm3-int8.tflite")
print(solver.solve([0.30, 0.10, 0.20]).q)
```

What `firmware_host` itself exports is meant for programs, and stays what it is between minor
versions. The rooms behind it are shown for those who build on them.
"""


def python_reference(root: Path, warn: Callable[[str], None]) -> dict[str, str]:
    """Pages by path.

    Args:
        root: The folder of the repository.
        warn: Called with each public name that has no docstring.
    """
    pages, index = {}, [INTRODUCTION]
    for package, purpose in PACKAGES.items():
        module = griffe.load(package, search_paths=[root, root / "tools"])
        index.append(f"\n## `{package}`\n\nIt {purpose}.\n")
        for room in _rooms(module):
            for name in _undocumented(room):
                warn(f"{name} has no docstring")
            path = f"reference/python/{room.path}.md"
            index.append(f"- [`{room.path}`](python/{room.path}.md): {_summary(room)}")
            pages[path] = _page(room)
    return {"reference/python.md": "\n".join(index) + "\n", **pages}


def _rooms(package: griffe.Module) -> list[griffe.Module]:
    """The package, and every public module and package right below it."""
    below = [module for module in package.modules.values() if _shown(module)]
    return [package, *below]


def _shown(module: griffe.Module) -> bool:
    # The command line has a reference of its own.
    return not module.name.startswith("_") and module.path != "edge_ik.cli"


def _page(room: griffe.Module) -> str:
    """A page: of a package what it exports, of a room it and the modules below it."""
    options = "    options:\n      show_submodules: false\n      filters: ['!^_']\n"
    if room.parent is None:
        # What the package exports is documented where it is written.
        members = [_written(room, str(name)) for name in room.exports or ()]
        lines = [f"- [`{one.name}`][{one.path}]: {_summary(one)}" for one in members]
        return "\n".join([f"# `{room.path}`\n", _summary(room) + "\n", *lines]) + "\n"
    parts = [f"::: {module.path}\n{options}" for module in [room, *_below(room)]]
    return f"# `{room.path}`\n\n" + "\n".join(parts)


def _written(package: griffe.Module, name: str) -> griffe.Object | griffe.Alias:
    """What a package exports, where it is written."""
    member = package.members[name]
    # A few modules pass on what another module of the package wrote.
    while member.is_alias:
        member = package[member.target_path.removeprefix(f"{package.path}.")]
    return member


def _summary(written: griffe.Object | griffe.Alias) -> str:
    return written.docstring.value.splitlines()[0] if written.docstring else ""


def _below(room: griffe.Module) -> list[griffe.Module]:
    found = []
    for module in room.modules.values():
        if not module.name.startswith("_"):
            found += [module, *_below(module)]
    return found


def _undocumented(room: griffe.Module) -> list[str]:
    """Public names without a word: functions, classes, what they have, and names of types.

    Of attributes those count that a list in the class's docstring leaves out, and all that what a
    package exports has; others are not shown.
    """
    if room.parent is None:
        exported = [_written(room, str(name)) for name in room.exports or ()]
        return [path for one in exported if one.is_class for path in _untold(one, everything=True)]
    missing = []
    for module in [room, *_below(room)]:
        for member in _public(module):
            if member.is_attribute and not TYPE_NAME.match(member.name):
                continue
            if not member.has_docstring:
                missing.append(member.path)
            if member.is_class:
                missing += _untold(member)
    return missing


def _untold(owner: griffe.Object | griffe.Alias, *, everything: bool = False) -> list[str]:
    """What a class has without a word; of attributes without a list of them only for everything."""
    listed = everything or any(section.kind is ATTRIBUTES for section in _sections(owner))
    told = set()
    # What a class has in place of that of another is described there.
    for one in (owner, *owner.mro()):
        told |= {name for name, part in one.members.items() if part.has_docstring}
        for section in _sections(one):
            if section.kind in (ATTRIBUTES, PARAMETERS):
                told |= {name for entry in section.value for name in NAMES.findall(entry.name)}
    return [
        part.path
        for part in _public(owner)
        if part.name not in told
        and (listed or part.is_function or part.has_labels("property"))
    ]


def _sections(owner: griffe.Object | griffe.Alias) -> list[Any]:
    return owner.docstring.parse("google", warnings=False) if owner.docstring else []


def _public(owner: griffe.Object | griffe.Alias) -> list[griffe.Object | griffe.Alias]:
    """What is written in a module or a class itself, and public."""
    members = owner.members.values()
    return [one for one in members if not (one.is_alias or one.is_module or one.name[0] == "_")]
