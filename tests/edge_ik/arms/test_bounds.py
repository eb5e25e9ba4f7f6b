"""Time and memory are bounded, whatever comes in."""

import subprocess
import sys
import time

import pytest

from edge_ik.arms import load_arm
from edge_ik.arms.safe_xml import MAX_ELEMENTS, MAX_JOINTS, MAX_LINKS, MAX_NESTING
from firmware_host.errors import RobotError

SECONDS = 2
MEGABYTES = 500
COUNT = 100_000

# Prints the error, the seconds (of its own, whatever else runs) and the megabytes that it took.
PROGRAM = """
import sys, time
from edge_ik.arms import load_arm
from firmware_host.errors import RobotError
began = time.process_time()
try:
    load_arm(sys.argv[1])
except RobotError as error:
    print(error)
print(time.process_time() - began)
# Of this program alone: what getrusage says includes the parent's memory before exec.
with open("/proc/self/status") as status:
    print(next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM")))
"""


def chain_text(count):
    links = "".join(f'<link name="l{i}"/>' for i in range(count + 1))
    joints = "".join(
        f'<joint name="j{i}" type="fixed"><parent link="l{i}"/><child link="l{i + 1}"/></joint>'
        for i in range(count)
    )
    return f'<robot name="r">{links}{joints}</robot>'


def mjcf_text(count):
    bodies = "".join(f'<body><joint name="j{i}"/></body>' for i in range(count))
    return f"<mujoco><worldbody>{bodies}</worldbody></mujoco>"


def toml_text(count):
    return "".join(f'[[joints]]\nname="j{i}"\naxis="z"\nlimits=[-1,1]\n' for i in range(count))


FILES = {
    "a chain": chain_text(COUNT),
    "short names": chain_text(COUNT).replace('<joint name="j', '<joint name="'),
    "joints alone": '<robot name="r">'
    + '<joint name="j" type="fixed"><parent link="a"/><child link="b"/></joint>' * COUNT
    + "</robot>",
    "one name": '<robot name="r">' + '<link name="l"/>' * 600_000 + "</robot>",
    "each name twice": '<robot name="r">'
    + "".join(f'<link name="l{i // 2}"/>' for i in range(COUNT - 10))
    + "</robot>",
    "moving joints": chain_text(MAX_JOINTS).replace('type="fixed"', 'type="continuous"'),
    "elements": '<robot name="r">' + "<link/>" * 1_400_000 + "</robot>",
    "parts of a joint": '<robot name="r"><joint name="j">'
    + "<axis/>" * 1_400_000
    + "</joint></robot>",
    "attributes": '<robot name="r"><link '
    + " ".join(f'a{i}=""' for i in range(900_000))
    + "/></robot>",
    "nested": "<robot>" + "<link>" * 700_000,
    "comments": "<robot>" + "<!--" * 2_000_000,
    "mjcf": mjcf_text(COUNT),
    "mjcf in a row": "<mujoco><worldbody>" + "<body><joint/>" * 600_000,
    "replicated": '<mujoco><worldbody><replicate count="1000"><replicate count="1000"><body>'
    "<joint/></body></replicate></replicate></worldbody></mujoco>",
    "toml": toml_text(COUNT),
    "toml of many": toml_text(MAX_JOINTS),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_too_much_is_refused_in_time_and_memory(tmp_path, name):
    path = tmp_path / "robot"
    path.write_text(FILES[name])
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)], capture_output=True, text=True, check=True
    )
    error, seconds, megabytes = result.stdout.splitlines()
    assert error
    assert float(seconds) < SECONDS
    assert float(megabytes) < MEGABYTES


def test_so_many_joints_are_read(tmp_path):
    path = tmp_path / "robot.urdf"
    path.write_text(chain_text(MAX_JOINTS).replace('type="fixed"', 'type="continuous"', 10))
    began = time.process_time()
    assert len(load_arm(path)) == 10
    assert time.process_time() - began < SECONDS
    path.write_text(chain_text(MAX_JOINTS + 1))
    with pytest.raises(RobotError, match=r"more than 10,000 joints.*Give a file with the part"):
        load_arm(path)
    assert MAX_ELEMENTS >= 6 * MAX_JOINTS


def nested(tag, count, inside=""):
    return f"<{tag}>" * count + inside + f"</{tag}>" * count


DEEP = {
    "urdf": f'<robot name="r"><link name="a">{nested("x", 1500)}</link></robot>',
    "xacro": f'<robot name="r"><xacro:macro name="m">{nested("x", 1500)}</xacro:macro></robot>',
    "mjcf": f"<mujoco><worldbody>{nested('body', 1500)}</worldbody></mujoco>",
    "mjcf beside": f"<mujoco><custom>{nested('x', 1500)}</custom></mujoco>",
    "included": '<mujoco><worldbody><include file="part0.xml"/></worldbody></mujoco>',
}


@pytest.mark.parametrize("name", DEEP)
def test_elements_nested_too_deeply_are_refused(tmp_path, name):
    """In one file, and in files that include each other, each within the bound."""
    for number in range(5):
        within = nested(
            "body", MAX_NESTING // 4, f'<include file="part{number + 1}.xml"/>' * (number < 4)
        )
        (tmp_path / f"part{number}.xml").write_text(f"<mujocoinclude>{within}</mujocoinclude>")
    path = tmp_path / "robot"
    path.write_text(DEEP[name])
    with pytest.raises(RobotError, match=r"more than 400 deep.*Give a file with the part"):
        load_arm(path)


def test_so_deep_is_read(tmp_path):
    pytest.importorskip("mujoco")
    arm = nested("body", MAX_NESTING - 3, '<joint name="j" range="-90 90"/>')
    path = tmp_path / "robot.xml"
    path.write_text(f"<mujoco><worldbody>{arm}</worldbody></mujoco>")
    assert load_arm(path).joint_names == ("j",)


@pytest.mark.parametrize("names", [1, 2, 99_000])
def test_so_many_links_are_read(tmp_path, names):
    """Among them links that no joint holds, and names that are borne twice."""
    links = "".join(f'<link name="x{number % names}"/>' for number in range(MAX_LINKS + 1))
    path = tmp_path / "robot.urdf"
    path.write_text(chain_text(3).replace("</robot>", f"{links}</robot>"))
    with pytest.raises(RobotError, match=r"more than 20,000 links.*Give a file with the part"):
        load_arm(path)


def test_the_whole_tree_is_never_built_for_a_chain(write_urdf, monkeypatch):
    arm = [(f"j{i}", f"l{i}", f"l{i + 1}") for i in range(10)]
    rest = [(f"k{i}", "l0", f"m{i}") for i in range(1000)]
    read = []

    def count(name, kind, parts):
        read.append(name)
        return geometry(name, kind, parts)

    from edge_ik.arms import urdf

    geometry = urdf._geometry
    monkeypatch.setattr(urdf, "_geometry", count)
    assert len(load_arm(write_urdf(*arm, *rest))) == 10
    assert sorted(read) == sorted(joint[0] for joint in arm)
