"""Robot TOML: what a person writes, checked to the last key."""

import math

import numpy as np
import pytest

from edge_ik.arms import load_arm, select_arm
from edge_ik.arms.load import select_chain
from edge_ik.arms.robot_toml import parse_toml
from edge_ik.arms.tree import build_tree
from firmware_host.errors import RobotError
from firmware_host.kinematics import forward_kinematics

RULED = """
name = "kit"
angles = "degrees"
lengths = "millimetres"

[base]
name = "plate"
offset = [0, 0, 10]

[[joints]]
name = "yaw"
offset = [0, 0, 50]
axis = "z"
limits = [-90, 90]

[[joints]]
name = "lift"
type = "prismatic"
offset = [0, 0, 20]
rpy = [0, 90, 0]
axis = "-x"
limits = [0, 120]

[[joints]]
name = "follower"
offset = [0, 0, 100]
axis = [0, 2, 0]
mimic = { joint = "yaw", multiplier = -1.0, offset = 30 }

[tool]
name = "pen"
offset = [0, 0, 40]
rpy = [180, 0, 0]
"""


def read(text):
    return select_chain(build_tree(parse_toml(text, "my_arm.toml"))).chain


def test_a_robot_by_the_ruler():
    chain = read(RULED)
    assert (chain.name, chain.base, chain.tip) == ("kit", "plate", "pen")
    assert chain.joint_names == ("yaw", "lift")
    np.testing.assert_allclose(chain.lower, [-math.pi / 2, 0])
    np.testing.assert_allclose(chain.upper, [math.pi / 2, 0.12])
    # Up the mast, along x after the turn by 90 degrees, and the follower turns back by 30.
    pose = forward_kinematics(chain, [0.0, 0.05])
    turned = math.radians(30)
    np.testing.assert_allclose(
        pose[:3, 3],
        [0.1 + 0.04 * math.cos(turned), 0, 0.08 + 0.05 - 0.04 * math.sin(turned)],
        atol=1e-12,
    )


def test_what_is_left_out_has_defaults():
    chain = read('[[joints]]\naxis = "y"\nlimits = [-1, 1]\n[[joints]]\naxis="x"\nlimits=[0,1]\n')
    assert (chain.name, chain.joint_names) == ("my_arm", ("joint1", "joint2"))
    assert (chain.base, chain.tip) == ("base", "tool")


UR3E = """
name = "ur3e"
dh = "standard"
joints = [
  { d = 0.15185, alpha = 1.570796327, limits = [-3.14, 3.14] },
  { a = -0.24355, limits = [-3.14, 3.14] },
  { a = -0.2132, limits = [-3.14, 3.14] },
  { d = 0.13105, alpha = 1.570796327, limits = [-3.14, 3.14] },
  { d = 0.08535, alpha = -1.570796327, limits = [-3.14, 3.14] },
  { d = 0.0921, limits = [-3.14, 3.14] },
]
"""


def test_a_real_machine_by_its_dh_rows():
    """Universal Robots' published parameters: stretched out along -x at q = 0."""
    chain = read(UR3E)
    place = forward_kinematics(chain, np.zeros(6))[:3, 3]
    expected = [-0.24355 - 0.2132, -0.13105 - 0.0921, 0.15185 - 0.08535]
    np.testing.assert_allclose(place, expected, atol=1e-9)


ROW = '[[joints]]\nname = "j"\naxis = "z"\nlimits = [-1, 1]\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not toml", "neither XML .* nor a robot TOML"),
        ("x = 1", "unknown key 'x'"),
        ('name = "r"', "has no list of joints"),
        ("joints = 3", "has no list of joints"),
        ("joints = []", "has no list of joints"),
        ("[network]\nwidth = 3", "is the configuration of a training"),
        ('name = ""\n' + ROW, "no usable name"),
        ('dh = "craig"\n' + ROW, 'dh = "standard" or "modified"'),
        ('angles = "deg"\n' + ROW, "expected angles = radians or degrees"),
        ("lengths = 3\n" + ROW, "expected lengths = metres or millimetres"),
        ('dh = "standard"\n' + ROW, "Joint 'j' has the unknown key 'axis'"),
        (ROW + "theta = 1", "Joint 'j' has the unknown key 'theta'"),
        (ROW + "color = 1", "Joint 'j' has the unknown key 'color'"),
        (ROW + ROW, "'j' is not usable, or used twice"),
        (ROW.replace('"z"', '"w"'), "'j' has no usable axis"),
        (ROW.replace('axis = "z"\n', ""), "'j' has no usable axis"),
        (ROW.replace('"z"', "[0, 0]"), "expected 3 finite numbers for 'axis'"),
        (ROW.replace('"z"', "[0, 0, 0]"), "'j' has no usable axis"),
        (ROW.replace("limits = [-1, 1]", ""), "'j' has no limits"),
        (ROW.replace("[-1, 1]", "[1]"), "expected 2 finite numbers for 'limits'"),
        (ROW.replace("[-1, 1]", "[-inf, 1]"), "expected 2 finite numbers for 'limits'"),
        (ROW.replace("[-1, 1]", "[true, 1]"), "expected 2 finite numbers for 'limits'"),
        (ROW.replace("[-1, 1]", "[1, 1]"), "'j' has no room to move"),
        ('dh = "standard"\n' + ROW.replace('axis = "z"', "alpha = 90"), "seems to be degrees"),
        (ROW.replace("[-1, 1]", "[-90, 90]"), 'angles = "degrees" at the top'),
        (ROW + 'type = "ball"', "is of the type 'ball'"),
        (ROW + "type = 3", "is of the type 3"),
        (ROW + "offset = [0, nan, 0]", "expected 3 finite numbers for 'offset'"),
        (ROW + "rpy = [0, 90, 0]", "seems to be degrees"),
        (ROW + 'mimic = "a"', "'j' has an unusable mimic"),
        (ROW + 'mimic = { joint = "a", factor = 2 }', "unknown key 'factor'"),
        (ROW + 'mimic = { joint = "a" }', "mimics joint 'a', which is not in the robot"),
        (ROW + 'mimic = { joint = "j" }', "mimics it in turn"),
        (ROW + "[tool]\nxyz = [0, 0, 1]", r"\[tool\] has the unknown key 'xyz'"),
        (ROW + '[tool]\nname = "base"', "'base' is that of another link"),
        ("tool = 3\n" + ROW, r"\[tool\] to be a table"),
        ("base = { name = 3 }\n" + ROW, r"\[base\] has no usable name"),
        (ROW + "offset = [800, 0, 0]\n[tool]\noffset = [700, 0, 0]", "seem to be millimetres"),
    ],
)
def test_what_is_wrong_is_named(text, message):
    with pytest.raises(RobotError, match=message):
        read(text)


def test_reversed_limits_are_swapped_and_told(tmp_path):
    path = tmp_path / "arm.toml"
    path.write_text(ROW.replace("[-1, 1]", "[1, -1]"))
    selection = select_arm(path)
    assert (selection.chain.lower, selection.chain.upper) == (-1, 1)
    assert "limits reversed (1, -1)" in selection.notes[-1]


def test_a_file_of_it(tmp_path):
    path = tmp_path / "arm.toml"
    path.write_bytes(b"\xef\xbb\xbf" + RULED.encode())
    assert len(load_arm(path)) == 2
    assert "'follower' follows 'yaw': q = -1 q_yaw +0.523599" in select_arm(path).notes[-1]
