"""What counts as solved: one value, checked once."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_host.errors import ConfigError
from firmware_host.tolerances import (
    FARTHEST_TARGET,
    ROUNDINGS,
    SOLVED_POSITION,
    SOLVED_ROTATION,
    Tolerance,
    tolerance_words,
)

positions = st.floats(1e-6, 10.0)
rotations = st.floats(1e-6, math.pi)


def test_the_usual_one_is_a_millimetre_and_a_tenth_of_a_degree():
    assert Tolerance() == Tolerance(1e-3, math.radians(0.1))
    assert Tolerance().words(turning=True) == "1 mm and 0.1 deg"
    assert Tolerance().words(turning=False) == "1 mm"


@pytest.mark.parametrize("value", [0.0, -1e-3, math.nan, math.inf, -math.inf, "wide", None, [1]])
@pytest.mark.parametrize("name", ["position", "rotation"])
def test_what_is_no_tolerance_is_refused_in_a_sentence(name, value):
    with pytest.raises(ConfigError, match=rf"tolerance of {name} above 0 and of at most .* Rec"):
        Tolerance(**{name: value})


@pytest.mark.parametrize(("name", "most"), [("position", FARTHEST_TARGET), ("rotation", math.pi)])
def test_none_is_beyond_what_there_can_be(name, most):
    Tolerance(**{name: most})
    with pytest.raises(ConfigError, match="Received"):
        Tolerance(**{name: np.nextafter(most, math.inf)})


def test_any_number_will_do():
    found = Tolerance(np.float32(0.5), 1)
    assert (type(found.position), type(found.rotation)) == (float, float)
    assert found == Tolerance(0.5, 1.0)


@given(position=positions, rotation=rotations, more=st.floats(0.1, 10.0))
def test_both_errors_must_be_below_it(position, rotation, more):
    tolerance = Tolerance(position, rotation)
    near, turned = more < 1, 1 / more < 1
    assert tolerance.holds(more * position, 0.0) == (more * position < position) == near
    assert tolerance.holds(0.0, rotation / more) == turned
    assert not tolerance.holds(more * position, rotation / more)
    rows = tolerance.holds(np.array([0.5, 2.0]) * position, np.zeros(2))
    assert rows.tolist() == [True, False]


@given(rotation=rotations)
def test_the_chord_is_that_of_the_angle(rotation):
    chord = np.linalg.norm([math.cos(rotation) - 1, math.sin(rotation)])
    assert Tolerance(rotation=rotation).squared_chord == pytest.approx(chord**2, rel=1e-6)


@given(position=positions, rotation=rotations)
def test_words_and_records_say_the_same(position, rotation):
    tolerance = Tolerance(position, rotation)
    assert set(tolerance.to_dict(turning=False)) == {"position_m"}
    words = tolerance_words(tolerance.to_dict(turning=True))
    millimetres, degrees = words.removesuffix(" deg").split(" mm and ")
    assert float(millimetres) == pytest.approx(1e3 * position, rel=1e-5)
    assert math.radians(float(degrees)) == pytest.approx(rotation, rel=1e-5)


@given(position=st.floats(1e-9, 1e-4), rotation=st.floats(1e-9, 1e-4))
def test_what_is_told_as_the_least_is_accepted_as_it_is_told(position, rotation):
    least = Tolerance.above_rounding(position, rotation)
    millimetres, degrees = least.words(turning=True).removesuffix(" deg").split(" mm and ")
    said = Tolerance(float(millimetres) / 1e3, math.radians(float(degrees)))
    said.check_rounding(position * (1 - 1e-9), rotation * (1 - 1e-9), "Anything")
    assert least.position < 1.2 * ROUNDINGS * position


def test_one_finer_than_rounding_is_refused_and_the_usual_one_never():
    Tolerance().check_rounding(1.0, 1.0, "A crane's firmware")
    finer = Tolerance(SOLVED_POSITION / 10, SOLVED_ROTATION / 10)
    finer.check_rounding(1e-6, 1e-6, "Single precision")
    finer.check_rounding(1e-6, None, "Single precision")
    with pytest.raises(ConfigError, match=r"at least 0\.0021 mm\. Received: 0\.001 mm$"):
        Tolerance(1e-6, math.pi).check_rounding(1.01e-6, None, "Single precision")
    with pytest.raises(ConfigError, match=r"at least 0\.21 mm and .* Received: 0\.1 mm and 0\.01"):
        finer.check_rounding(1.01e-4, 1e-6, "Single precision")
    with pytest.raises(ConfigError, match=r"Single precision cannot tell"):
        finer.check_rounding(1e-6, 1e-3, "Single precision")
