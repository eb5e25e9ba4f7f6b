"""Whether one branch is enough: it is where the others add nothing, and each target has one."""

import math

import numpy as np
import pytest

pytest.importorskip("scipy")

from edge_ik.arms import builtin_arms, load_arm
from edge_ik.data import alone
from edge_ik.data.alone import answers_alone
from edge_ik.data.aspects import find_region
from firmware_host.chain import Chain, Joint
from firmware_host.problem import IkProblem
from firmware_host.tasks import POSE, POSITION, make_task

pytestmark = pytest.mark.tensorflow  # the URDF library comes with the same extra


def region_of(chain, home, task=POSITION):
    return find_region(IkProblem(chain, task), home, np.random.default_rng(0))


def is_alone(chain, home, task=POSITION, seed=0):
    return answers_alone(region_of(chain, home, task), np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("name", "task", "expected"),
    [
        # arm3 reaches a few targets over its back too, and all of them from the front.
        ("arm3", POSITION, True),
        ("leg3", POSITION, False),
        ("a1_leg", POSITION, False),
        ("so101", make_task("axis"), False),
        ("ur5", POSE, False),
    ],
)
@pytest.mark.parametrize("seed", range(2))
def test_of_the_built_in_arms_it_is_arm3_s(name, task, expected, seed):
    assert is_alone(load_arm(name), builtin_arms()[name].home, task, seed) is expected


def shifted(x=0.0, y=0.0, z=0.0):
    transform = np.eye(4)
    transform[:3, 3] = x, y, z
    return transform


def servo_arm(yaw, shoulder, elbow):
    joints = (
        Joint("yaw", shifted(z=0.15), np.array([0.0, 0.0, 1.0]), -yaw, yaw),
        Joint("shoulder", np.eye(4), np.array([0.0, -1.0, 0.0]), -shoulder, shoulder),
        Joint("elbow", shifted(x=0.25), np.array([0.0, 1.0, 0.0]), *elbow),
    )
    return Chain("servo", joints, shifted(x=0.25))


def test_a_servo_arm_whose_aspects_reach_different_places_needs_all():
    """Yaw and shoulder of a quarter turn: three in four targets are in reach of home's."""
    chain = servo_arm(math.pi / 2, math.pi / 2, (-0.3, 2.6))
    assert not is_alone(chain, (0.0, 0.5, 1.2))


def test_what_one_aspect_leaves_to_another_counts(monkeypatch):
    """Whatever share of joint space it holds."""
    monkeypatch.setattr(alone, "LEAST_SHARE", 0.0)
    chain = load_arm("leg3")
    assert not is_alone(chain, builtin_arms()["leg3"].home)
    assert is_alone(load_arm("arm3"), builtin_arms()["arm3"].home)


def test_an_aspect_that_answers_a_target_twice_is_not_enough(monkeypatch):
    """A cuspidal arm: within one aspect there are several answers.

    The orthogonal arm of Wenger and El Omri ("Changing posture for cuspidal robot
    manipulators", ICRA 1996) with d2 = 1, d3 = 2, d4 = 1.5, r2 = 1, r3 = 0.
    """
    monkeypatch.setattr(alone, "LEAST_SHARE", 0.0)
    monkeypatch.setattr(alone, "LEAST_REACHED", 0.0)
    up, down = _turned(-math.pi / 2), _turned(math.pi / 2)
    origins = (np.eye(4), shifted(1.0) @ up, shifted(2.0, 0, 1.0) @ down)
    axis = np.array([0.0, 0.0, 1.0])
    joints = tuple(
        Joint(name, origin, axis, -math.pi, math.pi, "continuous")
        for name, origin in zip(("first", "second", "third"), origins, strict=True)
    )
    region = region_of(Chain("cuspidal", joints, shifted(1.5)), (0.0, -0.6, 2.5))
    assert not answers_alone(region, np.random.default_rng(0))
    monkeypatch.setattr(alone, "MOST_AMBIGUOUS", 1.0)
    assert answers_alone(region, np.random.default_rng(0))


def _turned(angle):
    """A turn about x."""
    transform = np.eye(4)
    c, s = math.cos(angle), math.sin(angle)
    transform[1:3, 1:3] = [[c, -s], [s, c]]
    return transform
