"""What the folder says of itself to each build system, by that system's own rules."""

import dataclasses
import json
import os
import re
import subprocess
import tarfile
import zipfile

import jsonschema
import pytest
import yaml

from edge_ik import __version__
from edge_ik_tools.c99.folder import write_c99
from edge_ik_tools.c99.literals import TAKEN, identifier
from edge_ik_tools.c99.source import Firmware
from firmware_host.chain import Chain

VERSION = {"type": "string", "pattern": r"^(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}$"}
LINE = {"type": "string", "minLength": 1, "pattern": r"^[ -~]+$"}
# Arduino's library specification, revision 2.2, and what its Library Manager asks for.
ARDUINO = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 63, "pattern": r"^(?!arduino)[a-z0-9][\w.-]*$"},
        "version": VERSION,
        "author": LINE,
        "maintainer": LINE,
        "sentence": LINE,
        "paragraph": LINE,
        "category": {
            "enum": ["Display", "Communication", "Signal Input/Output", "Sensors",
                     "Device Control", "Timing", "Data Storage", "Data Processing", "Other"]
        },
        "url": {"type": "string", "pattern": "^https?://"},
        "architectures": {"type": "string", "pattern": r"^(\*|[a-z0-9_,]+)$"},
        "includes": {"type": "string", "pattern": r"^\w+\.h$"},
    },
    "required": ["name", "version", "author", "maintainer", "sentence", "paragraph", "category",
                 "url", "architectures"],
    "additionalProperties": False,
}  # fmt: skip
# PlatformIO's documentation of library.json.
PLATFORMIO = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 100, "pattern": r"^[^:;/,@<>]+$"},
        "version": VERSION,
        "description": {**LINE, "maxLength": 1000},
        "keywords": {"type": "array", "items": {"type": "string", "pattern": r"^[a-z\d\-+. ]+$"}},
        "authors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"name": {**LINE, "maxLength": 50}, "url": LINE},
                "required": ["name"],
                "additionalProperties": False,
            },
        },
        "headers": {"type": "string", "pattern": r"^\w+\.h$"},
        "frameworks": {"const": "*"},
        "platforms": {"const": "*"},
        "examples": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string", "pattern": r"^[a-zA-Z\d\-_/]+$"},
                    "base": LINE,
                    "files": {"type": "array", "items": LINE, "minItems": 1},
                },
                "required": ["name", "base", "files"],
                "additionalProperties": False,
            },
        },
        "build": {
            "type": "object",
            "properties": {"srcDir": LINE, "includeDir": LINE},
            "additionalProperties": False,
        },
    },
    "required": ["name", "version", "description", "keywords"],
    "additionalProperties": False,
}
# The manifest file of ESP-IDF's component manager.
ESP_IDF = {
    "type": "object",
    "properties": {"version": VERSION, "description": LINE},
    "required": ["version"],
    "additionalProperties": False,
}
# The schema in Zephyr's documentation of modules.
ZEPHYR = {
    "type": "object",
    "properties": {
        "name": LINE,
        "build": {
            "type": "object",
            "properties": {"cmake": LINE, "kconfig": LINE},
            "additionalProperties": False,
        },
    },
    "additionalProperties": False,
}
# What robots may be called, and beyond it what a file may be.
HOSTILE = ['a"b${X}#: [c]', "`rm`|<b>*/", "ends\\", "Grüße 机器人", "%{x} $(y)", "??/ ??' [[x]]"]
HOSTILE_FILES = ["a\nname=evil", "x\r\nexecute_process(COMMAND touch owned)", "\0\u202e\ud800]]"]


def properties(text):
    """The fields of a library.properties, each of which is one line."""
    assert text.endswith("\n")
    return dict(line.split("=", 1) for line in text.splitlines())


def manifests(folder):
    return {
        "library.properties": (properties((folder / "library.properties").read_text()), ARDUINO),
        "library.json": (json.loads((folder / "library.json").read_text()), PLATFORMIO),
        "idf_component.yml": (yaml.safe_load((folder / "idf_component.yml").read_text()), ESP_IDF),
        "zephyr/module.yml": (yaml.safe_load((folder / "zephyr/module.yml").read_text()), ZEPHYR),
    }


def check(folder, name):
    found = manifests(folder)
    for values, schema in found.values():
        jsonschema.validate(values, schema)
        assert values.get("name", name) == name
        assert values.get("version", __version__) == __version__
    arduino, pio = found["library.properties"][0], found["library.json"][0]
    assert (folder / "src" / arduino["includes"]).is_file()
    assert (folder / pio["build"]["srcDir"] / pio["headers"]).is_file()
    for example in pio["examples"]:
        for file in example["files"]:
            assert (folder / example["base"] / file).is_file()
    build = found["zephyr/module.yml"][0]["build"]
    assert (folder / build["cmake"] / "CMakeLists.txt").is_file()
    assert (folder / build["kconfig"]).is_file()


@pytest.mark.parametrize("kind", ["arm3", "poses_branches", "pitches", "boom"])
def test_manifests_keep_to_their_schemas(kind, exported):
    check(exported(kind), kind)


