"""The built-in robots: what they are, their home postures, and the real machines."""

import math
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from edge_ik.arms import arm_names, builtin_arms, load_arm, select_arm
from edge_ik.data.rank import chosen_task, working_tasks
from firmware_host.installed import install_command
from firmware_host.kinematics import forward_kinematics, jacobian, tool_position
from firmware_host.problem import IkProblem

ARMS = builtin_arms()
JOINTS = {
    "arm3": 3,
    "leg3": 3,
    "a1_leg": 3,
    "leg2": 2,
    "openmanipulator_x": 4,
    "palletizer": 3,
    "scara": 4,
    "so101": 5,
    "ur5": 6,
    "ur5_rail": 7,
    "panda": 7,
}

# Where example-robot-data has the real robots' descriptions: file, base, tip.
REAL = {
    "a1_leg": ("a1_description/urdf/a1.urdf", "trunk", "FL_foot"),
    "leg2": ("a1_description/urdf/a1.urdf", "FL_hip", "FL_foot"),
    "so101": ("so_arm_description/urdf/so101.urdf", "base_link", "gripper_frame_link"),
    "ur5": ("ur_description/urdf/ur5_robot.urdf", "base_link", "tool0"),
    "panda": ("panda_description/urdf/panda.urdf", "panda_link0", "panda_hand_tcp"),
}
# The source of so101 rounds its right angles at the fifth digit, four times in a row.
AGREEMENT = {"so101": 3e-5}


def real_description(relative):
    try:
        found = metadata.distribution("example-robot-data")
    except metadata.PackageNotFoundError:
        pytest.skip(f"needs example-robot-data: {install_command('test')}")
    robots = Path(found.locate_file("cmeel.prefix/share/example-robot-data/robots"))
    return robots / relative


def test_the_names():
    assert dict.fromkeys(JOINTS) == dict.fromkeys(arm_names())
    assert list(ARMS) == list(arm_names())
    assert arm_names()[0] == "arm3"
    assert all(arm.name == name for name, arm in ARMS.items())
    assert all(arm.description and "\n" not in arm.description for arm in ARMS.values())


@pytest.mark.parametrize("name", JOINTS)
def test_the_whole_file_is_the_chain(name):
    selection = select_arm(name)
    assert selection.chain.name == name
    assert len(selection.chain) == JOINTS[name]
    _, *others = selection.notes
    assert not [note for note in others if note.startswith(("It starts", "It stops"))]


@pytest.mark.parametrize("name", JOINTS)
def test_the_file_holds_kinematics_only_and_names_its_source(name):
    text = ARMS[name].urdf().decode()
    assert "Source:" in text
    for tag in ("<mesh", "<visual", "<collision", "<inertial"):
        assert tag not in text


@pytest.mark.parametrize("name", JOINTS)
def test_home_is_well_inside_the_limits(name):
    chain, home = load_arm(name), np.array(ARMS[name].home)
    share = (home - chain.lower) / (chain.upper - chain.lower)
    assert np.all((share > 0.1) & (share < 0.9))


@pytest.mark.parametrize("name", JOINTS)
def test_home_is_away_from_singularities(name):
    chain, home = load_arm(name), np.array(ARMS[name].home)
    at_home = jacobian(chain, *chain.place(home)) * chain.scales
    pose = np.linalg.svd(at_home, compute_uv=False)
    assert len(pose) == min(6, len(chain))
    assert pose.min() > 0.04 * pose.max()
    problem = IkProblem(chain, chosen_task(chain, ARMS[name].task))
    own = np.linalg.svd(problem.jacobian(*chain.place(home)) * chain.scales, compute_uv=False)
    assert own.min() > (0.1 if problem.task.has_orientation else 0.15) * own.max()


def position(chain, *q):
    return tool_position(chain, np.sin(q), np.cos(q))


def test_arm3_is_what_its_description_says():
    chain = load_arm("arm3")
    np.testing.assert_allclose(position(chain, 0, 0, 0), [0.5, 0, 0.15], atol=1e-15)
    np.testing.assert_allclose(position(chain, 0, math.pi / 2, 0), [0, 0, 0.65], atol=1e-15)
    raised = 0.25 * np.array([math.cos(0.7) + math.cos(0.7 - 1.2), 0])
    raised[1] = 0.15 + 0.25 * (math.sin(0.7) + math.sin(0.7 - 1.2))
    np.testing.assert_allclose(position(chain, 0, 0.7, 1.2)[[0, 2]], raised, atol=1e-15)
    np.testing.assert_array_equal(chain.lower, [-math.pi, -0.2, 0.15])
    np.testing.assert_array_equal(chain.upper, [math.pi, 1.9, 2.6])


