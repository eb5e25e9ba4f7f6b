"""What a model file says of its robot reads back exactly, or is refused by name."""

import copy
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_host.errors import ModelFileError
from firmware_host.model_file import read_model
from firmware_host.spec import ONE_BRANCH, Branch, ModelSpec, mean_heads, network_outputs
from firmware_host.tasks import POSITION

FIELDS = ("robot", "home", "normalization", "workspace", "task", "branches", "provenance")
HUGE = 10**400  # JSON has whole numbers that no float holds


@pytest.fixture(scope="session")
def record(planar_model):
    """The record of a model file, to be copied before it is changed."""
    return read_model(planar_model)[1]


def paths(value, path=()):
    """The place of every value inside nested lists and dictionaries."""
    if isinstance(value, dict):
        items = value.items()
    else:
        items = enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from paths(inner, (*path, key))


def replaced(record, path, value):
    """A copy of the record with another value in one place."""
    changed = copy.deepcopy(record)
    *outer, last = path
    inside = changed
    for key in outer:
        inside = inside[key]
    inside[last] = value
    return changed


def without(record, path):
    """A copy of the record without one key."""
    changed = copy.deepcopy(record)
    *outer, last = path
    inside = changed
    for key in outer:
        inside = inside[key]
    del inside[last]
    return changed


def test_a_record_reads_back_exactly(record):
    spec = ModelSpec.from_dict(record)
    again = ModelSpec.from_dict(json.loads(json.dumps(spec.to_dict())))
    assert set(FIELDS) == set(record)
    assert spec.to_dict() == again.to_dict() == record
    assert again.chain.joint_names == ("inner", "outer")
    assert again.home == spec.home
    assert again.normalization == spec.normalization
    assert again.task == spec.task == POSITION
    assert again.problem.task is again.task
    assert again.provenance == {
        "version": "1.2.3",
        "rng_seed": 5,
        "metrics": {"rmse_m": 0.1, "steps": [1, 2]},
    }
    np.testing.assert_array_equal(again.workspace.cells, spec.workspace.cells)
    np.testing.assert_array_equal(again.workspace.sectors, spec.workspace.sectors)


def test_branches_read_back_with_their_shares(record):
    rows = [
        {"name": "elbow+,det-", "wins": 0.625, "reaches": 0.9},
        {"name": "branch#1", "wins": 0.375, "reaches": 0.5},
    ]
    spec = ModelSpec.from_dict(replaced(record, ("branches",), rows))
    assert spec.branches == (Branch("elbow+,det-", 0.625, 0.9), Branch("branch#1", 0.375, 0.5))
    assert spec.branch_names == ("elbow+,det-", "branch#1")
    assert spec.heads == 2
    assert mean_heads(spec.branches) == pytest.approx(1.4)
    assert spec.to_dict()["branches"] == rows
    assert ModelSpec.from_dict(record).branches == ONE_BRANCH


@pytest.mark.parametrize(("size", "heads", "outputs"), [(6, 1, 6), (6, 2, 14), (12, 12, 156)])
def test_a_network_gives_each_head_s_angles_and_of_several_a_promise_each(size, heads, outputs):
    assert network_outputs(size, heads) == outputs


def test_what_is_read_does_not_change_with_the_record(record):
    given_record = copy.deepcopy(record)
    spec = ModelSpec.from_dict(given_record)
    given_record["provenance"]["version"] = "other"
    given_record["robot"]["joints"].clear()
    assert spec.provenance["version"] == "1.2.3"
    assert len(spec.chain) == 2


@pytest.mark.parametrize("name", FIELDS)
def test_a_missing_field_is_named(record, name):
    with pytest.raises(ModelFileError, match=f"'{name}'"):
        ModelSpec.from_dict(without(record, (name,)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name in FIELDS for value in (None, 5, "text")),
        *((name, value) for name in ("robot", "normalization", "workspace") for value in ([], {})),
        ("home", {}),
        ("home", ["a", "b"]),
        ("home", [0.1]),
        ("home", [0.1, 0.2, 0.3]),
        ("home", [[0.1, 0.2]]),
        ("home", [0.1, float("inf")]),
        ("home", [0.1, float("nan")]),
        ("home", [0.1, HUGE]),
        ("home", "12"),
        ("task", "flight"),
        ("branches", []),
        ("branches", {}),
        ("branches", ["up"]),
        ("branches", [{"name": "up"}]),
        ("branches", [{"name": "up", "wins": 0.5}]),
        ("branches", [{"name": 7, "wins": 0.5, "reaches": 0.5}]),
        ("branches", [{"name": "up", "wins": 1.5, "reaches": 0.5}]),
        ("branches", [{"name": "up", "wins": 0.5, "reaches": -0.1}]),
        ("branches", [{"name": "up", "wins": float("nan"), "reaches": 0.5}]),
        ("branches", [{"name": "up", "wins": 0.5, "reaches": 0.5}] * 2),
        ("branches", [{"name": str(k), "wins": 0, "reaches": 0} for k in range(257)]),
        ("tool_axis", "w"),
        ("provenance", [1]),
    ],
)
def test_a_field_of_another_kind_is_named(record, name, value):
    with pytest.raises(ModelFileError, match=name):
        ModelSpec.from_dict(replaced(record, (name,), value))


