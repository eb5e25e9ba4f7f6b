"""JSON from elsewhere: what is read is what it says, and all else is told."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_host.json_text import MOST_DEPTH, parse_json, read_json

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip


@given(values)
def test_it_gives_what_was_written(value):
    assert parse_json(json.dumps(value, allow_nan=False)) == value


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_depth_is_bounded(opening):
    closing = "]" if opening == "[" else "}"
    assert parse_json(opening * MOST_DEPTH + "1" + closing * MOST_DEPTH) is not None
    for depth in (MOST_DEPTH + 1, 900, 100_000):
        with pytest.raises(ValueError, match="nested"):
            parse_json(opening * depth + "1" + closing * depth)
        with pytest.raises(ValueError, match=r"nested|Expecting"):
            parse_json(opening * depth)


@pytest.mark.parametrize(
    "text",
    ["NaN", "Infinity", "-Infinity", "1e999", "-1e400", "9" * 310, "-" + "9" * 5000, "9" * 10**6],
)
def test_numbers_are_those_of_floats(text):
    with pytest.raises(ValueError, match=r"not a JSON number|too large a number"):
        parse_json(f'{{"a": [{text}]}}')


def test_what_python_writes_beside_json_is_read_where_it_is_allowed():
    first, second, third = parse_json("[NaN, Infinity, 1]", finite=False)
    assert first != first
    assert (second, third) == (float("inf"), 1)


def test_a_file_is_read_to_a_size(tmp_path):
    path = tmp_path / "record.json"
    path.write_text(json.dumps(["x" * 90]))
    assert read_json(path) == ["x" * 90]
    with pytest.raises(ValueError, match="more than 50 bytes"):
        read_json(path, most=50)
    with pytest.raises(OSError, match="directory"):
        read_json(tmp_path)
