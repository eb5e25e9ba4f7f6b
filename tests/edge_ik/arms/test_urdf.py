"""Reading URDF text: whatever it holds, a RobotError that says what is wrong."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_ik.arms import builtin_arms, load_arm
from edge_ik.arms.tree import build_tree, chain_between, default_ends
from edge_ik.arms.urdf import parse_urdf
from firmware_host.chain import Chain
from firmware_host.errors import MissingExtraError, RobotError

pytestmark = pytest.mark.tensorflow  # the URDF library comes with the same extra

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
    data = text if isinstance(text, bytes) else text.encode()
    tree = build_tree(parse_urdf(data, "file.urdf"))
    base, tip, _notes = default_ends(tree, None)
    return chain_between(tree, base, tip)


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
            (b"", "is empty"),
            (b" \n\t", "is empty"),
            (b"<robot", "not well-formed XML: .*line 1"),
            (b"<robot name='r'></link>", "not well-formed"),
            (b"<robot name='&undefined;'/>", "not well-formed"),
            (b"\x00\xff\xfe", "not well-formed"),
            (b"solid cube\nfacet normal 0 0 1", "not well-formed"),
            (b"<?xml version='1.0' encoding='nonsense'?><robot/>", "not well-formed"),
            (b"<?xml version='1.0' encoding='utf-7'?><robot/>", "not well-formed"),
            (b"<mujoco model='m'/>", "root element <robot>. Received: <mujoco>"),
            (b"<sdf version='1.9'/>", "Received: <sdf>"),
            (b"<robot/>", "A <robot> in 'file.urdf' has no usable name"),
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

    def test_a_xacro_template_says_how_to_expand_it(self):
        text = '<robot xmlns:xacro="http://www.ros.org/wiki/xacro"><xacro:macro name="m"/></robot>'
        with pytest.raises(RobotError, match=r"xacro file\.urdf > robot\.urdf"):
            read(text)

    def test_deeply_nested_elements_are_skipped(self):
        deep = "<a>" * 50_000 + "</a>" * 50_000
        text = f'<robot name="r">{deep}<link name="a"/></robot>'
        assert [link.name for link in parse_urdf(text.encode(), "file.urdf").links] == ["a"]

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
            '<origin rpy="0 ${pi} 0"/>',
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
            ("", "Revolute joint 'knee' has no limits"),
            ("<limit effort='1'/>", "Revolute joint 'knee' has no limits"),
            ('<limit lower="1" upper="1"/>', "'knee' has no room to move"),
            ('<limit lower="2" upper="1"/>', "'knee' has no room to move"),
            ('<limit lower="-inf" upper="inf"/>', "'knee' has limits that are not finite"),
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


class TestLibrary:
    def test_a_missing_library_says_what_to_install(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "yourdfpy", None)
        with pytest.raises(MissingExtraError, match=r"'yourdfpy'.*edge-ik\[train\]"):
            load_arm("arm3")

    def test_whatever_the_library_raises_names_the_file(self, monkeypatch):
        def fail(*_args, **_kwargs):
            raise AttributeError("'NoneType' object has no attribute 'get'")

        monkeypatch.setattr("yourdfpy.URDF.load", fail)
        with pytest.raises(RobotError, match="'arm3' cannot be read as URDF: AttributeError"):
            load_arm("arm3")
