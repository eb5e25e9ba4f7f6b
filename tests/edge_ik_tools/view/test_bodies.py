"""Bodies are where the kinematics say, whatever the joints are."""

import numpy as np
import pytest

from edge_ik.arms.builtin import arm_names
from edge_ik.arms.load import load_arm
from edge_ik_tools.view.bodies import bars, body_poses
from firmware_host.kinematics import forward_kinematics, frames


@pytest.mark.parametrize("name", arm_names())
def test_the_last_body_carries_the_tool(name):
    chain = load_arm(name)
    rng = np.random.default_rng(0)
    for q in rng.uniform(chain.lower, chain.upper, (5, len(chain))):
        poses = body_poses(chain, q)
        assert len(poses) == len(chain.segments) + 1
        np.testing.assert_allclose(
            poses[-1] @ chain.links[-1], forward_kinematics(chain, q), atol=1e-12
        )
        found = frames(chain, *(part.tolist() for part in chain.place(q)))
        np.testing.assert_allclose(poses[1:, :3, 2], found.axes, atol=1e-12)


@pytest.mark.parametrize("name", arm_names())
def test_bars_lead_from_joint_to_joint(name):
    chain = load_arm(name)
    drawn = bars(chain)
    assert len(drawn) == len(chain.segments) + 1
    for lines, link in zip(drawn, chain.links, strict=True):
        if np.linalg.norm(link[:3, 3]) > 1e-3 * chain.reach:
            np.testing.assert_array_equal(lines[0].end, link[:3, 3])


def test_a_joint_that_slides_has_its_rail(other_arms):
    chain = load_arm("scara")
    slides = int(np.flatnonzero([segment.slides for segment in chain.segments])[0])
    rail = bars(chain)[slides][-1]
    joint = chain.joints[chain.segments[slides].leader]
    assert np.linalg.norm(rail.end - rail.start) == pytest.approx(joint.upper - joint.lower)
