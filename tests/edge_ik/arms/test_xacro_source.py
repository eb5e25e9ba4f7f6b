"""xacro source: told from URDF, expanded where the package is installed."""

import importlib.util
import os
import subprocess
import sys
import time

import pytest

from edge_ik.arms import load_arm, select_arm, xacro_source
from firmware_host.errors import RobotError
from firmware_host.installed import install_command

LIMIT = '<limit lower="-1" upper="1"/>'
WRITTEN_OUT = f"""<link name="a"/><link name="b"/><joint name="j" type="revolute">
<parent link="a"/><child link="b"/>{LIMIT}</joint>"""
MACRO = f"""<xacro:property name="reach" value="0.25"/>
<xacro:macro name="arm" params="prefix">
  <link name="${{prefix}}a"/><link name="${{prefix}}b"/>
  <joint name="${{prefix}}j" type="revolute"><parent link="${{prefix}}a"/>
    <child link="${{prefix}}b"/><origin xyz="0 0 ${{2 * reach}}"/>{LIMIT}</joint>
</xacro:macro>
<xacro:arm prefix="left_"/>"""


def robot(inside, prefix="xacro"):
    inside = inside.replace("xacro:", f"{prefix}:")
    return f'<robot name="r" xmlns:{prefix}="http://www.ros.org/wiki/xacro">{inside}</robot>'


def python(program):
    return (sys.executable, "-c", program)


@pytest.fixture
def not_installed(monkeypatch):
    monkeypatch.setattr("edge_ik.arms.sources.is_installed", lambda: False)


@pytest.mark.usefixtures("not_installed")
class TestTold:
    @pytest.mark.parametrize(
        "inside",
        [
            MACRO,
            '<xacro:include filename="arm.xacro"/><link name="world"/>',
            '<xacro:macro name="m"/>',
            WRITTEN_OUT + '<xacro:include filename="a"/><xacro:arm/>',
            WRITTEN_OUT.replace('name="j"', 'name="${prefix}j"'),
            WRITTEN_OUT.replace("<limit", '<origin rpy="0 ${pi / 2} 0"/><limit'),
            WRITTEN_OUT.replace(LIMIT, '<xacro:insert_block name="limits"/>'),
            WRITTEN_OUT.replace('link="a"', 'link="$(arg base)"'),
        ],
    )
    @pytest.mark.parametrize("prefix", ["xacro", "x"])
    def test_source_is_told_with_what_to_do(self, write_urdf, inside, prefix):
        path = write_urdf(robot(inside, prefix))
        with pytest.raises(RobotError, match="is xacro source") as caught:
            load_arm(path)
        assert f"xacro {path} > robot.urdf" in str(caught.value)
        assert install_command("xacro") in str(caught.value)

    def test_its_path_is_one_word_for_a_shell(self, tmp_path):
        path = tmp_path / "my robot;touch x.urdf"
        path.write_text(robot(MACRO))
        with pytest.raises(RobotError) as caught:
            load_arm(path)
        assert f"with: xacro '{path}' > robot.urdf;" in str(caught.value)

    @pytest.mark.parametrize(
        "left",
        [
            '<xacro:macro name="m" params="x"><link name="${x}"/></xacro:macro>',
            '<xacro:gazebo_friction link="a"/>',
            '<xacro:property name="a" value="1"/><xacro:arg name="b" default="2"/>',
            '<xacro:include filename="materials.xacro"/>',
        ],
    )
    def test_what_was_left_over_is_ignored_and_told(self, write_urdf, left):
        selection = select_arm(write_urdf(robot(left + WRITTEN_OUT)))
        assert selection.chain.joint_names == ("j",)
        assert "A xacro element was left over (<xacro:" in selection.notes[1]

    def test_expressions_where_no_kinematics_are(self, write_urdf):
        inside = WRITTEN_OUT.replace(
            '<link name="b"/>',
            '<link name="b"><visual><origin xyz="${a} 0 0"/></visual>'
            '<xacro:inertia m="${m}"/></link>',
        )
        assert load_arm(write_urdf(robot(inside))).joint_names == ("j",)


