"""The chain: what it refuses, its record, and its limits."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_host.chain import Chain, Joint, Mimic
from firmware_host.errors import RobotError
from firmware_host.kinematics import forward_kinematics


def joint(name="elbow", **changes):
    """A valid joint with some values changed."""
    values = {
        "origin": np.eye(4),
        "axis": np.array([0.0, 0.0, 1.0]),
        "lower": -1.0,
        "upper": 2.0,
        **changes,
    }
    return Joint(name, **values)


def chain_of(*joints, tool=None):
    return Chain("robot", joints, np.eye(4) if tool is None else tool)


def scaled(factor):
    return np.diag([factor, factor, factor, 1.0])


class TestRefusals:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"axis": np.zeros(3)}, "no usable axis"),
            ({"axis": np.array([0.0, math.nan, 1.0])}, "no usable axis"),
            ({"axis": np.array([math.inf, 0.0, 0.0])}, "no usable axis"),
            ({"axis": np.array([1.0, 0.0])}, "no usable axis"),
            ({"lower": 1.0, "upper": 1.0}, "lower < upper"),
            ({"lower": 1.0, "upper": -1.0}, "lower < upper"),
            ({"upper": math.inf}, "not finite"),
            ({"kind": "planar"}, "unknown kind"),
            ({"lower": math.nan}, "not finite"),
            ({"origin": scaled(1.001)}, "not a rigid"),
            ({"origin": np.diag([1.0, 1.0, -1.0, 1.0])}, "not a rigid"),
            ({"origin": np.full((4, 4), math.nan)}, "not a rigid"),
            ({"origin": np.eye(3)}, "not a rigid"),
            ({"origin": 2 * np.eye(4) - np.diag([1.0, 1.0, 1.0, 0.0])}, "not a rigid"),
        ],
    )
    def test_a_bad_joint_is_named(self, changes, message):
        with pytest.raises(RobotError, match=message) as caught:
            chain_of(joint("shoulder"), joint("elbow", **changes))
        assert "'elbow'" in str(caught.value)

    def test_no_joints(self):
        with pytest.raises(RobotError, match="no moving joint") as caught:
            chain_of()
        assert caught.value.element == "robot"

    def test_a_name_used_twice(self):
        with pytest.raises(RobotError, match="used 2 times") as caught:
            chain_of(joint("elbow"), joint("wrist"), joint("elbow"))
        assert caught.value.element == "elbow"

    def test_a_tool_that_is_not_rigid(self):
        with pytest.raises(RobotError, match="tool of 'robot'"):
            chain_of(joint(), tool=scaled(0.5))


class TestValues:
    def test_what_the_joints_say(self):
        chain = chain_of(joint("a"), joint("b", lower=0.5, upper=1.5, kind="continuous"))
        assert len(chain) == 2
        assert chain.joint_names == ("a", "b")
        np.testing.assert_array_equal(chain.lower, [-1.0, -math.pi])
        np.testing.assert_array_equal(chain.upper, [2.0, math.pi])
        np.testing.assert_array_equal(chain.middle, [0.5, 0.0])
        np.testing.assert_array_equal(chain.continuous, [False, True])

    def test_the_axis_gets_length_one(self):
        chain = chain_of(joint(axis=np.array([0.0, -2.0, 0.0])))
        np.testing.assert_array_equal(chain.joints[0].axis, [0.0, -1.0, 0.0])

    def test_the_geometry_is_a_copy_that_cannot_change(self):
        origin, axis = np.eye(4), np.array([1.0, 0.0, 0.0])
        chain = chain_of(joint(origin=origin, axis=axis))
        origin[0, 3] = axis[0] = 9.0
        assert chain.joints[0].origin[0, 3] == 0.0
        assert chain.joints[0].axis[0] == 1.0
        for array in (chain.joints[0].origin, chain.joints[0].axis, chain.tool):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 9.0

    def test_reach_is_the_length_beyond_the_first_joint(self):
        far = np.eye(4)
        far[:3, 3] = [0.0, 3.0, 4.0]
        chain = chain_of(joint("a", origin=far), joint("b", origin=far), tool=far)
        assert chain.reach == pytest.approx(10.0)

    def test_right_angles_are_exact_in_the_links(self):
        turned = np.eye(4)
        turned[:3, :3] = [[math.cos(math.pi / 2), 0, 1], [0, 1, 0], [-1, 0, math.cos(math.pi / 2)]]
        chain = chain_of(joint(origin=turned, axis=np.array([0.0, -1.0, 0.0])))
        entries = np.concatenate([link[:3, :3].ravel() for link in chain.links])
        assert set(entries.tolist()) <= {-1.0, 0.0, 1.0}


class TestRecord:
    @given(data=st.data())
    def test_the_round_trip_through_json_is_exact(self, chains, data):
        chain = data.draw(chains)
        record = chain.to_dict()
        again = Chain.from_dict(json.loads(json.dumps(record)))
        assert again.to_dict() == record
        for ours, theirs in zip(chain.links, again.links, strict=True):
            np.testing.assert_array_equal(ours, theirs)

    @given(data=st.data())
    def test_so_is_that_of_joints_that_slide_or_follow(self, mixed_chains, data):
        chain = data.draw(mixed_chains)
        record = chain.to_dict()
        again = Chain.from_dict(json.loads(json.dumps(record)))
        assert again.to_dict() == record
        assert again.joint_names == chain.joint_names
        assert repr(again.segments) == repr(chain.segments)

    @pytest.mark.parametrize("key", ["name", "base", "tip", "joints", "beside", "tool"])
    def test_a_missing_key_is_named(self, key):
        record = chain_of(joint()).to_dict()
        del record[key]
        with pytest.raises(RobotError, match=f"KeyError: '{key}'"):
            Chain.from_dict(record)

    @pytest.mark.parametrize(
        "damage",
        [
            {"joints": 3},
            {"joints": [3]},
            {"joints": []},
            {"tool": "here"},
            {"tool": [[1, 2], [3]]},
            {"tool": None},
        ],
    )
    def test_values_of_another_kind_are_refused(self, damage):
        with pytest.raises(RobotError):
            Chain.from_dict({**chain_of(joint()).to_dict(), **damage})

    @pytest.mark.parametrize("record", [None, 3, "robot", []])
    def test_a_record_that_is_no_mapping_is_refused(self, record):
        with pytest.raises(RobotError, match="not a chain"):
            Chain.from_dict(record)


class TestLimits:
    @given(data=st.data())
    def test_clamp_holds_the_limits_and_changes_nothing_the_second_time(self, chains, angles, data):
        chain = data.draw(chains)
        once = chain.clamp(data.draw(angles(len(chain))))
        assert chain.within_limits(once)
        assert np.all((once >= chain.lower) & (once <= chain.upper))
        np.testing.assert_array_equal(chain.clamp(once), once)

    @given(data=st.data())
    def test_clamp_keeps_the_posture_where_some_turn_of_it_is_allowed(self, chains, angles, data):
        chain = data.draw(chains)
        q = data.draw(angles(len(chain)))
        clamped = chain.clamp(q)
        turns = q[:, None] + 2 * math.pi * np.arange(-4, 5)
        room = 1e-9  # a turn that only just fits may be lost to rounding
        fits = (turns > chain.lower[:, None] + room) & (turns < chain.upper[:, None] - room)
        allowed = np.any(fits, axis=1) | chain.continuous
        np.testing.assert_allclose(np.cos(clamped - q)[allowed], 1.0, atol=1e-12)

    @given(data=st.data())
    def test_clamp_leaves_what_is_inside(self, chains, data):
        chain = data.draw(chains)
        share = data.draw(st.floats(0, 1))
        q = np.clip(chain.lower + share * (chain.upper - chain.lower), chain.lower, chain.upper)
        np.testing.assert_array_equal(chain.clamp(q), q)

    def test_batches(self):
        chain = chain_of(joint("a"), joint("b", kind="continuous"))
        q = np.array([[[0.0, 9.0], [2.5, 0.0]], [[-1.0, 0.0], [math.nan, 0.0]]])
        np.testing.assert_array_equal(chain.within_limits(q), [[True, False], [True, False]])
        assert chain.clamp(q).shape == q.shape


def pointing(lower, upper, kind="revolute"):
    """One joint with some limits."""
    return chain_of(joint(lower=lower, upper=upper, kind=kind))


class TestTurns:
    def test_only_joints_without_stops_turn_on(self):
        chain = chain_of(
            joint("endless", kind="continuous"),
            joint("stops", lower=-math.pi, upper=math.pi),
            joint("rounded", lower=-3.14159, upper=3.14159),
            joint("short", lower=-3.0, upper=3.0),
        )
        assert chain.continuous.tolist() == [True, False, False, False]
        # The directions that the tool can be had from are another matter.
        assert chain.periodic.tolist() == [True, True, True, False]

    @pytest.mark.parametrize(
        ("limit", "kind", "way"),
        [
            (math.pi, "revolute", 2 * math.pi - 0.2),  # back by nearly a whole turn
            (3.5, "revolute", 0.2),  # there is just room on this side
            (2 * math.pi, "revolute", 0.2),
            (1.0, "continuous", 0.2),
        ],
    )
    def test_the_way_from_one_side_of_half_a_turn_to_the_other(self, limit, kind, way):
        chain = pointing(-limit, limit, kind)
        near, q = np.array([math.pi - 0.1]), np.array([-math.pi + 0.1])
        assert chain.travel(q, near) == pytest.approx(way)
        assert chain.travel(near, q) == pytest.approx(way)

    def test_a_joint_of_several_turns_goes_to_the_nearest_that_its_limits_allow(self):
        chain = pointing(-1.0, 4 * math.pi)
        q = np.array([1.0])
        for near, expected in (
            (1.5, 1.0),
            (6.0, 1 + 2 * math.pi),
            (12.0, 1 + 2 * math.pi),  # 1 + 4 pi is beyond the limit
            (-0.9, 1.0),
            (99.0, 1 + 2 * math.pi),
        ):
            assert chain.nearest_turn(q, np.array([near])) == pytest.approx(expected)

    @given(data=st.data())
    def test_the_turn_chosen_is_the_nearest_of_those_allowed(self, chains, data):
        chain = data.draw(chains)
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        q = rng.uniform(chain.lower, chain.upper)
        near = rng.uniform(-20, 20, len(chain))
        turned = chain.nearest_turn(q, near)
        np.testing.assert_allclose(np.cos(turned - q), 1.0, atol=1e-9)
        assert chain.within_limits(turned)
        every = q[:, None] + 2 * math.pi * np.arange(-8, 9)
        room = 1e-9  # a turn that only just fits may be lost to rounding
        fits = (every > chain.lower[:, None] + room) & (every < chain.upper[:, None] - room)
        fits |= chain.continuous[:, None]
        least = np.where(fits, np.abs(every - near[:, None]), math.inf).min(axis=1)
        assert np.all(np.abs(turned - near) <= least + 1e-9)
        assert chain.travel(q, near) == pytest.approx(np.abs(turned - near).max())

    @given(data=st.data())
    def test_a_joint_without_end_goes_no_further_than_half_a_turn(self, chains, data):
        chain = data.draw(chains)
        endless = chain_of(*(joint(str(k), kind="continuous") for k in range(len(chain))))
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        q, near = rng.uniform(-20, 20, (2, len(chain)))
        assert endless.travel(q, near) <= math.pi + 1e-9
        whole = near + 2 * math.pi * rng.integers(-3, 4, len(chain))
        assert endless.travel(whole, near) == pytest.approx(0.0, abs=1e-9)
        # With stops there is no shorter way than without any.
        inside = rng.uniform(chain.lower, chain.upper)
        assert chain.travel(inside, near) >= endless.travel(inside, near) - 1e-9

    @given(data=st.data())
    def test_within_less_than_a_turn_there_is_one_way(self, chains, data):
        chain = data.draw(chains)
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        q, near = rng.uniform(chain.lower, chain.upper, (2, len(chain)))
        single = ~chain.continuous & (chain.upper - chain.lower < 2 * math.pi)
        np.testing.assert_array_equal(chain.nearest_turn(q, near)[single], q[single])
        assert chain.travel(q, q) == 0.0
        assert chain.travel(q, near) >= np.abs(q - near)[single].max(initial=0.0)

    def test_many_are_turned_like_each(self):
        chain = chain_of(joint("a", lower=-9.0, upper=9.0), joint("b", kind="continuous"))
        rng = np.random.default_rng(0)
        q, near = rng.uniform(chain.lower, chain.upper, (5, 2)), rng.uniform(-9, 9, (5, 2))
        together = chain.travel(q, near)
        assert together.shape == (5,)
        assert together.tolist() == [chain.travel(*pair) for pair in zip(q, near, strict=True)]


def sliding(name="slide", **changes):
    """A joint that slides between 0 and 0.4 m."""
    return joint(name, **{"kind": "prismatic", "lower": 0.0, "upper": 0.4, **changes})


def following(name, leader, multiplier=1.0, offset=0.0, **changes):
    return joint(name, mimic=Mimic(leader, multiplier, offset), **changes)


class TestSliding:
    def test_metres_never_wrap(self):
        chain = chain_of(joint("turn", lower=-3.2, upper=3.2), sliding(lower=-9.0, upper=9.0))
        assert chain.prismatic.tolist() == [False, True]
        assert chain.units == ("rad", "m")
        assert chain.periodic.tolist() == [True, False]
        q = np.array([3.1 + 2 * math.pi, 9.5])
        np.testing.assert_allclose(chain.clamp(q), [3.1, 9.0])
        near = np.array([-3.1, -8.0])
        np.testing.assert_allclose(chain.nearest_turn(np.array([3.1, 8.0]), near), [-3.183185, 8.0])

    def test_its_characteristic_length_counts_as_one_radian(self):
        far = np.eye(4)
        far[0, 3] = 1.6
        chain = chain_of(joint("turn"), sliding(), tool=far)
        assert chain.reach == pytest.approx(2.0)
        assert chain.length == pytest.approx(0.6)
        np.testing.assert_allclose(chain.scales, [1.0, 0.6])
        assert chain.travel(np.array([0.1, 0.3]), np.array([0.0, 0.0])) == pytest.approx(0.5)

    def test_the_way_of_a_first_joint_is_part_of_the_reach(self):
        assert chain_of(sliding(lower=-2.0, upper=0.5), joint("turn")).reach == pytest.approx(2.0)


class TestFollowers:
    def test_one_of_q_moves_several_joints(self):
        chain = chain_of(
            joint("turn"), sliding(), following("twice", "turn", 2.0, 0.5, upper=9.0, lower=-9.0)
        )
        assert len(chain) == 2
        assert chain.joint_names == ("turn", "slide")
        assert [segment.name for segment in chain.segments] == ["turn", "slide", "twice"]
        assert [segment.leader for segment in chain.segments] == [0, 1, 0]
        np.testing.assert_array_equal(chain.q_all(np.array([1.5, 0.2])), [1.5, 0.2, 3.5])

    def test_a_follower_of_a_follower_is_led_by_what_moves_both(self):
        chain = chain_of(
            joint("a"),
            following("b", "a", -2.0, 1.0, lower=-99.0, upper=99.0),
            following("c", "b", 3.0, 0.5, lower=-99.0, upper=99.0),
        )
        # c = 3 (-2 a + 1) + 0.5
        np.testing.assert_allclose(chain.q_all(np.array([0.1])), [0.1, 0.8, 2.9])

    def test_a_leader_beside_the_way_is_one_of_q(self):
        chain = Chain(
            "robot",
            (joint("a"), following("b", "motor", -1.0), sliding()),
            np.eye(4),
            beside=(joint("motor", lower=-0.5), joint("finger")),
        )
        assert chain.joint_names == ("a", "motor", "slide")
        assert [other.name for other in chain.beside] == ["motor"]
        np.testing.assert_array_equal(chain.lower, [-1.0, -0.5, 0.0])
        np.testing.assert_array_equal(chain.upper, [2.0, 1.0, 0.4])
        np.testing.assert_array_equal(chain.q_all(np.array([0.1, 0.2, 0.3])), [0.1, -0.2, 0.3])
        assert Chain.from_dict(chain.to_dict()).to_dict() == chain.to_dict()

    @given(data=st.data())
    def test_within_their_limits_all_joints_hold_theirs(self, mixed_chains, data):
        chain = data.draw(mixed_chains)
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        q = rng.uniform(chain.lower, chain.upper, (5, len(chain)))
        every = chain.q_all(q)
        for index, one in enumerate(chain.moving):
            if one.kind != "continuous":
                assert np.all(every[:, index] >= one.lower - 1e-9)
                assert np.all(every[:, index] <= one.upper + 1e-9)

    def test_limits_of_the_follower_are_limits_of_the_leader(self):
        chain = chain_of(joint("a"), following("b", "a", -2.0, 0.5, lower=-1.0, upper=1.0))
        # -1 <= -2 a + 0.5 <= 1
        assert (chain.joints[0].lower, chain.joints[0].upper) == (-0.25, 0.75)

    def test_a_joint_without_stops_gets_those_of_its_follower(self):
        chain = chain_of(
            joint("a", kind="continuous"), following("b", "a", 0.5, lower=-9.0, upper=4.0)
        )
        assert chain.joints[0].kind == "revolute"
        assert (chain.lower[0], chain.upper[0]) == (-18.0, 8.0)
        assert not chain.circular[0]

    @pytest.mark.parametrize(
        ("multiplier", "circular", "limit"),
        [(2.0, True, math.pi), (0.25, False, 4 * math.pi), (1.5, False, math.pi)],
    )
    def test_gears_that_do_not_come_back_do_not_wrap(self, multiplier, circular, limit):
        chain = chain_of(
            joint("a", kind="continuous"), following("b", "a", multiplier, kind="continuous")
        )
        assert chain.circular.tolist() == chain.periodic.tolist() == [circular]
        assert chain.upper[0] == pytest.approx(limit)
        beyond = np.array([limit + 0.1])
        expected = -math.pi + 0.1 if circular else limit
        np.testing.assert_allclose(chain.clamp(beyond), [expected])

    def test_one_that_never_moves_becomes_part_of_the_frame(self):
        moved = np.eye(4)
        moved[:3, 3] = [0.1, 0.0, 0.0]
        chain = chain_of(
            joint("a"),
            following("still", "a", 0.0, 0.3, kind="prismatic", origin=moved),
            joint("b"),
            following("last", "a", 0.0, math.pi / 2),
        )
        assert chain.joint_names == ("a", "b")
        np.testing.assert_allclose(chain.moving[1].origin[:3, 3], [0.1, 0.0, 0.3])
        np.testing.assert_allclose(chain.tool[:3, 0], [0.0, 1.0, 0.0], atol=1e-15)

    @pytest.mark.parametrize(
        ("others", "message", "name"),
        [
            ([following("b", "motor")], "follows 'motor', which is not", "b"),
            ([following("b", "b")], "follows itself: b -> b", "b"),
            ([following("b", "c"), following("c", "b")], "follows itself: b -> c -> b", "b"),
            ([following("b", "a", math.nan)], "not finite", "b"),
            ([following("b", "a", 1.0, 9.0)], "leaves it no room", "b"),
        ],
    )
    def test_what_cannot_be_followed_is_named(self, others, message, name):
        with pytest.raises(RobotError, match=message) as caught:
            chain_of(joint("a"), *others)
        assert caught.value.element == name

    def test_other_limits_are_those_of_the_leaders(self):
        chain = chain_of(
            joint("a", kind="continuous"), following("b", "a", -1.0, lower=-9, upper=9), sliding()
        ).with_limits([-1.0, 0.1], [0.5, 0.4])
        assert (chain.lower.tolist(), chain.upper.tolist()) == ([-1.0, 0.1], [0.5, 0.4])
        assert [one.kind for one in chain.joints] == ["revolute", "prismatic"]
        assert chain.has_followers


@pytest.mark.parametrize("scale", [2.0**-535, 2.0**-700])
def test_an_axis_may_be_as_short_as_can_be(scale):
    axis = np.array([0.75, 0.5, -0.25])
    usual, short = (chain_of(joint(axis=part)).joints[0].axis for part in (axis, scale * axis))
    np.testing.assert_array_equal(short, usual)


class TestToolOffset:
    def test_nothing_is_the_chain_itself(self, arm3):
        assert arm3.with_tool_offset(()) is arm3

    def test_it_is_a_frame_behind_the_tip(self, arm3):
        half = math.sqrt(0.5)
        chain = arm3.with_tool_offset((0.1, 0.2, 0.3, 2 * half, 0.0, 0.0, 2 * half))
        assert (chain.tip, chain.base) == ("tool+offset", arm3.base)
        quarter = np.array([[0, -1, 0, 0.1], [1, 0, 0, 0.2], [0, 0, 1, 0.3], [0, 0, 0, 1]])
        q = np.array([0.3, 0.4, 1.2])
        expected = forward_kinematics(arm3, q) @ quarter
        np.testing.assert_allclose(forward_kinematics(chain, q), expected, atol=1e-12)
        assert Chain.from_dict(chain.to_dict()).tip == "tool+offset"

    @pytest.mark.parametrize("scale", [2.0**-700, 2.0**700])
    def test_the_quaternion_may_have_any_length(self, arm3, scale):
        quaternion = (0.5, -0.25, 0.75, 0.1)
        usual = arm3.with_tool_offset((0.1, 0.2, 0.3, *quaternion))
        chain = arm3.with_tool_offset((0.1, 0.2, 0.3, *(scale * part for part in quaternion)))
        np.testing.assert_array_equal(chain.tool, usual.tool)

    @pytest.mark.parametrize(
        "offset",
        [
            1.5,
            b"x",
            {"a"},
            ["a", "b", "c"],
            (1, 2),
            (0,) * 7,
            (0, 0, math.nan),
            (0, 0, 1j),
            (0, 0, 0, 1),
        ],
    )
    def test_what_is_none_is_told(self, arm3, offset):
        with pytest.raises(RobotError, match="Expected a tool's offset of x, y, z in metres"):
            arm3.with_tool_offset(offset)

    def test_without_a_quaternion_it_is_not_turned(self, arm3):
        chain = arm3.with_tool_offset((0.0, 0.0, 0.05))
        np.testing.assert_array_equal(chain.tool[:3, :3], arm3.tool[:3, :3])
        np.testing.assert_allclose(chain.tool[:3, 3] - arm3.tool[:3, 3], [0, 0, 0.05])
