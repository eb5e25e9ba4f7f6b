"""What a head's numbers mean, of chains of every kind."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_host.chain import Chain, Joint, Mimic
from firmware_host.outputs import HeadOutputs
from firmware_host.tasks.turn import Encoding, Turn

few = settings(max_examples=60)
UP = np.array([0.0, 0.0, 1.0])


def numbered(data, chains):
    """A chain and joints within its limits."""
    chain = data.draw(chains)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    return chain, rng.uniform(chain.lower, chain.upper)


@few
@given(data=st.data())
def test_joints_are_read_as_they_were_written(mixed_chains, data):
    chain, q = numbered(data, mixed_chains)
    outputs = HeadOutputs(chain)
    numbers = outputs.of(q.tolist(), math)
    assert len(numbers) == outputs.size == len(chain) + chain.circular.sum()
    assert all(-1 - 1e-12 <= number <= 1 + 1e-12 for number in numbers)
    read = np.array(outputs.read(numbers, math.atan2))
    turns = np.where(chain.circular, np.round((q - read) / (2 * math.pi)), 0)
    np.testing.assert_allclose(read + 2 * math.pi * turns, q, atol=1e-9)


@few
@given(data=st.data())
def test_they_place_every_segment_without_an_arctangent(mixed_chains, data):
    chain, q = numbered(data, mixed_chains)
    outputs = HeadOutputs(chain)
    placed = outputs.placed(outputs.of(q.tolist(), math), math)
    np.testing.assert_allclose(placed, chain.placed(q.tolist(), math), atol=1e-9)


@pytest.mark.parametrize("times", [-5, -2, -1, 1, 2, 3, 7])
def test_followers_of_whole_numbers_are_multiples_of_the_angle(times):
    leader = Joint("a", np.eye(4), UP, -1.0, 1.0)
    follower = Joint("b", np.eye(4), UP, -99.0, 99.0, mimic=Mimic("a", float(times), 0.3))
    outputs = HeadOutputs(Chain("geared", (leader, follower), np.eye(4)))
    sines, cosines = outputs.placed([math.sin(0.4), math.cos(0.4)], math)
    assert (sines[1], cosines[1]) == pytest.approx(
        (math.sin(0.4 * times + 0.3), math.cos(0.4 * times + 0.3))
    )


def cylindrical():
    """A joint that turns and one that slides between 0.1 and 0.5 m."""
    joints = (
        Joint("turn", np.eye(4), UP, -3.0, 3.0),
        Joint("slide", np.eye(4), UP, 0.1, 0.5, "prismatic"),
    )
    return Chain("cylindrical", joints, np.eye(4))


def test_a_joint_that_slides_gives_one_number_between_its_limits():
    outputs = HeadOutputs(cylindrical())
    assert outputs.size == 3
    assert outputs.of([0.0, 0.1], math) == pytest.approx([0.0, -1.0, 1.0])
    assert outputs.of([0.0, 0.5], math) == pytest.approx([0.0, 1.0, 1.0])
    assert outputs.read([1.0, 0.5, 0.0], math.atan2) == pytest.approx([math.pi / 2, 0.4])


def test_what_a_target_moves_is_added_and_taken_off():
    outputs = HeadOutputs(cylindrical())
    encoding = Encoding([], {0: Turn(math.sin(0.5), math.cos(0.5))}, {1: 0.1})
    numbers = outputs.of([0.2, 0.3], math)
    moved = outputs.turned(numbers, encoding)
    assert outputs.read(moved, math.atan2) == pytest.approx([0.7, 0.4])
    assert outputs.unturned(moved, encoding) == pytest.approx(numbers)
    again = encoding.with_moves([2 * part for part in encoding.moves()])
    assert again.shifts == {1: 0.2}
    with pytest.raises(ValueError, match="joint 1 is not circular"):
        outputs.turned(numbers, Encoding([], {1: Turn(0.0, 1.0)}))


def test_arrays_are_read_like_numbers():
    outputs = HeadOutputs(cylindrical())
    numbers = np.random.default_rng(0).normal(size=(3, 5, 4))
    xp = SimpleNamespace(sin=np.sin, cos=np.cos)
    together = np.array(outputs.read(numbers, np.arctan2))
    placed = np.array([np.broadcast_to(part, (5, 4)) for part in outputs.placed(numbers, xp)[0]])
    for index in np.ndindex(5, 4):
        one = numbers[(slice(None), *index)].tolist()
        np.testing.assert_allclose(together[(slice(None), *index)], outputs.read(one, math.atan2))
        np.testing.assert_allclose(placed[(slice(None), *index)], outputs.placed(one, math)[0])