@pytest.mark.skipif(not importlib.util.find_spec("xacro"), reason="needs the extra `xacro`")
class TestExpanded:
    def test_macros_and_includes(self, tmp_path):
        (tmp_path / "arm.xacro").write_text(robot(MACRO))
        path = tmp_path / "main.urdf.xacro"
        path.write_text(robot('<xacro:include filename="arm.xacro"/><xacro:arm prefix="right_"/>'))
        chain = load_arm(path, tip="right_b")
        assert chain.joint_names == ("right_j",)
        assert chain.joints[0].origin[2, 3] == 0.5

    @pytest.mark.parametrize("named", ["folder", "package.xml"])
    @pytest.mark.skipif(
        bool(importlib.util.find_spec("ament_index_python")), reason="ROS looks for packages itself"
    )
    def test_packages_of_a_checkout_are_found_without_ros(self, tmp_path, named):
        other = tmp_path / ("arm_parts" if named == "folder" else "src-of-it")
        (other / "urdf").mkdir(parents=True)
        (other / "urdf" / "arm.xacro").write_text(robot(MACRO))
        if named == "package.xml":
            (other / "package.xml").write_text("<package><name>arm_parts</name></package>")
        main = tmp_path / "my_robot" / "urdf"
        main.mkdir(parents=True)
        inside = '<xacro:include filename="$(find arm_parts)/urdf/arm.xacro"/><link name="world"/>'
        (main / "robot.xacro").write_text(robot(inside))
        assert load_arm(main / "robot.xacro").joint_names == ("left_j",)

    @pytest.mark.parametrize(
        ("inside", "reason"),
        [
            (
                '<xacro:include filename="$(find nobody)/a.xacro"/>',
                "no package 'nobody' beside the file",
            ),
            ("<xacro:nobody/>", "nobody"),
            ('<link name="${1 / 0}"/>', "division"),
            ('<xacro:include filename="none.xacro"/>', "none.xacro"),
        ],
    )
    def test_what_xacro_cannot_do_is_told_in_its_words(self, write_urdf, inside, reason):
        with pytest.raises(RobotError, match=reason) as caught:
            load_arm(write_urdf(robot(inside + "<xacro:a/>")))
        assert "Traceback" not in str(caught.value)
        assert "Expand it where its packages are" in str(caught.value)

    def test_it_is_not_waited_for_without_end(self, tmp_path, monkeypatch):
        monkeypatch.setattr(xacro_source, "SECONDS", 0.2)
        monkeypatch.setattr(xacro_source, "COMMAND", python("import time; time.sleep(60)"))
        path = tmp_path / "my robot.xacro"
        path.write_text(robot(MACRO))
        with pytest.raises(RobotError, match=r"did not end in 0\.2 s") as caught:
            load_arm(path)
        assert f"with: xacro '{path}' > robot.urdf" in str(caught.value)

    def test_nor_read_without_end(self, write_urdf, monkeypatch):
        monkeypatch.setattr("edge_ik.arms.sources.MAX_BYTES", 3000)
        monkeypatch.setattr(xacro_source, "COMMAND", python("print('x' * 10000)"))
        with pytest.raises(RobotError, match="expands to more than 3,000 bytes"):
            load_arm(write_urdf(robot(MACRO)))

    @pytest.mark.parametrize("expression", ["'a' * 10**10", "[[i] for i in range(10**9)]"])
    def test_what_would_take_all_memory_is_refused(self, write_urdf, monkeypatch, expression):
        monkeypatch.setattr(xacro_source, "MEGABYTES", 50)
        with pytest.raises(RobotError, match="expansion takes more than 50 MB"):
            load_arm(write_urdf(robot(f'<link name="${{{expression}}}"/>')))

    def test_nor_are_complaints_read_without_end(self, write_urdf):
        inside = "<link name=\"${[xacro.warning('a' * 10**6) for i in range(10**9)]}\"/>"
        began = time.monotonic()
        with pytest.raises(RobotError, match="cannot expand it here: warning: aaa") as caught:
            load_arm(write_urdf(robot(inside)))
        assert len(str(caught.value)) < 1000
        assert time.monotonic() - began < xacro_source.SECONDS

    @pytest.mark.parametrize("alone", [False, True])
    def test_the_process_ends_with_its_parent_and_alone(self, tmp_path, write_urdf, alone):
        """It waits for a pipe that it includes, whose other end is held here."""
        fifo = tmp_path / "parts.xacro"
        os.mkfifo(fifo)
        path = write_urdf(robot('<xacro:include filename="parts.xacro"/>'))
        program = "import sys; from edge_ik.arms import load_arm; load_arm(sys.argv[1])"
        if alone:
            command = (*xacro_source.COMMAND, str(path), "0.5", "500")
        else:
            command = (sys.executable, "-c", program, str(path))
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as parent:
            writer = opened(fifo)
            try:
                if not alone:
                    parent.kill()
                assert is_left(writer, seconds=3)
            finally:
                parent.kill()
                os.close(writer)


def opened(fifo, seconds=30):
    """The descriptor to write with, as soon as something reads."""
    ends = time.monotonic() + seconds
    while True:
        try:
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            assert time.monotonic() < ends
            time.sleep(0.01)


def is_left(writer, seconds):
    """Whether the reader of a pipe ends within some time."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        try:
            os.write(writer, b" ")
        except BrokenPipeError:
            return True
        time.sleep(0.02)
    return False


def test_a_broken_installation_is_told(write_urdf, monkeypatch):
    monkeypatch.setattr("edge_ik.arms.sources.is_installed", lambda: True)
    monkeypatch.setattr(xacro_source, "COMMAND", python("import nobody_has_this"))
    with pytest.raises(RobotError, match="No module named 'nobody_has_this'"):
        load_arm(write_urdf(robot(MACRO)))
