"""Servos: the nearest whole command of every joint, and where a command leaves the joint."""

import json
import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_host.chain import Chain
from firmware_host.errors import RobotError, TargetError
from firmware_host.servo import Servo
from firmware_host.servos import Servos

SEEDS = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def hobby(joint, **changes):
    return replace(Servo(joint, "us", 1500.0, 4000.0, 500, 2500), **changes)


@pytest.fixture(scope="module")
def servos(arm3):
    each = (hobby("elbow", zero=800.0), hobby("yaw", per_turn=2000.0), hobby("shoulder"))
    return Servos(arm3, each)


def rounding(servo, q):
    """How far commands may be from the real number, rounding to whole ones aside."""
    single = np.abs(q) * 2.0**-24 + 2.0**-24
    return abs(servo.per_unit) * single + 2e-3


def test_they_stand_in_the_order_of_the_joints(servos):
    assert [servo.joint for servo in servos.each] == ["yaw", "shoulder", "elbow"]
    assert servos.commands([0.0, 0.0, 0.5]).tolist() == [1500, 1500, 1118]
    assert len(servos) == 3


@given(rng=SEEDS, data=st.data())
def test_commands_are_the_nearest_whole_numbers_within_the_range(
    rng, data, mixed_chains, random_servos
):
    servos = random_servos(_tame(data.draw(mixed_chains)), rng)
    chain = servos.chain
    q = rng.uniform(chain.lower, chain.upper, (20, len(chain)))
    commands, follows = servos.commands(q), servos.follows(q)
    for k, servo in enumerate(servos.each):
        real = servo.at_zero + servo.per_unit * q[:, k]
        inside = np.clip(real, servo.least, servo.most)
        off = np.abs(commands[:, k] - inside)
        assert (off <= 0.5 + rounding(servo, q[:, k])).all()
        assert (commands[:, k] >= servo.least).all()
        assert (commands[:, k] <= servo.most).all()
        margin = 1.5 + rounding(servo, q[:, k])
        assert follows[(real > servo.least) & (real < servo.most), k].all()
        assert not follows[(real < servo.least - margin) | (real > servo.most + margin), k].any()


@given(rng=SEEDS, data=st.data())
def test_back_again_is_within_half_a_count(rng, data, mixed_chains, random_servos):
    servos = random_servos(_tame(data.draw(mixed_chains)), rng)
    commands = rng.integers(
        [servo.least for servo in servos.each],
        [servo.most for servo in servos.each],
        (20, len(servos)),
        endpoint=True,
    )
    q = servos.joints(commands)
    q += rng.uniform(-0.49, 0.49, q.shape) / [servo.per_unit for servo in servos.each]
    back = servos.joints(servos.commands(q))
    for k, servo in enumerate(servos.each):
        half = (0.5 + rounding(servo, q[:, k])) / abs(servo.per_unit)
        off = np.abs(back[:, k] - np.clip(q[:, k], *servo.reach))
        assert (off <= half * (1 + 1e-9)).all()


@given(rng=SEEDS, data=st.data())
def test_joints_in_millionths_give_the_same_within_one(rng, data, mixed_chains, random_servos):
    servos = random_servos(_tame(data.draw(mixed_chains)), rng)
    chain = servos.chain
    micro = rng.integers(1e6 * chain.lower, 1e6 * chain.upper, (20, len(chain)))
    apart = servos.commands_micro(micro) - servos.commands(micro / 1e6)
    # A millionth of a metre is many counts of a fine screw, but here it is given exactly.
    for k, servo in enumerate(servos.each):
        most = 1 + rounding(servo, micro[:, k] / 1e6)
        assert (np.abs(apart[:, k]) <= most).all()