def test_leg3_is_what_its_description_says():
    chain = load_arm("leg3")
    np.testing.assert_allclose(position(chain, 0, 0, 0), [0, 0.06, -0.41], atol=1e-15)
    np.testing.assert_allclose(position(chain, math.pi / 2, 0, 0), [0, 0.41, 0.06], atol=1e-15)
    np.testing.assert_allclose(position(chain, 0, 0, -math.pi / 2), [0.2, 0.06, -0.21], atol=1e-15)
    np.testing.assert_array_equal(chain.lower, [-0.8, -1.5, -2.6])
    np.testing.assert_array_equal(chain.upper, [0.8, 2.5, -0.3])


def test_scara_is_what_its_table_says():
    chain = load_arm("scara")
    # Standard Denavit-Hartenberg: Rz(theta) Tz(d) Tx(a) Rx(alpha), joint 3 in d.
    rows = [(0.387, 0.325, 0.0), (0.0, 0.275, math.pi), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)]
    for q in np.random.default_rng(0).uniform(chain.lower, chain.upper, (20, 4)):
        expected = np.eye(4)
        for index, (d, a, alpha) in enumerate(rows):
            turn, slide = (0.0, q[index]) if index == 2 else (q[index], 0.0)
            (c, ca), (s, sa) = np.cos([turn, alpha]), np.sin([turn, alpha])
            expected = expected @ np.array(
                [
                    [c, -s * ca, s * sa, a * c],
                    [s, c * ca, -c * sa, a * s],
                    [0, sa, ca, d + slide],
                    [0, 0, 0, 1],
                ]
            )
        np.testing.assert_allclose(forward_kinematics(chain, q), expected, atol=1e-12)


def test_the_palletizer_s_linkage_keeps_its_hand_level():
    chain = load_arm("palletizer")
    assert chain.joint_names == ("joint_1", "joint_2", "joint_3")
    q = np.random.default_rng(0).uniform(chain.lower, chain.upper, (50, 3))
    poses = forward_kinematics(chain, q)
    np.testing.assert_allclose(poses[:, :3, 2], np.tile([0, 0, 1], (50, 1)), atol=1e-12)
    lean, tilt = q[:, 1], q[:, 1] + q[:, 2]
    out = 0.135 * np.sin(lean) + 0.147 * np.cos(tilt) + 0.06
    up = 0.131305 + 0.135 * np.cos(lean) - 0.147 * np.sin(tilt) - 0.06
    np.testing.assert_allclose(poses[:, 0, 3], out * np.cos(q[:, 0]), atol=1e-12)
    np.testing.assert_allclose(poses[:, 2, 3], up, atol=1e-12)


def test_the_arm_on_a_rail_is_the_ur5_moved_along():
    chain, arm = load_arm("ur5_rail"), load_arm("ur5")
    q = np.random.default_rng(0).uniform(chain.lower, chain.upper, (20, 7))
    expected = forward_kinematics(arm, q[:, 1:])
    expected[:, 0, 3] += q[:, 0]
    np.testing.assert_allclose(forward_kinematics(chain, q), expected, atol=1e-12)
    assert chain.units == ("m", *["rad"] * 6)


def test_openmanipulator_x_is_what_its_drawing_says():
    """380 mm of reach, and the numbers of ROBOTIS' description."""
    chain = load_arm("openmanipulator_x")
    np.testing.assert_allclose(position(chain, 0, 0, 0, 0), [0.286, 0, 0.2045], atol=1e-15)
    stretched = math.atan2(0.128, 0.024)
    reached = position(chain, 0, stretched, -stretched, 0)
    assert reached[0] - 0.012 == pytest.approx(math.hypot(0.128, 0.024) + 0.25)
    assert reached[0] - 0.012 == pytest.approx(0.380, abs=1e-3)


def test_the_task_of_a_robot_is_one_that_it_can_do():
    for name, arm in ARMS.items():
        chain = load_arm(name)
        chosen = chosen_task(chain, arm.task).options()
        assert chosen in [task.options() for task in working_tasks(chain, arm.task)]


@pytest.mark.parametrize("name", REAL)
def test_the_numbers_are_the_real_machines(name):
    file, base, tip = REAL[name]
    ours, real = load_arm(name), load_arm(real_description(file), base, tip)
    assert (ours.joint_names, ours.base, ours.tip) == (real.joint_names, base, tip)
    q = np.random.default_rng(1).uniform(ours.lower, ours.upper, (200, len(ours)))
    np.testing.assert_allclose(
        forward_kinematics(ours, q),
        forward_kinematics(real, q),
        rtol=0,
        atol=AGREEMENT.get(name, 1e-9),
    )
    if name == "ur5":  # common descriptions halve the elbow's range
        np.testing.assert_array_equal(
            [ours.lower, ours.upper], [[-2 * math.pi] * 6, [2 * math.pi] * 6]
        )
    else:
        np.testing.assert_array_equal([ours.lower, ours.upper], [real.lower, real.upper])