def test_keywords_are_those_of_the_header(kind, exported):
    folder = exported(kind)
    header = (folder / "src" / f"{kind}.h").read_text()
    rows = [line.split("\t") for line in (folder / "keywords.txt").read_text().splitlines()]
    kinds = {"KEYWORD1", "KEYWORD2", "LITERAL1"}
    assert all(len(row) == 2 and row[1] in kinds for row in rows)
    functions = set(re.findall(rf"\b({kind}_\w+)\(", header))
    assert {word for word, mark in rows if mark == "KEYWORD2"} == functions
    assert all(re.search(rf"\b{word}\b", header) for word, _ in rows)


def test_zephyr_s_option_is_the_one_that_its_build_asks_for(exported):
    folder = exported("arm3") / "zephyr"
    option = re.search(r"^config (\w+)$", (folder / "Kconfig").read_text(), re.MULTILINE)[1]
    assert f"if(CONFIG_{option})" in (folder / "CMakeLists.txt").read_text()
    # Everything after `config` is indented with a tab, the help by two spaces more.
    lines = (folder / "Kconfig").read_text().split("\n\n", 1)[1].splitlines()
    assert all(line.startswith("\t") for line in lines[1:])
    assert re.fullmatch(r'\tbool "[^"\\$]+"', lines[1])


def test_each_build_system_has_its_lines_in_the_readme(exported):
    text = (exported("arm3") / "README.md").read_text()
    for system in ("Arduino", "PlatformIO", "CMake", "ESP-IDF", "Zephyr", "MicroPython"):
        part = text.split(f"**{system}.**", 1)[1].split("\n**")[0].split("\n## ")[0]
        told = [line for line in part.splitlines() if line.strip() and "```" not in line]
        assert 1 <= len(told) <= 5, system


@pytest.mark.parametrize(
    ("words", "file"),
    [*((words, words) for words in HOSTILE), *((HOSTILE[0], file) for file in HOSTILE_FILES)],
)
def test_names_of_robots_stay_names(words, file, arm3_path, tmp_path, require_tool):
    """Whatever a URDF calls its parts, files mean what they say, and compile."""
    firmware = Firmware.load(arm3_path, "arm")
    chain = firmware.spec.chain
    joints = tuple(
        dataclasses.replace(joint, name=f"{words}{index}")
        for index, joint in enumerate(chain.joints)
    )
    renamed = dataclasses.replace(chain, name=words, moving=joints, base=words)
    assert isinstance(renamed, Chain)
    problem = dataclasses.replace(firmware.spec.problem, chain=renamed)
    spec = dataclasses.replace(firmware.spec, problem=problem)
    hostile = dataclasses.replace(firmware, spec=spec, command=f"edge-ik export {file}")
    folder = tmp_path / "arm"
    write_c99(hostile, folder)
    check(folder, "arm")
    for path in folder.rglob("*"):
        if path.is_file():
            assert path.read_text().isascii(), path
    readme = (folder / "README.md").read_text()
    assert "<b>" not in readme
    require_tool("cmake", "cmake")
    for command in (
        ["cmake", "-B", "build", "-DCMAKE_COMPILE_WARNING_AS_ERROR=ON"],
        ["cmake", "--build", "build"],
    ):
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, (ended.stdout + ended.stderr)[-2000:]
    assert not list(folder.rglob("owned"))


@pytest.mark.parametrize("words", HOSTILE_FILES[:2])
def test_no_name_of_a_file_adds_to_a_build(words, arm3_path, tmp_path):
    path = tmp_path / f"{words}.tflite"
    path.write_bytes(arm3_path.read_bytes())
    commands = []
    for model, folder in ((arm3_path, tmp_path / "own"), (path, tmp_path / "hostile")):
        write_c99(Firmware.load(model, "arm"), folder)
        commands.append(
            {
                file.relative_to(folder): [
                    line for line in file.read_text().splitlines() if not line.startswith("#")
                ]
                for file in folder.rglob("*")
                if file.suffix in (".cmake", ".mk", ".txt", "") and file.is_file()
            }
        )
    assert len(commands[0]) >= 6
    assert commands[0] == commands[1]


@pytest.mark.parametrize("name", ["math", "Servo", "test", "string", "Wire", "install", "m"])
def test_no_library_takes_the_place_of_another(name):
    assert identifier(name) == f"robot_{name.lower()}"
    assert name.lower() in TAKEN


def test_the_archive_has_one_folder(arm3_path, tmp_path):
    write_c99(Firmware.load(arm3_path), tmp_path / "out", archive=tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        names = archive.namelist()
        assert {name.split("/")[0] for name in names} == {"arm3"}
        # Arduino takes an archive for a library by these.
        assert {"arm3/library.properties", "arm3/src/arm3.h"} <= set(names)
        archive.extractall(tmp_path / "unpacked")
    check(tmp_path / "unpacked" / "arm3", "arm3")
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file():
            other = tmp_path / "unpacked" / "arm3" / path.relative_to(tmp_path / "out")
            assert other.read_bytes() == path.read_bytes()


def test_platformio_packs_it(exported, require_tool, tmp_path):
    pio = require_tool("pio", "python3-venv, then: pip install platformio")
    quiet = {"PLATFORMIO_CORE_DIR": str(tmp_path / "core"),
             "PLATFORMIO_SETTING_ENABLE_TELEMETRY": "no"}  # fmt: skip
    packed = tmp_path / "arm3.tar.gz"
    ended = subprocess.run(
        [pio, "pkg", "pack", exported("arm3"), "-o", packed],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | quiet,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    with tarfile.open(packed) as archive:
        assert {"library.json", "src/arm3.c", "src/arm3.h"} <= set(archive.getnames())