def _tame(chain):
    """A chain whose joints are near enough to 0 for servos."""
    return chain.with_limits(np.maximum(chain.lower, -7.0), np.minimum(chain.upper, 7.0))


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("offset", [0.5, -0.5])
def test_halves_go_away_from_zero(direction, offset, arm3):
    servo = hobby("yaw", zero=1500 + offset, direction=direction)
    servos = Servos(arm3, (servo, hobby("shoulder"), hobby("elbow")))
    assert servos.commands([0.0, 0.0, 0.2])[0] == 1500 + (offset > 0)
    assert servos.commands_micro([0, 0, 0])[0] == 1500 + (offset > 0)


@given(micro=st.integers(-(2**31), 2**31 - 1))
def test_millionths_are_exact(micro, servos):
    """By fractions: the factors are whole, and everything after them is."""
    found = servos.commands_micro([micro] * 3)
    for servo, command in zip(servos.each, found.tolist(), strict=True):
        real = Fraction(servo.start + servo.factor(10**6) * micro, 2**servo.shift)
        assert command == min(max(math.floor(real), servo.least), servo.most)


@pytest.mark.parametrize("huge", [1e9, 1e38, 1e300, -1e9, -1e300])
def test_joints_far_away_are_clipped(huge, servos):
    assert set(servos.commands([huge] * 3).tolist()) == {2500 if huge > 0 else 500}
    assert not servos.follows([huge] * 3).any()


@pytest.mark.parametrize("q", [[math.nan, 0, 0], [0, math.inf, 0]])
def test_joints_that_are_no_numbers_are_told(q, servos):
    with pytest.raises(TargetError, match="finite joints"):
        servos.commands(q)


def test_complex_numbers_are_told(servos):
    given = np.zeros(len(servos.each), complex)
    for call in (servos.commands, servos.follows, servos.commands_micro, servos.joints):
        with pytest.raises(TargetError, match="Expected real numbers"):
            call(given)


@pytest.mark.parametrize("shape", [(), (2,), (4,), (3, 2)])
def test_another_number_of_joints_is_told(shape, servos):
    for function in (servos.commands, servos.follows, servos.joints, servos.commands_micro):
        with pytest.raises(TargetError, match=r"Expected 3 .* for the servos"):
            function(np.zeros(shape, int))


def test_what_is_out_of_reach_is_told(servos, arm3):
    beyond = servos.out_of_reach()
    # 2000 us a turn for 360 degrees; 180 degrees around 1500 us, of -0.2 to 1.9 rad; from 63
    # degrees below to 153 above, of 0.15 to 2.6 rad.
    reach = math.radians(90), math.radians(90 / 1000 * 1700)
    np.testing.assert_allclose(beyond, [[0, 0], [0, 1.9 - reach[0]], [0, 0]], atol=1e-9)
    (sentence,) = servos.warnings()
    assert "'shoulder' ends 18.9 degrees short of its upper limit" in sentence
    assert "-90 to 90 degrees" in sentence
    narrow = arm3.with_limits(arm3.lower, [math.pi, math.pi / 2, 2.6])
    assert Servos(narrow, servos.each).warnings() == ()


def test_less_than_a_count_is_not_out_of_reach(make_arm3):
    bus = Servo("yaw", "ticks", 2048.0, 4096.0, 0, 4095)
    servos = Servos(make_arm3(math.pi), (bus, hobby("shoulder"), hobby("elbow", zero=800.0)))
    assert not any("'yaw'" in sentence for sentence in servos.warnings())
    q = np.array([math.pi, 0.0, 0.2])
    assert servos.commands(q)[0] == 4095
    assert servos.follows(q).all()
    assert not servos.follows(q + 0.01).all()


def test_what_holds_a_joint_of_an_answer_back_is_told(servos):
    # The shoulder's servo turns 90 degrees either way.
    at = math.radians(100)
    (sentence,) = servos.held_back(np.array([0.0, at, 0.5]))
    assert "joint 'shoulder' holds it back by 10 degrees" in sentence
    assert "at 100, and the servo's range ends at 90, where its command is 2500 us" in sentence
    assert servos.held_back(np.array([0.0, math.radians(89), 0.5])) == ()
    both = servos.held_back(np.array([0.0, -at, 1.5 * math.pi]))
    assert [sentence.split("'")[1] for sentence in both] == ["shoulder", "elbow"]
    assert "back by 10 degrees" in both[0]
    assert "is 500 us" in both[0]
    with pytest.raises(TargetError, match="finite joints"):
        servos.held_back(np.array([math.nan, 0.0, 0.5]))


