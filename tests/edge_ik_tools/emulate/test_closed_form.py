"""Which arms have the closed form; its answers are tested where it runs."""

import numpy as np
import pytest

from edge_ik_tools.c99.literals import float_literal
from edge_ik_tools.emulate.closed_form import closed_form_constants
from firmware_host.chain import Chain, Joint


def test_the_constants_of_the_arm(yaw_shoulder_elbow):
    constants = closed_form_constants(yaw_shoulder_elbow(offset=(0.0, 0.0, 0.05)))
    assert constants is not None
    assert constants["CLOSED_FORM_HEIGHT"] == float_literal(0.2)
    assert constants["CLOSED_FORM_FOREARM"] == "0.25f"
    # A positive shoulder raises the arm, a positive elbow lowers the forearm.
    assert float(constants["CLOSED_FORM_SHOULDER"].removesuffix("f")) == 1
    assert float(constants["CLOSED_FORM_ELBOW"].removesuffix("f")) == -1
    assert float(constants["CLOSED_FORM_BEND"].removesuffix("f")) == -1


@pytest.mark.parametrize(
    "kind",
    [
        {"offset": (0.1, 0.0, 0.0)},
        {"offset": (0.0, 0.1, 0.0)},
        {"limits": (-0.5, 2.0)},
        {"shoulder": 0.5, "elbow": 1},
    ],
    ids=str,
)
def test_arms_of_another_kind_have_none(yaw_shoulder_elbow, kind):
    chain = yaw_shoulder_elbow(**kind)
    expected = kind.get("shoulder") == 0.5  # Its axis is normalized: the same arm.
    assert (closed_form_constants(chain) is not None) == expected


def test_turned_links_and_other_axes_have_none(yaw_shoulder_elbow):
    chain = yaw_shoulder_elbow()
    turned = np.eye(4)
    turned[:2, :2] = [[0.0, -1.0], [1.0, 0.0]]
    first, second, third = chain.joints
    for joints in (
        (Joint("yaw", turned, first.axis, -3.0, 3.0), second, third),
        (Joint("yaw", first.origin, np.array([1.0, 0, 0]), -3.0, 3.0), second, third),
        (first, second),
    ):
        assert closed_form_constants(Chain("other", joints, chain.tool)) is None
