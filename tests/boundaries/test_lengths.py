"""No module or function is longer than a reader can hold, unless a reason stands beside it."""

import ast
import importlib.util
from pathlib import Path

import pytest

PACKAGES = ("firmware_host", "edge_ik", "edge_ik_tools")
MODULE_LINES = 350
FUNCTION_LINES = 60
# On the line above a function, or its first decorator: "# Long: why it stays in one piece".
REASON = "# Long: "


def sources(package):
    """Path below the package -> text of each of its modules."""
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    root = Path(spec.origin).parent
    return {
        str(path.relative_to(root)): path.read_text(encoding="utf-8")
        for path in sorted(root.rglob("*.py"))
    }


def long_functions(text, most=FUNCTION_LINES):
    """Name -> number of lines, of the functions that are too long and give no reason."""
    lines = text.splitlines()
    found = {}
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        length = node.end_lineno - node.lineno + 1
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        above = lines[first - 2].strip() if first > 1 else ""
        # Stripped, a reason of no words is shorter than its mark.
        if length > most and not above.startswith(REASON):
            found[node.name] = length
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_is_long(package):
    lengths = {path: len(text.splitlines()) for path, text in sources(package).items()}
    assert {path: length for path, length in lengths.items() if length > MODULE_LINES} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_no_function_is_long_without_a_reason(package):
    found = {path: long_functions(text) for path, text in sources(package).items()}
    assert {path: functions for path, functions in found.items() if functions} == {}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def f():\n    a = 1\n    return a\n", {"f": 3}),
        ("def f():\n    return 1\n", {}),
        ("# Long: it is one table.\ndef f():\n    a = 1\n    return a\n", {}),
        ("# Long: it is one table.\n@cached\ndef f():\n    a = 1\n    return a\n", {}),
        ("# Long: \ndef f():\n    a = 1\n    return a\n", {"f": 3}),
        ("# Long: of f.\nx = 1\ndef f():\n    a = 1\n    return a\n", {"f": 3}),
        ("class C:\n    async def f(self):\n        a = 1\n        return a\n", {"f": 3}),
    ],
)
def test_a_long_function_is_found_where_no_reason_stands_above(text, found):
    assert long_functions(text, most=2) == found
