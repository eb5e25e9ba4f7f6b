"""Reading URDF text: whatever it holds, a RobotError that says what is wrong."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_ik.arms import builtin_arms
from edge_ik.arms.load import select_chain
from edge_ik.arms.text import decoded
from edge_ik.arms.tree import build_tree
from edge_ik.arms.urdf import parse_urdf
from firmware_host.chain import Chain
from firmware_host.errors import RobotError

LIMIT = '<limit lower="-1" upper="1"/>'

ENTITY_BOMB = """<?xml version="1.0"?>
<!DOCTYPE robot [
  <!ENTITY a "aaaaaaaaaaaaaaaaaaaa"> <!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
  <!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"> <!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;">
]>
<robot name="&d;"/>"""
EXTERNAL_ENTITY = """<!DOCTYPE robot [<!ENTITY x SYSTEM "file:///etc/hostname">]>
<robot name="r"><link name="&x;"/></robot>"""
EXTERNAL_DTD = '<!DOCTYPE robot SYSTEM "http://localhost:1/x.dtd"><robot name="r"/>'


def read(text):
    """The default chain of a description."""
    return selected(text).chain


def selected(text):
    """The default chain of a description, with what is told of it."""
    data = text if isinstance(text, bytes) else text.encode()
    text, _notes = decoded(data, "file.urdf")
    return select_chain(build_tree(parse_urdf(text, "file.urdf")))


class TestHostileText:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
    @pytest.mark.parametrize("text", [ENTITY_BOMB, EXTERNAL_ENTITY, EXTERNAL_DTD])
    def test_any_document_type_is_refused(self, text, encoding):
        text = text.replace('<?xml version="1.0"?>\n', "")
        with pytest.raises(RobotError, match=r"'file\.urdf' has a DOCTYPE"):
            read(text.encode(encoding))

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (b"", "not well-formed"),
            (b"<robot", "not well-formed XML: .*line 1"),
            (b"<robot name='r'></link>", "not well-formed"),
            (b"<robot name='&undefined;'/>", "not well-formed"),
            (b"\x00\xff\xfe", "is not text"),
            (b"solid cube\nfacet normal 0 0 1", "not well-formed"),
            (b"<?xml version='1.0' encoding='nonsense'?><robot>", "not well-formed"),
            (b"<mujoco model='m'/>", "root element <robot>. Received: <mujoco>"),
            (b"<sdf version='1.9'/>", "Received: <sdf>"),
            (b"<robot/>", "Robot 'file' has no links"),
            (b"<robot name='a&#10;b'/>", "A <robot> in 'file.urdf' has no usable name"),
            (b"<robot name='r'/>", "Robot 'r' has no links"),
            (b"<robot name='r'><link/></robot>", "A <link> in 'file.urdf' has no usable name"),
            (b"<robot name='r'><link name='a&#10;b'/></robot>", "no usable name"),
            (b"<robot name='r'><joint type='fixed'/></robot>", "A <joint> in 'file.urdf'"),
            (b"<robot name='r'><joint name='j7'/></robot>", "Joint 'j7' has no <parent>"),
        ],
    )
    def test_text_that_is_no_robot(self, data, message):
        with pytest.raises(RobotError, match=message) as caught:
            read(data)
        assert caught.value.element is not None

    def test_deeply_nested_elements_are_skipped(self):
        deep = "<a>" * 399 + "</a>" * 399
        text = f'<robot name="r">{deep}<link name="a"/></robot>'
        assert [*parse_urdf(text, "file.urdf").links] == ["a"]

    @given(data=st.data())
    def test_damage_gives_a_chain_or_a_robot_error(self, data):
        text = bytearray(builtin_arms()["arm3"].urdf())
        for _ in range(data.draw(st.integers(1, 4))):
            start = data.draw(st.integers(0, len(text)))
            end = start + data.draw(st.integers(0, 40))
            text[start:end] = data.draw(
                st.sampled_from([b"", b"<", b">", b'"', b"0", b"-", b"e", b"nan", b"inf", b"\xff"])
            )
        try:
            chain = read(bytes(text))
        except RobotError as error:
            assert str(error)  # noqa: PT017 (both outcomes are right)
        else:
            assert isinstance(chain, Chain)


class TestNumbers:
    @pytest.mark.parametrize(
        "element",
        [
            '<origin xyz="0 0"/>',
            '<origin xyz="0 0 0 0"/>',
            '<origin xyz=""/>',
            '<origin xyz="0,1 0 0"/>',
            '<origin xyz="one 0 0"/>',
            '<origin xyz="nan 0 0"/>',
            '<origin xyz="inf 0 0"/>',
            '<origin xyz="1e300 0 0"/>',
            '<origin xyz="1_0 0 0"/>',
            '<origin xyz="\u0661 0 0"/>',
            '<origin rpy="0 -inf 0"/>',
            '<axis xyz="0 0"/>',
            '<axis xyz="nan 0 1"/>',
            '<axis xyz="0 0 z"/>',
            '<limit lower="low" upper="1"/>',
            '<limit lower="-1" upper="nan"/>',
            '<limit lower="-1 0" upper="1"/>',
            '<limit lower="" upper="1"/>',
        ],
    )
    def test_what_is_not_a_number_is_named(self, urdf, element):
        extra = element if "limit" in element else element + LIMIT
        tag = element[1:].split()[0]
        with pytest.raises(RobotError, match=f"Joint 'knee' has an unusable <{tag}>") as caught:
            read(urdf(("knee", "a", "b", "revolute", extra)))
        assert caught.value.element == "knee"

    @pytest.mark.parametrize(
        ("extra", "message"),
        [
            ('<limit lower="1" upper="1"/>', "'knee' has no room to move"),
            (
                '<limit lower="-inf" upper="1"/>',
                "'knee' has limits of -inf and 1: a stop on one side",
            ),
            (f'{LIMIT}<axis xyz="0 0 0"/>', "'knee' has no usable axis"),
        ],
    )
    def test_values_that_cannot_move_a_joint(self, urdf, extra, message):
        with pytest.raises(RobotError, match=message) as caught:
            read(urdf(("knee", "a", "b", "revolute", extra)))
        assert caught.value.element == "knee"

    def test_a_limit_that_is_left_out_is_zero(self, urdf):
        chain = read(urdf(("knee", "a", "b", "revolute", '<limit upper="1"/>')))
        assert (chain.lower, chain.upper) == (0.0, 1.0)

    def test_a_continuous_joint_needs_no_limits(self, urdf):
        for extra in ("", LIMIT, '<limit lower="-inf" upper="inf"/>'):
            chain = read(urdf(("knee", "a", "b", "continuous", extra)))
            assert chain.continuous.all()
            np.testing.assert_allclose([chain.lower, chain.upper], [[-np.pi], [np.pi]])

    def test_the_axis_is_x_where_none_is_given(self, urdf):
        np.testing.assert_array_equal(read(urdf(("knee", "a", "b"))).joints[0].axis, [1, 0, 0])


class TestWhatIsIgnored:
    def test_meshes_inertia_plugins_and_comments(self, urdf):
        more = """<!-- a comment --><?instruction?>
        <link name="c"><inertial><mass value="heavy"/></inertial><visual><geometry>
        <mesh filename="package://missing/mesh.stl"/></geometry></visual></link>
        <gazebo><plugin filename="x.so"><joint name="knee"/></plugin></gazebo>
        <transmission name="t"><joint name="knee"/></transmission>
        <joint name="last" type="fixed"><parent link="b"/><child link="c"/></joint>"""
        chain = read(urdf(("knee", "a", "b"), more=more))
        assert (chain.joint_names, chain.tip) == (("knee",), "c")

    def test_a_default_namespace(self, urdf):
        text = urdf(("knee", "a", "b")).replace("<robot", '<robot xmlns="http://www.ros.org"', 1)
        assert read(text).joint_names == ("knee",)


class TestWhatIsPutRight:
    """What people's files hold in practice: taken as it was meant, and told."""

    def test_reversed_limits_are_swapped(self, urdf):
        selection = selected(urdf(("knee", "a", "b", "revolute", '<limit lower="2" upper="-1"/>')))
        assert (selection.chain.lower, selection.chain.upper) == (-1, 2)
        assert "'knee' has its limits reversed (2, -1)" in selection.notes[-1]

    @pytest.mark.parametrize(
        ("extra", "told"),
        [
            ('<limit lower="0" upper="0" effort="0" velocity="0"/>', "limits of 0 and 0"),
            ('<limit lower="0"/>', "limits of 0 and 0"),
            ("", "has no limits"),
            ("<limit effort='1'/>", "has no limits"),
        ],
    )
    def test_a_revolute_joint_without_limits_gets_a_full_turn(self, urdf, extra, told):
        selection = selected(urdf(("knee", "a", "b", "revolute", extra)))
        np.testing.assert_array_equal(
            [selection.chain.lower, selection.chain.upper], [[-np.pi], [np.pi]]
        )
        assert not selection.chain.continuous.any()
        assert told in selection.notes[-1]
        assert "full turn" in selection.notes[-1]

    @pytest.mark.parametrize("limit", ["1e16", "9999", "inf", "1e6"])
    def test_limits_that_are_none_make_a_joint_continuous(self, urdf, limit):
        extra = f'<limit lower="-{limit}" upper="{limit}"/>'
        selection = selected(urdf(("knee", "a", "b", "revolute", extra)))
        assert selection.chain.continuous.all()
        assert "which are none: it is continuous" in selection.notes[-1]

    def test_an_axis_of_any_length(self, urdf):
        for axis in ("0 0 2", "0 0 0.999", "0 0 1e-3"):
            chain = read(urdf(("knee", "a", "b", "revolute", f'{LIMIT}<axis xyz="{axis}"/>')))
            np.testing.assert_allclose(chain.joints[0].axis, [0, 0, 1])

    def test_a_fixed_joint_may_have_limits_an_axis_and_a_mimic(self, urdf):
        extra = '<limit lower="x" upper="0"/><axis xyz="0 0 0"/><mimic joint="nobody"/>'
        chain = read(urdf(("knee", "a", "b"), ("f", "b", "c", "fixed", extra)))
        assert (chain.joint_names, chain.tip) == (("knee",), "c")

    def test_a_robot_without_a_name_has_that_of_its_file(self, urdf):
        text = urdf(("knee", "a", "b")).replace(' name="test_robot"', "", 1)
        selection = selected(text)
        assert selection.chain.name == "file"
        assert "called 'file' after its file" in selection.notes[1]

    def test_prefixes_that_nobody_declared(self, urdf):
        more = """<gazebo><plugin:x y="1"><z:joint name="knee"/></plugin:x></gazebo>
        <sensor:camera name="c"><sensor:image/></sensor:camera>"""
        assert read(urdf(("knee", "a", "b"), more=more)).joint_names == ("knee",)

    def test_blank_lines_and_a_mark_before_the_declaration(self, urdf):
        text = '\n\n <?xml version="1.0" encoding="utf-8"?>' + urdf(("knee", "a", "b"))
        for data in (text.encode(), b"\xef\xbb\xbf" + text.encode(), text.encode("utf-16")):
            assert read(data).joint_names == ("knee",)

    def test_two_hyphens_in_a_comment(self, urdf):
        more = '<!-- a -- b --><!-- <joint name="no" type="x"/> ---->'
        selection = selected(urdf(("knee", "a", "b"), more=more))
        assert selection.chain.joint_names == ("knee",)
        assert "comment with '--'" in selection.notes[1]

    def test_a_link_twice_is_one_link(self, urdf):
        selection = selected(urdf(("knee", "a", "b"), links=["a", "b", "a"]))
        assert selection.chain.joint_names == ("knee",)
        assert "Link 'a' is in the file more than once" in selection.notes[1]

    def test_the_same_joint_twice_is_one_joint(self, urdf):
        selection = selected(urdf(("knee", "a", "b"), ("knee", "a", "b")))
        assert selection.chain.joint_names == ("knee",)
        assert "Joint 'knee' is in the file more than once" in selection.notes[1]

    def test_numbers_of_joints_off_the_chain_are_not_read(self, urdf):
        broken = (
            "other",
            "a",
            "c",
            "revolute",
            '<origin xyz="x y z"/><limit lower="?" upper="1"/>',
        )
        chain = select_chain(
            build_tree(parse_urdf(urdf(("knee", "a", "b"), broken), "file.urdf")), tip="b"
        ).chain
        assert chain.joint_names == ("knee",)
