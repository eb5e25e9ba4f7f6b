"""What build systems ask of a folder of firmware: manifests, build files, an example."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from edge_ik_tools.templates import filled

PAGE = "https://pypi.org/project/edge-ik/"
AUTHOR = "edge-ik"

# Arduino's examples; the second is for boards without a floating-point unit.
SKETCHES = ("SolveIk", "SolveIkIntegers")

# The template of each file by its path in the folder; `{name}` is the firmware's.
TEMPLATES: Mapping[str, str] = {
    "README.md": "README.md.in",
    "CMakeLists.txt": "CMakeLists.txt.in",
    "arm-none-eabi.cmake": "arm-none-eabi.cmake.in",
    "extras/example.c": "example.c.in",
    "extras/selftest.c": "selftest.c.in",
    "keywords.txt": "keywords.txt.in",
    **{f"examples/{sketch}/{sketch}.ino": f"{sketch}.ino.in" for sketch in SKETCHES},
    "zephyr/CMakeLists.txt": "zephyr_CMakeLists.txt.in",
    "zephyr/Kconfig": "Kconfig.in",
    "micropython.cmake": "micropython.cmake.in",
    "micropython.mk": "micropython.mk.in",
    "micropython/{name}_module.c": "module.c.in",
}


def package_texts(values: Mapping[str, Any]) -> dict[str, str]:
    """The text of each file of the folder but the firmware's own two, by its path.

    Args:
        values: What the templates ask for.
    """
    name = values["name"]
    texts = {
        path.format(name=name): filled("c99", template, values)
        for path, template in TEMPLATES.items()
    }
    return texts | {
        "library.properties": _library_properties(values),
        "library.json": _library_json(values),
        "idf_component.yml": _yaml({"version": values["version"], "description": _what(values)}),
        "zephyr/module.yml": _yaml(
            {"name": name, "build": {"cmake": "zephyr", "kconfig": "zephyr/Kconfig"}}
        ),
    }


def _what(values: Mapping[str, Any]) -> str:
    """One sentence of what the library is."""
    return f"Inverse kinematics of {values['robot']}, {values['joints']} joints, without heap."


def _library_properties(values: Mapping[str, Any]) -> str:
    """Arduino's manifest; see its library specification, revision 2.2."""
    name = values["name"]
    fields = {
        "name": name,
        "version": values["version"],
        "author": AUTHOR,
        "maintainer": AUTHOR,
        "sentence": _what(values),
        "paragraph": f"{values['joint_kind']} for a target, within the limits. Joints: "
        f"{values['joint_names']}.",
        "category": "Device Control",
        "url": PAGE,
        "architectures": "*",
        "includes": f"{name}.h",
    }
    return "".join(f"{key}={value}\n" for key, value in fields.items())


def _library_json(values: Mapping[str, Any]) -> str:
    """PlatformIO's manifest, which it prefers to Arduino's."""
    name = values["name"]
    fields = {
        "name": name,
        "version": values["version"],
        "description": _what(values),
        "keywords": ["inverse kinematics", "robotics"],
        "authors": [{"name": AUTHOR, "url": PAGE}],
        "headers": f"{name}.h",
        "frameworks": "*",
        "platforms": "*",
        "examples": [
            {"name": sketch, "base": f"examples/{sketch}", "files": [f"{sketch}.ino"]}
            for sketch in SKETCHES
        ],
        "build": {"srcDir": "src", "includeDir": "src"},
    }
    return json.dumps(fields, indent=2) + "\n"


def _yaml(fields: Mapping[str, Any], indent: str = "") -> str:
    """Texts, and maps of them, as YAML: a text of JSON is one of YAML too."""
    lines = []
    for key, value in fields.items():
        if isinstance(value, str):
            lines.append(f"{indent}{key}: {json.dumps(value)}\n")
        else:
            lines.append(f"{indent}{key}:\n{_yaml(value, indent + '  ')}")
    return "".join(lines)
