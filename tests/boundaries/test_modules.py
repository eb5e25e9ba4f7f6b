"""Every module says what it holds, and exports only what exists."""

import ast
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest


def modules():
    """Module name -> syntax tree, for every source file of the three packages."""
    trees = {}
    for package in ("edge_ik", "edge_ik_tools", "firmware_host"):
        spec = importlib.util.find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        root = Path(spec.origin).parent
        for path in sorted(root.rglob("*.py")):
            parts = [package, *path.relative_to(root).with_suffix("").parts]
            name = ".".join(parts).removesuffix(".__init__")
            trees[name] = ast.parse(path.read_text(encoding="utf-8"))
    return trees


MODULES = modules()


def exports(tree):
    """Whether a module defines `__all__`."""
    targets = [
        target
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    ]
    return any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets)


@pytest.mark.parametrize("name", MODULES)
def test_module_starts_by_saying_what_it_holds(name):
    docstring = ast.get_docstring(MODULES[name])
    assert docstring
    assert docstring.splitlines()[0].endswith((".", ":"))


@pytest.mark.tensorflow
def test_every_exported_name_exists_once():
    names = [name for name, tree in MODULES.items() if exports(tree)]
    check = (
        "import importlib, json, sys\n"
        f"for name in {names!r}:\n"
        "    module = importlib.import_module(name)\n"
        "    for export in module.__all__:\n"
        "        if not hasattr(module, export) or module.__all__.count(export) > 1:\n"
        "            print(json.dumps(f'{name}.{export}'))\n"
    )
    result = subprocess.run(
        [sys.executable, "-P", "-c", check], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert [json.loads(line) for line in result.stdout.splitlines()] == []
