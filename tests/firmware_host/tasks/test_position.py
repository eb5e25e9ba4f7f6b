"""The task "position": its features are cylindrical coordinates about the first axis."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from firmware_host.tasks import POSITION

coordinates = st.floats(-3, 3)
points = st.tuples(coordinates, coordinates, coordinates)


def encode(chain, point, xp=math):
    return POSITION.encode(chain, point, xp).features


def encoded(chain, point):
    return dict(zip(POSITION.feature_names(chain), encode(chain, list(point)), strict=True))


@given(point=points)
def test_an_upright_first_axis_gives_cylindrical_coordinates(arm3, point):
    x, y, _ = point
    assume(math.hypot(x, y) > 1e-6)
    features = encoded(arm3, point)
    assert (features["x"], features["y"], features["z"]) == point
    assert features["radial"] == pytest.approx(math.hypot(x, y), rel=1e-6)
    direction = complex(x, y) / math.hypot(x, y)
    assert complex(features["cos_azimuth"], features["sin_azimuth"]) == pytest.approx(
        direction, abs=1e-6
    )


@given(data=st.data())
def test_the_azimuth_is_a_unit_vector_off_the_first_axis(chains, data):
    chain = data.draw(chains)
    point = np.array(data.draw(points))
    axis, origin = chain.links[0][:3, 2], chain.links[0][:3, 3]
    distance = np.linalg.norm(np.cross(axis, point - origin))
    assume(distance > 1e-3)
    features = encoded(chain, point)
    assert features["radial"] == pytest.approx(distance, rel=1e-9)
    assert math.hypot(features["sin_azimuth"], features["cos_azimuth"]) == pytest.approx(1)


@given(data=st.data())
def test_turning_a_target_about_the_first_axis_turns_only_its_azimuth(chains, data):
    chain = data.draw(chains)
    angle = data.draw(st.floats(-math.pi, math.pi))
    local = np.array([*data.draw(points), 1.0])
    assume(math.hypot(local[0], local[1]) > 1e-3)
    turn = np.eye(4)
    turn[:2, :2] = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    before = encoded(chain, (chain.links[0] @ local)[:3])
    after = encoded(chain, (chain.links[0] @ turn @ local)[:3])
    assert after["radial"] == pytest.approx(before["radial"], abs=1e-9)
    direction = complex(before["cos_azimuth"], before["sin_azimuth"])
    turned = direction * complex(math.cos(angle), math.sin(angle))
    assert complex(after["cos_azimuth"], after["sin_azimuth"]) == pytest.approx(turned, abs=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_target_on_the_first_axis_is_finite(arm3, dtype):
    point = [np.zeros(1, dtype), np.zeros(1, dtype), np.ones(1, dtype)]
    features = np.stack(encode(arm3, point, np))
    assert np.isfinite(features).all()
    assert abs(features[3]) < 1e-6


@given(batch=st.lists(points, min_size=1, max_size=5))
def test_arrays_give_what_plain_numbers_give(arm3, batch):
    together = np.stack(encode(arm3, list(np.array(batch).T), np), axis=-1)
    alone = [encode(arm3, list(point)) for point in batch]
    np.testing.assert_allclose(together, alone, rtol=1e-14, atol=0)
