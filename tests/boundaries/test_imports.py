"""Importing one part does not pull in what that part must live without."""

import json
import subprocess
import sys

import pytest

HEAVY = {
    "keras",
    "tensorflow",
    "tf_keras",
    "tensorflow_model_optimization",
    "scipy",
    "mujoco",
    "matplotlib",
    "plotly",
}


def run(*arguments):
    # -P keeps the working folder off sys.path: what is installed is what is tested.
    return subprocess.run(
        [sys.executable, "-P", *arguments], capture_output=True, text=True, check=False
    )


def loaded_after(statements):
    """Top-level modules loaded after the statements, in a new interpreter."""
    result = run("-c", f"{statements}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))")
    assert result.returncode == 0, result.stderr
    return {name.partition(".")[0] for name in json.loads(result.stdout.splitlines()[-1])}


IMPORT_EVERY_MODULE = """
import importlib, pkgutil
import {package}
for module in pkgutil.walk_packages({package}.__path__, "{package}."):
    importlib.import_module(module.name)
"""


def test_firmware_host_imports_no_more_than_a_robot_has():
    loaded = loaded_after(IMPORT_EVERY_MODULE.format(package="firmware_host"))
    assert "firmware_host" in loaded
    assert not loaded & (HEAVY | {"edge_ik", "edge_ik_tools", "click", "rich"})


def test_firmware_host_prints_nothing_when_imported():
    result = run("-c", IMPORT_EVERY_MODULE.format(package="firmware_host"))
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("package", ["edge_ik", "edge_ik_tools"])
def test_packages_import_nothing_heavy_by_themselves(package):
    assert not loaded_after(f"import {package}") & HEAVY


@pytest.mark.tensorflow  # for SciPy
def test_what_comes_before_training_needs_no_tensorflow():
    loaded = loaded_after("import edge_ik.preparation, edge_ik.evaluation")
    assert not loaded & {"keras", "tensorflow"}


def test_what_the_viewer_shows_needs_nothing_heavy():
    # Of its page trimesh takes what is there.
    assert not loaded_after("import edge_ik_tools.view.session") & HEAVY


def test_tables_for_people_are_printed_without_heavy_imports():
    assert not loaded_after("import edge_ik.tables") & HEAVY


def test_command_line_starts_without_heavy_imports():
    assert not loaded_after("import edge_ik.cli") & HEAVY


def test_help_shows_the_commands_without_heavy_imports():
    # Runs last, whatever way the command leaves the interpreter.
    report = (
        "import atexit, json, sys\n"
        "atexit.register(lambda: print(json.dumps(sorted(sys.modules))))\n"
        "from edge_ik.cli import main\n"
        "sys.argv = ['edge-ik', '--help']\n"
        "main()\n"
    )
    result = run("-c", report)
    assert result.returncode == 0, result.stderr
    *text, modules = result.stdout.splitlines()
    assert "Usage: edge-ik" in text[0]
    assert not {name.partition(".")[0] for name in json.loads(modules)} & HEAVY
