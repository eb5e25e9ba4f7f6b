"""Names that users give: which are names, and how they are written where marks mean something."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_host.chain import Chain
from firmware_host.errors import ModelFileError, RobotError
from firmware_host.model_file import read_model
from firmware_host.names import (
    LONGEST_NAME,
    LONGEST_TOLD,
    brief,
    c_comment,
    c_string,
    check_name,
    file_name,
    in_picture,
    is_name,
    one_line,
    plain,
    shown,
)
from firmware_host.spec import ModelSpec

# Any text that Python can hold, lone surrogates among it.
ANY = st.text(alphabet=st.characters(exclude_categories=()), max_size=40)
NO_NAMES = [
    "",
    "  ",
    "a\nb",
    "a\rb",
    "a\0b",
    "a\x1b[31mb",
    "a\x9b31mb",
    "a\u2028b",
    "a\u202eb",
    "a\ud800b",
    "a\u200bb",
    "x" * (LONGEST_NAME + 1),
]


@pytest.mark.parametrize("text", ["ur5e", "[/foo]", "Grüße 机器人", "a?b", "ends\\", "<b>|`x`*/"])
def test_what_can_be_printed_is_a_name(text):
    assert is_name(text)
    check_name(text, "robot")
    assert shown(text) == text


@pytest.mark.parametrize("text", NO_NAMES)
def test_what_acts_on_a_terminal_is_no_name(text):
    assert not is_name(text)
    with pytest.raises(RobotError, match=r"A robot has no usable name\. Expected printable") as e:
        check_name(text, "robot")
    assert str(e.value).isprintable()


@pytest.mark.parametrize("value", [None, 5, b"arm", ["arm"]])
def test_what_is_no_text_is_no_name(value):
    assert not is_name(value)


@given(ANY)
def test_any_text_can_be_shown_on_any_terminal(text):
    found = shown(text)
    assert found.replace("\n", "").isprintable()
    assert one_line(text).isprintable()
    found.encode("utf-8")


@given(ANY)
def test_a_sentence_repeats_little_of_any_text(text):
    found = brief(1000 * text)
    assert found.isprintable()
    assert len(found) <= 10 * LONGEST_TOLD + 3
    assert brief("x" * LONGEST_NAME) == "x" * LONGEST_NAME


@pytest.mark.parametrize("text", ["\u202e", "a\nb", "x" * 1_000_000])
@pytest.mark.parametrize("key", ["kind", "mimic"])
def test_what_a_record_has_is_told_in_a_short_line(key, text, planar_model):
    _, record = read_model(planar_model)
    first, *rest = record["robot"]["joints"]
    changed = {**first, key: text if key == "kind" else [text, 1.0, 0.0]}
    for hostile in (
        {**record, "robot": {**record["robot"], "joints": [changed, *rest]}},
        {**record, "task": text},
    ):
        with pytest.raises(ModelFileError) as error:
            ModelSpec.from_dict(hostile)
        assert str(error.value).isprintable()
        assert len(str(error.value)) < 2000


@given(st.text(alphabet=st.sampled_from("ab*/\\?\n\r\u2028 é\0\x1b\ud800"), max_size=20))
def test_no_text_ends_a_comment_or_begins_another(text):
    assert not re.search(r"\*/|/\*|//|\\|\?\?/|[^ -~]", c_comment(text))


@given(ANY)
def test_no_text_ends_a_string(text):
    found = c_string(text)
    assert re.fullmatch(r'"(?:[ !#-\[\]-~]|\\["?])*"', found)
    assert "??" not in found


@given(ANY)
def test_plain_text_has_no_marks_of_markdown_html_or_build_systems(text):
    assert re.fullmatch(r"[A-Za-z0-9 _.,:()+-]*", plain(text))


@given(ANY)
def test_no_text_leads_to_another_folder(text):
    found = file_name(text)
    assert found.isprintable()
    assert not re.search(r"[/\\\s]", found)
    assert found[0] not in ".-"


def test_names_stay_as_they_are_where_they_can():
    title = "Inverse kinematics of UR5e: a-b, c_d/e (2 x 3)."
    assert c_comment(title) == title
    assert file_name("ur5e-v1.2") == "ur5e-v1.2"
    assert in_picture("cost $5$") == r"cost \$5\$"


def _renamed(record, where, text):
    """The record of a model with one name of it replaced."""
    robot = record["robot"]
    if where in ("name", "base", "tip"):
        return {**record, "robot": {**robot, where: text}}
    if where == "joint":
        first, *rest = robot["joints"]
        return {**record, "robot": {**robot, "joints": [{**first, "name": text}, *rest]}}
    (branch,) = record["branches"]
    return {**record, "branches": [{**branch, "name": text}]}


@pytest.mark.parametrize("text", NO_NAMES[2:-1])
@pytest.mark.parametrize("where", ["name", "base", "tip", "joint", "branch"])
def test_a_model_with_an_unusable_name_is_refused(where, text, planar_model):
    _, record = read_model(planar_model)
    with pytest.raises(ModelFileError, match=r"The model's (robot|branches) cannot be used") as e:
        ModelSpec.from_dict(_renamed(record, where, text))
    assert str(e.value).isprintable()


@pytest.mark.parametrize("what", ["name", "base", "tip"])
def test_a_chain_has_usable_names(what, planar_model):
    values = read_model(planar_model)[1]["robot"]
    assert Chain.from_dict({**values, what: "[/b] 机器人"})
    with pytest.raises(RobotError, match="has no usable name"):
        Chain.from_dict({**values, what: "a\u202eb"})
