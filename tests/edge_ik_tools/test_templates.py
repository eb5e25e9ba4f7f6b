"""Templates: values, and lines that are there or not."""

import pytest

from edge_ik_tools import templates
from edge_ik_tools.templates import filled, template_text

TEXT = """\
first ${word}
@if there
  ${word} is there
@if not other
  and the other is not
@else
  and so is the other
@end
@else
  nothing is there
@if other
  but the other
@end
@end
last
"""


@pytest.fixture
def template(monkeypatch):
    monkeypatch.setattr(templates, "template_text", lambda package, name: TEXT)


@pytest.mark.parametrize(
    ("there", "other", "lines"),
    [
        (1, 0, ["  it is there", "  and the other is not"]),
        (True, "yes", ["  it is there", "  and so is the other"]),
        ("", [], ["  nothing is there"]),
        (0, 2, ["  nothing is there", "  but the other"]),
    ],
)
def test_lines_are_kept_where_their_value_is_true(template, there, other, lines):
    values = {"word": "it", "there": there, "other": other}
    assert filled("c99", "any", values) == "\n".join(["first it", *lines, "last", ""])


def test_a_value_that_is_missing_is_an_error(template):
    with pytest.raises(KeyError, match="word"):
        filled("c99", "any", {"there": 0, "other": 0})
    with pytest.raises(KeyError, match="there"):
        filled("c99", "any", {"word": "it", "other": 0})


def test_templates_ship_with_the_package():
    for name in ("name.c.in", "name.h.in", "support.c.in", "int8.c.in", "int16.c.in"):
        assert template_text("c99", name)
    assert template_text("tflm", "name_network.cc.in")
