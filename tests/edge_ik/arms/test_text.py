"""The encodings that robots' files come in."""

import codecs

import pytest

from edge_ik.arms import load_arm, select_arm
from edge_ik.arms.text import decoded
from firmware_host.errors import RobotError

ROBOT = '<robot name="r"><!-- {} --><link name="a"/><link name="b"/>{}</robot>'
JOINT = '<joint name="{}" type="continuous"><parent link="a"/><child link="b"/></joint>'


def robot(comment="", joint="j"):
    return ROBOT.format(comment, JOINT.format(joint))


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-32-le", codecs.BOM_UTF32_LE),
        ("utf-32-be", codecs.BOM_UTF32_BE),
    ],
)
def test_a_mark_at_the_start_says_the_encoding(encoding, mark):
    text, notes = decoded(mark + robot("größe").encode(encoding), "f")
    assert (text, notes) == (robot("größe"), ())


@pytest.mark.parametrize(
    ("comment", "encoding", "words"),
    [("für den Arm, Größe", "latin-1", "Latin-1"), ("机械臂的关节", "gb2312", "GB2312")],
)
def test_text_that_is_not_utf_8_is_read_and_told(write_urdf, comment, encoding, words):
    data = robot(comment).encode(encoding)
    text, (note,) = decoded(data, "f")
    assert comment in text
    assert note == f"'f' is not UTF-8; it was read as {words}."
    selection = select_arm(write_urdf(data))
    assert selection.chain.joint_names == ("j",)
    assert f"read as {words}" in selection.notes[1]


@pytest.mark.parametrize(
    ("encoding", "joint"), [("gb2312", "关节"), ("ISO-8859-1", "Gelenkgröße"), ("utf-8", "関節")]
)
def test_what_is_declared_holds_for_names_too(write_urdf, encoding, joint):
    text = f'<?xml version="1.0" encoding="{encoding}"?>' + robot(joint=joint)
    selection = select_arm(write_urdf(text.encode(encoding)))
    assert selection.chain.joint_names == (joint,)
    assert len(selection.notes) == 1


@pytest.mark.parametrize("declared", ["gb2312", "utf-16", "nonsense", "ascii"])
def test_a_declaration_that_is_wrong_is_passed_over(write_urdf, declared):
    text = f'<?xml version="1.0" encoding="{declared}"?>' + robot("größe 关")
    assert load_arm(write_urdf(text.encode("utf-8"))).joint_names == ("j",)


@pytest.mark.parametrize("data", [b"\x7fELF\0\0", b"\xff\xfe\x00\xd8", b"PK\x03\x04\0\xff"])
def test_what_is_no_text_is_refused(data):
    with pytest.raises(RobotError, match=r"'f' (is not text|begins as)"):
        decoded(data, "f")