@pytest.mark.parametrize(
    "path",
    [
        ("robot", "joints"),
        ("robot", "tool"),
        ("robot", "joints", 0, "lower"),
        ("robot", "joints", 1, "axis"),
        ("normalization", "mean"),
        ("normalization", "std"),
        ("workspace", "cell"),
        ("workspace", "shape"),
        ("workspace", "cells"),
        ("workspace", "sectors"),
    ],
)
def test_a_missing_part_is_named_with_its_field(record, path):
    with pytest.raises(ModelFileError, match=rf"{path[0]}.*{path[-1]}"):
        ModelSpec.from_dict(without(record, path))


@pytest.mark.parametrize("std", [0.0, -1.0, 1e-320, float("inf"), float("nan")])
def test_a_deviation_that_nothing_can_be_divided_by_is_refused(record, std):
    changed = replaced(record, ("normalization", "std", 2), std)
    with pytest.raises(ModelFileError, match="normalization"):
        ModelSpec.from_dict(changed)


@pytest.mark.parametrize("mean", [float("inf"), float("nan"), HUGE])
def test_a_mean_that_is_no_number_is_refused(record, mean):
    with pytest.raises(ModelFileError, match="normalization"):
        ModelSpec.from_dict(replaced(record, ("normalization", "mean", 0), mean))


@pytest.mark.parametrize("part", ["mean", "std"])
@pytest.mark.parametrize("count", [0, 5, 7])
def test_statistics_of_another_number_of_features_are_refused(record, part, count):
    with pytest.raises(ModelFileError, match="statistics of 6 features"):
        ModelSpec.from_dict(replaced(record, ("normalization", part), [1.0] * count))


@pytest.mark.parametrize("start", [HUGE, -HUGE, 1e300])
def test_a_map_too_far_away_to_be_counted_is_refused(record, start):
    with pytest.raises(ModelFileError, match="workspace"):
        ModelSpec.from_dict(replaced(record, ("workspace", "axial_start"), start))


def test_a_robot_that_cannot_be_is_refused_with_its_reason(record):
    changed = replaced(record, ("robot", "joints", 0, "lower"), 3.0)
    with pytest.raises(ModelFileError, match="'inner' has no room to move"):
        ModelSpec.from_dict(changed)


@given(st.data())
def test_any_value_replaced_by_any_other_gives_a_robot_or_a_refusal(record, data):
    path = data.draw(st.sampled_from(list(paths(record))))
    value = data.draw(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=3)
        | st.sampled_from([[], {}, [[]], [1], {"a": 1}, HUGE, -HUGE])
    )
    try:
        # Overflow on the way to a refusal is no news.
        with np.errstate(all="ignore"):
            spec = ModelSpec.from_dict(replaced(record, path, value))
    except ModelFileError:
        return
    assert len(spec.home) == len(spec.chain)
    assert np.all(np.isfinite(spec.home))
    assert np.all(np.isfinite(1 / np.array(spec.normalization.std)))


class TestServos:
    def test_they_read_back_exactly(self, servo_model, servo_record):
        record = read_model(servo_model)[1]
        spec = ModelSpec.from_dict(record)
        assert spec.to_dict() == record
        assert spec.servos.to_list() == servo_record
        assert spec.servo([[0.0, 1.0]]).tolist() == [[1500, 2700]]

    def test_a_model_without_them_says_nothing_of_them(self, record):
        spec = ModelSpec.from_dict(record)
        assert spec.servos is None
        assert spec.servo([0.0, 1.0]) is None
        assert "servos" not in spec.to_dict()

    @pytest.mark.parametrize("value", [None, {}, [5], [{}], HUGE, math.nan])
    def test_any_other_value_is_refused(self, servo_model, value):
        record = read_model(servo_model)[1]
        places = [path for path in paths(record) if path[0] == "servos"]
        assert len(places) == 25
        for path in places:
            if value is None and path[-1] == "mm_per_turn":
                continue  # That of a joint that turns.
            with pytest.raises(ModelFileError, match="servos cannot be used"):
                ModelSpec.from_dict(replaced(record, path, value))

    def test_those_of_another_robot_are_refused(self, record, servo_record):
        with pytest.raises(ModelFileError, match="servos cannot be used: Joint 'outer' has no"):
            ModelSpec.from_dict({**record, "servos": servo_record[:1]})
