"""Identifiers and numbers as C reads them."""

import re
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_ik_tools.c99.literals import (
    LINE,
    LONGEST_IDENTIFIER,
    RESERVED,
    array,
    float_list,
    float_literal,
    identifier,
    indented,
    table,
)
from firmware_host.errors import ConfigError, ModelFileError

SINGLES = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(SINGLES)
def test_floats_read_back_as_they_were(value):
    text = float_literal(value)
    assert re.fullmatch(r"-?\d+(\.\d+)?(e[+-]\d+)?f", text)
    assert "." in text or "e" in text
    back = np.float32(text[:-1])
    assert back.tobytes() == np.float32(value).tobytes()


def test_floats_read_back_in_c(require_tool, tmp_path):
    bits = np.random.default_rng(0).integers(0, 2**32, 3000, np.uint32)
    values = bits.view(np.float32)
    values = values[np.isfinite(values)]
    (tmp_path / "floats.c").write_text(
        f"#include <stdio.h>\n#define IN_FLASH\n{array('float', 'values', values)}\n"
        "int main(void)\n{\n    return fwrite(values, sizeof values, 1, stdout) != 1;\n}\n"
    )
    gcc = require_tool("gcc", "gcc")
    subprocess.run([gcc, "-std=c99", "-Wpedantic", "-Werror", "floats.c"], cwd=tmp_path, check=True)
    read = subprocess.run([tmp_path / "a.out"], capture_output=True, check=True).stdout
    assert read == values.tobytes()


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 1e39, -1e300])
def test_what_single_precision_cannot_hold_is_refused(value):
    with pytest.raises(ModelFileError, match="single precision cannot hold"):
        float_literal(value)


@given(st.text(max_size=30))
def test_identifiers_are_names_in_c(name):
    try:
        found = identifier(name)
    except ConfigError:
        assert not re.search(r"[A-Za-z0-9]", name)
    else:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", found)
        assert found not in RESERVED
        assert identifier(found) == found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("UR5e", "ur5e"),
        ("my arm-2", "my_arm_2"),
        ("6dof", "robot_6dof"),
        ("float", "robot_float"),
        ("__x__", "x"),
        ("Grüße", "gr_e"),
    ],
)
def test_identifiers_of_robots(name, expected):
    assert identifier(name) == expected


def test_names_that_are_too_long_are_refused():
    longest = "a" * LONGEST_IDENTIFIER
    assert identifier(f"--{longest}--") == longest
    for name in (f"{longest}a", f"{longest} b", "9" * LONGEST_IDENTIFIER):
        with pytest.raises(ConfigError, match="at most 64: give a shorter one with --name"):
            identifier(name)


@pytest.mark.parametrize("name", ["", "---", "机器人", "_"])
def test_names_without_letters_are_refused(name):
    with pytest.raises(ConfigError, match="no letters that C can use"):
        identifier(name)


@pytest.mark.parametrize("values", [[1], list(range(-2000, 2000, 7)), [-(2**31), 2**31 - 1]])
def test_arrays_hold_all_numbers_in_lines_of_bounded_length(values):
    text = array("int32_t", "numbers", values, " ALIGNED")
    first, *lines, last = text.split("\n")
    assert first == f"static const IN_FLASH int32_t numbers[{len(values)}] ALIGNED = {{"
    assert last == "};"
    assert [int(word) for word in re.findall(r"-?\d+", "\n".join(lines))] == values
    assert max(map(len, lines)) <= LINE


def test_tables_and_lines_of_code():
    assert table([(1, -2), (3, 4)]) == "    {1, -2},\n    {3, 4},"
    assert indented(["a;", "", "b;"]) == "    a;\n\n    b;"


def test_lists_stand_between_braces():
    assert float_list([1, -0.5, 1e-9]) == "1.0f, -0.5f, 9.99999972e-10f"