@given(rng=SEEDS, data=st.data())
def test_a_sentence_is_told_exactly_of_those_that_do_not_follow(
    rng, data, mixed_chains, random_servos
):
    servos = random_servos(_tame(data.draw(mixed_chains)), rng)
    chain = servos.chain
    q = rng.uniform(chain.lower, chain.upper)
    told = servos.held_back(q)
    held = [servo for servo, ok in zip(servos.each, servos.follows(q), strict=True) if not ok]
    assert len(told) == len(held)
    for sentence, servo in zip(told, held, strict=True):
        assert f"'{servo.joint}' holds it back by " in sentence
        assert (" mm: " in sentence) == servo.slides


def test_a_sliding_joint_is_told_in_millimetres(other_arms, random_servos):
    chain = other_arms["cylindrical"]
    servos = random_servos(chain, np.random.default_rng(3))
    index = int(np.flatnonzero(chain.prismatic)[0])
    short = replace(servos.each[index], gear_ratio=servos.each[index].gear_ratio * 4)
    each = (*servos.each[:index], short, *servos.each[index + 1 :])
    sentences = [s for s in Servos(chain, each).warnings() if f"'{short.joint}'" in s]
    assert sentences
    assert " mm short of its " in sentences[0]


def test_they_read_back_exactly(servos):
    again = Servos.from_list(servos.chain, json.loads(json.dumps(servos.to_list())))
    assert again.each == servos.each


def changed(joint, **changes):
    def change(each):
        return [replace(servo, **changes) if servo.joint == joint else servo for servo in each]

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda each: each[:2], "Joint 'elbow' has no servo. Expected a servo for each of: yaw"),
        (lambda each: [*each, hobby("wrist")], "has no joint 'wrist'.*yaw, shoulder, elbow"),
        (lambda each: [*each, hobby("yaw")], "Joint 'yaw' has several servos"),
        (changed("elbow", mm_per_turn=8.0), "'elbow' turns: expected no mm_per_turn"),
        (changed("elbow", zero=2600.0), "'elbow' reaches nothing"),
        (changed("elbow", direction=-1, zero=550.0), "look at zero, offset and direction"),
    ],
)
def test_servos_of_another_arm_are_refused(servos, arm3, change, words):
    with pytest.raises(RobotError, match=words):
        Servos(arm3, tuple(change(servos.each)))


def test_a_sliding_joint_needs_its_millimetres(other_arms, random_servos):
    servos = random_servos(other_arms["cylindrical"], np.random.default_rng(3))
    turning = tuple(replace(servo, mm_per_turn=None) for servo in servos.each)
    with pytest.raises(RobotError, match="slides: expected mm_per_turn"):
        Servos(servos.chain, turning)


def test_a_joint_that_follows_has_none(other_arms, random_servos):
    chain = next(arm for arm in other_arms.values() if any(joint.mimic for joint in arm.moving))
    follower = next(joint for joint in chain.moving if joint.mimic)
    servos = random_servos(chain, np.random.default_rng(0))
    with pytest.raises(RobotError, match=f"'{follower.name}' follows '{follower.mimic.joint}'"):
        Servos(chain, (*servos.each, hobby(follower.name)))


def test_a_joint_of_many_turns_is_refused(arm3):
    chain = arm3.with_limits([-130.0, -0.2, 0.15], [130.0, 1.9, 2.6])
    assert isinstance(chain, Chain)
    with pytest.raises(RobotError, match="'yaw' goes too far"):
        Servos(chain, (hobby("yaw"), hobby("shoulder"), hobby("elbow")))
