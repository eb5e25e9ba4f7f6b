"""det J, and the region of joint space that it divides."""

import numpy as np
import pytest

pytest.importorskip("scipy")

from edge_ik.arms import load_arm
from edge_ik.data.region import position_determinant
from firmware_host.kinematics import jacobian

pytestmark = pytest.mark.tensorflow  # the URDF library comes with the same extra

LINK = 0.25


def uniform(chain, count=20_000, seed=7):
    return np.random.default_rng(seed).uniform(chain.lower, chain.upper, (count, len(chain)))


def radial(q):
    """Signed distance (N,) of arm3's tool from the yaw axis [m]."""
    return LINK * (np.cos(q[:, 1]) + np.cos(q[:, 1] - q[:, 2]))


class TestDeterminant:
    @pytest.mark.parametrize("name", ["arm3", "leg3", "a1_leg"])
    def test_it_is_that_of_the_linear_jacobian(self, name):
        chain = load_arm(name)
        q = uniform(chain, 200)
        expected = np.linalg.det(jacobian(chain, np.sin(q), np.cos(q))[:, :3])
        np.testing.assert_allclose(position_determinant(chain, q), expected, atol=1e-15)
        assert position_determinant(chain, q[0]) == pytest.approx(expected[0], abs=1e-15)

    def test_arm3_is_singular_where_it_is_straight_or_overhead(self):
        chain = load_arm("arm3")
        q = uniform(chain)
        expected = LINK**2 * radial(q) * np.sin(q[:, 2])
        np.testing.assert_allclose(
            np.abs(position_determinant(chain, q)), np.abs(expected), atol=1e-15
        )
        assert len(set(np.sign(position_determinant(chain, q) * expected))) == 1
