"""What each aspect reaches, against what is known of the arms."""

import numpy as np
import pytest

pytest.importorskip("scipy")

from edge_ik.arms import builtin_arms, load_arm
from edge_ik.data.aspects import find_region
from edge_ik.data.reach import AspectReach, measure_reach
from firmware_host.problem import IkProblem
from firmware_host.tasks import POSE, POSITION

pytestmark = pytest.mark.tensorflow


def reach(name, task, targets, margin=0.01):
    home = builtin_arms()[name].home
    region = find_region(
        IkProblem(load_arm(name), task), home, margin, np.random.default_rng(0), every=True
    )
    return measure_reach(region, np.random.default_rng(1), targets)


def test_an_arm_with_one_branch_reaches_all_in_it():
    found = reach("arm3", POSITION, 500)
    assert found.targets[0] > 0.95
    assert found.mean_aspects == pytest.approx(sum(found.targets))


def test_ur5_reaches_a_pose_in_most_of_its_eight_aspects():
    """Without limits and near no singularity there are up to eight solutions, mostly all."""
    found = reach("ur5", POSE, 300)
    assert len(found.names) == 8
    assert 5 < found.mean_aspects < 8
    # The arm is nearly its own mirror image: no branch is much better than another.
    assert max(found.targets) - min(found.targets) < 0.15
    assert sum(found.joint_space) < 1


def test_the_figures_read_back():
    found = reach("leg3", POSITION, 200)
    assert AspectReach.from_dict(found.to_dict()) == found
