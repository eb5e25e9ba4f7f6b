"""What a robot can be at most: refused at the door, in a sentence, whatever it is made of."""

import json
import math
import time
import zipfile

import numpy as np
import pytest

from firmware_host.bounds import MOST_LIMIT, MOST_MOVING, MOST_REACH, bounded
from firmware_host.chain import Chain, Joint, Mimic
from firmware_host.errors import ModelFileError, RobotError
from firmware_host.model_file import MEMBER, joined, read_model, unpack
from firmware_host.spec import ModelSpec

Z = np.array([0.0, 0.0, 1.0])


def at(x):
    frame = np.eye(4)
    frame[0, 3] = x
    return frame


def chain(count=2, first=0.0, link=0.1, tool=0.1, **changes):
    """A chain in a row, the last joint changed."""
    values = {"lower": -1.0, "upper": 1.0, **changes}
    joints = [Joint(f"j{i}", at(link if i else first), Z, -1.0, 1.0) for i in range(count - 1)]
    return Chain("r", (*joints, Joint("last", at(link), Z, **values)), at(tool))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300, 1.1])
def test_no_number_beyond_is_within(value):
    assert not bounded([0.0, value], 1.0)
    assert bounded([0.0, -1.0, 1.0], 1.0)


@pytest.mark.parametrize("where", ["first", "link", "tool"])
@pytest.mark.parametrize("length", [101.0, 1e6])
def test_a_robot_of_a_million_metres_is_refused(where, length):
    with pytest.raises(RobotError, match=r"seem to be millimetres\. Expected metres, 100 at most"):
        chain(**{where: length})
    assert chain(**{where: MOST_REACH / 2})


@pytest.mark.parametrize("length", [math.nan, math.inf, 1e30, 1e308])
@pytest.mark.parametrize("where", ["first", "link", "tool"])
def test_what_is_no_offset_is_no_transform(where, length):
    with pytest.raises(RobotError, match=r"is not a rigid \(4, 4\) transform"):
        chain(**{where: length})


@pytest.mark.parametrize(
    ("lower", "upper", "words"),
    [
        (-math.inf, 1.0, "not finite"),
        (0.0, math.nan, "not finite"),
        (0.0, 2 * MOST_LIMIT, "further away than any joint goes"),
        (-1e300, 0.0, "further away than any joint goes"),
        (1.0, 1.0, "no room to move"),
    ],
)
@pytest.mark.parametrize("kind", ["revolute", "prismatic"])
def test_limits_are_those_of_a_joint(kind, lower, upper, words):
    with pytest.raises(RobotError, match=words):
        chain(lower=lower, upper=upper, kind=kind)


@pytest.mark.parametrize("numbers", [(math.nan, 0.0), (1e9, 0.0), (1.0, math.inf), (1.0, -1e9)])
def test_a_follower_follows_by_numbers_of_a_robot(numbers):
    with pytest.raises(RobotError, match="not finite, or too large"):
        chain(mimic=Mimic("j0", *numbers))


def test_a_leader_that_would_turn_for_ever_is_refused():
    leader = Joint("a", np.eye(4), Z, -1.0, 1.0, "continuous")
    follower = Joint("b", at(0.1), Z, -1.0, 1.0, "revolute", Mimic("a", 1e-6, 0.0))
    with pytest.raises(RobotError, match="further away than any joint goes"):
        Chain("r", (leader, follower), at(0.1))


@pytest.mark.parametrize("count", [MOST_MOVING + 1, 20_000])
def test_a_chain_of_too_many_joints_is_refused_at_once(count):
    joints = tuple(Joint(f"j{i}", at(0.001), Z, -1.0, 1.0) for i in range(count))
    began = time.perf_counter()
    with pytest.raises(RobotError, match=r"moving joints between .* Expected at most 32: choose"):
        Chain("r", joints, at(0.1))
    assert time.perf_counter() - began < 0.5
    assert len(Chain("r", joints[:MOST_MOVING], at(0.1))) == MOST_MOVING


def numbers_in(values, path=()):
    """The path of every number in a record."""
    if isinstance(values, dict):
        for key, value in values.items():
            yield from numbers_in(value, (*path, key))
    elif isinstance(values, list):
        for index, value in enumerate(values):
            yield from numbers_in(value, (*path, index))
    elif isinstance(values, int | float) and not isinstance(values, bool):
        yield path


def changed(record, path, number):
    """A copy of a record with one number replaced."""
    copy = json.loads(json.dumps(record))
    at = copy
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = number
    return copy


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 1e30, -1e308, 10**400])
def test_no_number_of_a_record_is_beyond_a_robot(number, planar_model):
    _, record = read_model(planar_model)
    paths = [path for path in numbers_in(record) if path[0] != "provenance"]
    assert len(paths) > 60
    for path in paths:
        with pytest.raises(ModelFileError):
            ModelSpec.from_dict(changed(record, path, number))


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "-1e400"])
def test_a_file_has_finite_numbers_alone(text, planar_model):
    flatbuffer, _ = read_model(planar_model)
    with zipfile.ZipFile(planar_model) as archive:
        content = json.loads(archive.read(MEMBER))
    content["provenance"] = {"figure": "HERE"}
    data = joined(flatbuffer, json.dumps(content).replace('"HERE"', text).encode())
    with pytest.raises(ModelFileError, match="is not JSON"):
        unpack(data)
