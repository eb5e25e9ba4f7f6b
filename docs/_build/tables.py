"""Pages that list what the sources list: configuration values, and the built-in robots."""

from __future__ import annotations

import dataclasses
import inspect
import re
import typing
from pathlib import Path

from edge_ik.arms.builtin import builtin_arms
from edge_ik.arms.load import load_arm
from edge_ik.config import Config
from firmware_host.solver import IkSolver
from reports import shipped_models

CONFIGURATION = """# Configuration

A run's `config.toml` holds every value, in the tables below. Give such a file with `--config`, or
single values with `--set TABLE.KEY=VALUE`:

```
edge-ik train --config runs/micro/config.toml --set network.width=24 --out runs/wider
```

What is left out keeps its default, and where that says so it is chosen by the task and the joints.
"""
GALLERY = """# Built-in robots

Each is trained by one command, without a size: `edge-ik train --arm NAME --out runs/NAME`. Shown is
the home posture; joint axes are blue where joints turn and orange where they slide, the tool's x, y
and z are red, green and blue. The figures of all of them stand in [the table of choices](choose.md).
"""
SHIPPED = (
    "[Its report](reports/{name}.html), of the model that the repository ships: task `{task}`.\n"
)
REPORT = """Its report is made by

```
edge-ik train --arm {name} --out runs/{name}
edge-ik report runs/{name} --out {name}.html
```
"""
ATTRIBUTE = re.compile(r"^    (\w+): (.*?)(?=^    \w+: |\Z)", re.MULTILINE | re.DOTALL)


def configuration_tables() -> str:
    """The page of configuration values, out of the dataclasses and their docstrings."""
    hints = typing.get_type_hints(Config)
    sections = [CONFIGURATION]
    for part in dataclasses.fields(Config):
        kind = hints[part.name]
        doc = inspect.cleandoc(kind.__doc__ or "")
        told = dict(_attributes(doc))
        sections.append(f"\n## `[{part.name}]`\n\n{doc.splitlines()[0]}\n")
        sections.append("| key | default | |\n|---|---|---|")
        for field in dataclasses.fields(kind):
            sections.append(f"| `{field.name}` | `{field.default!r}` | {told[field.name]} |")
    return "\n".join(sections) + "\n"


def _attributes(doc: str) -> list[tuple[str, str]]:
    body = doc.partition("Attributes:\n")[2]
    return [
        (name, " ".join(text.split()).replace("|", "\\|")) for name, text in ATTRIBUTE.findall(body)
    ]


def _report_line(name: str, model: Path | None) -> str:
    """Where a robot's report is, or how it is made where the repository ships no model.

    The task of a shipped model need not be the robot's usual one.
    """
    if model is None:
        return REPORT.format(name=name)
    return SHIPPED.format(name=name, task=IkSolver.load(model, "reference").task.name)


def robot_gallery(root: Path) -> str:
    """The page of built-in robots, with what the repository ships of each."""
    sections, models = [GALLERY], shipped_models(root)
    for name, arm in builtin_arms().items():
        chain = load_arm(name)
        sections += [
            f"\n## {name}\n",
            f"{arm.description}. Task: `{arm.task}`; reach {chain.reach:.3f} m; joints in order: "
            f"{', '.join(chain.joint_names)}.\n",
            _report_line(name, models.get(name)),
            f'![{name} at its home posture](pictures/{name}.svg){{ width="420" }}\n',
        ]
    return "\n".join(sections) + "\n"
