"""The joint nearest to a limit."""

import math

import numpy as np

from firmware_host.chain import Chain, Joint
from firmware_host.limits import nearest_limit


def joint(name, lower=-1.0, upper=2.0, **changes):
    return Joint(name, np.eye(4), np.array([0.0, 0.0, 1.0]), lower, upper, **changes)


def chain_of(*joints):
    return Chain("robot", joints, np.eye(4))


def test_the_nearest_limit_is_of_a_joint_that_has_some():
    """Also where it may turn all the way around; a joint that turns on has none."""
    turn = 2 * math.pi
    around, endless = (
        joint("around", lower=-turn, upper=turn),
        joint("endless", kind="continuous", lower=-math.pi, upper=math.pi),
    )
    chain = chain_of(around, endless, joint("elbow"))
    assert chain.periodic.tolist() == [True, True, False]
    q = np.array([[-6.0, 3.14, 0.0], [0.1, 3.14, 1.5]])
    nearest, margin = nearest_limit(chain, q)
    assert nearest.tolist() == [0, 2]
    np.testing.assert_allclose(margin, [turn - 6.0, 0.5])
    assert float(nearest_limit(chain, q[0])[1]) == margin[0]
    assert nearest_limit(chain_of(endless), q[:, :1])[1].tolist() == [math.inf, math.inf]
