"""What users give as targets, as components; and what is refused."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_host.errors import TargetError
from firmware_host.tasks import TASKS, make_task
from firmware_host.tasks.rotations import quaternion
from firmware_host.tasks.targets import checked_components, checked_target, plain_target
from firmware_host.tolerances import FARTHEST_TARGET


class TestCheckedTarget:
    def test_numbers_become_float64(self):
        for target in ([1, 2, 3], (1.0, 2.0, 3.0), np.float32([1, 2, 3])):
            values = checked_target(target)
            assert values.dtype == np.float64
            assert values.tolist() == [1, 2, 3]
        assert checked_target(np.zeros((0, 3)), batch=True).shape == (0, 3)
        assert checked_target([[1, 2, 3]], batch=True).tolist() == [[1, 2, 3]]

    @pytest.mark.parametrize(
        ("target", "batch", "received"),
        [
            ([1, 2], False, r"\(2,\)"),
            ([[1, 2, 3]], False, r"\(1, 3\)"),
            (1.0, False, r"\(\)"),
            (None, False, r"\(\)"),
            ([1, 2, 3], True, r"\(3,\)"),
            ([[1, 2]], True, r"\(1, 2\)"),
            ("here", False, "'here'"),
            ([1, [2], 3], False, r"\[1, \[2\], 3\]"),
            ([1, object(), 3], False, "object"),
        ],
    )
    def test_another_shape_or_kind_is_told(self, target, batch, received):
        with pytest.raises(TargetError, match=received):
            checked_target(target, batch)

    @pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
    def test_a_value_that_is_not_finite_is_told_with_its_row(self, bad):
        with pytest.raises(TargetError, match=r"NaN or infinity\.$"):
            checked_target([0, bad, 0])
        with pytest.raises(TargetError, match=r"\(row 1\)"):
            checked_target([[0, 0, 0], [0, 0, bad], [bad, 0, 0]], batch=True)

    def test_rows_that_are_not_finite_can_be_let_through(self):
        rows = [[0.0, math.nan, 0.0], [0.0, math.inf, 0.0], [1.0, 2.0, 3.0]]
        np.testing.assert_array_equal(checked_target(rows, batch=True, finite=False), rows)

    def test_a_target_beyond_single_precision_is_told(self):
        assert checked_target([0, 0, -FARTHEST_TARGET])[2] == -FARTHEST_TARGET
        # It is the distance that counts, not each coordinate.
        with pytest.raises(TargetError, match="no further than 1e\\+06 m"):
            checked_target([9e5, 9e5, 0])
        with pytest.raises(TargetError, match="Received: 1e\\+30 m"):
            checked_target([0, -1e30, 0])


class TestOrientations:
    POSE = make_task("pose")
    AXIS = make_task("axis", "x")

    def poses(self, chains_count=20):
        rng = np.random.default_rng(0)
        quaternions = rng.normal(size=(chains_count, 4))
        quaternions /= np.linalg.norm(quaternions, axis=1, keepdims=True)
        return np.concatenate([rng.uniform(-1, 1, (chains_count, 3)), quaternions], axis=1)

    def test_a_quaternion_and_its_matrix_are_one_target(self):
        given = self.poses()
        rows = checked_target(given, batch=True, task=self.POSE)
        matrices = self.POSE.given(rows)
        np.testing.assert_allclose(np.linalg.det(matrices), 1, atol=1e-12)
        again = checked_target(matrices, batch=True, task=self.POSE)
        np.testing.assert_allclose(again, rows, atol=1e-12)
        for row, matrix in zip(given, matrices, strict=True):
            back = quaternion(matrix[:3, :3])
            np.testing.assert_allclose(np.abs(back @ row[3:]), 1, atol=1e-12)

    def test_a_quarter_turn_about_z_carries_x_to_y(self):
        half = math.sqrt(0.5)
        row = checked_target([1, 2, 3, half, 0, 0, half], task=self.POSE)
        np.testing.assert_allclose(row, [1, 2, 3, 0, 1, 0, -1, 0, 0, 0, 0, 1], atol=1e-12)

    def test_a_direction_may_have_any_length(self):
        row = checked_target([1, 2, 3, 0, 0, -5], task=self.AXIS)
        assert row.tolist() == [1, 2, 3, 0, 0, -1]

    @pytest.mark.parametrize("length", [5e-324, 1e-200, 1e-130, 1.0, 1e130, 1e300])
    def test_nor_may_its_squares_overflow_or_vanish(self, length):
        """Alone, in a batch with others, and as plain floats: the same bits, and no warning."""
        usual = [0.1, 0.2, 0.3, 0.75, -0.5, 0.25]
        scale = float(2.0 ** np.floor(np.log2(length)))
        given = [*usual[:3], *(part * scale for part in usual[3:])]
        if length > 1e-300:
            expected = checked_target(usual, task=self.AXIS)
        else:
            given[3:] = [length, 0.0, 0.0]
            expected = np.array([0.1, 0.2, 0.3, 1.0, 0.0, 0.0])
        assert (checked_target(given, task=self.AXIS) == expected).all()
        assert (checked_target([usual, given], True, task=self.AXIS)[1] == expected).all()
        assert plain_target(given, self.AXIS) == expected.tolist()

    @pytest.mark.parametrize("large", [1e155, 1e200, 1e308])
    def test_what_overflows_is_no_rotation_and_told_in_a_sentence(self, large):
        matrix = np.eye(4)
        matrix[0, :2] = large
        for target in ([0, 0, 0, large, 0, 0, large], matrix):
            with pytest.raises(TargetError, match="no rotation"):
                checked_target(target, task=self.POSE)
            with pytest.raises(TargetError, match="no rotation"):
                plain_target(np.asarray(target).tolist(), self.POSE)
            found = checked_target([target], True, False, task=self.POSE)
            assert np.isnan(found[0, 3:]).all()

    def test_an_axis_is_read_from_a_pose(self):
        matrix = self.POSE.given(checked_target(self.poses(1), True, task=self.POSE))[0]
        row = checked_target(matrix, task=self.AXIS)
        np.testing.assert_allclose(row, [*matrix[:3, 3], *matrix[:3, 0]], atol=1e-12)

    @pytest.mark.parametrize(
        "target",
        [
            [1, 2, 3, 0, 0, 0, 0],
            [1, 2, 3, 2, 0, 0, 0],
            np.diag([1.0, 1.0, -1.0, 1.0]),
            np.diag([2.0, 1.0, 1.0, 1.0]),
        ],
    )
    def test_what_is_no_rotation_is_told(self, target):
        with pytest.raises(TargetError, match="no rotation"):
            checked_target(target, task=self.POSE)

    def test_a_pose_that_is_transposed_is_told_of_its_last_row(self):
        pose = np.eye(4)
        pose[:3, 3] = 0.3, 0.1, 0.2
        with pytest.raises(TargetError, match=r"last row is not 0, 0, 0, 1\.$"):
            checked_target(pose.T, task=self.POSE)

    def test_a_row_that_is_no_rotation_is_told_or_marked(self):
        rows = self.poses(3)
        rows[1, 3:] = 0.0
        with pytest.raises(TargetError, match=r"row 1"):
            checked_target(rows, batch=True, task=self.POSE)
        marked = checked_target(rows, batch=True, finite=False, task=self.POSE)
        assert np.isfinite(marked).all(axis=1).tolist() == [True, False, True]

    @pytest.mark.parametrize("target", [[1, 2, 3], np.eye(3), np.zeros((2, 7))])
    def test_another_shape_is_told_with_both_forms(self, target):
        with pytest.raises(TargetError, match=r"\(4, 4\) or \(7,\)"):
            checked_target(target, task=self.POSE)


numbers = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0, 1e-4, 2e6, math.nan, math.inf, 1, "x"]),
    st.floats(-2, 2),
)


def told_or_taken(take, target):
    """What a target is taken as, or the sentence that it is refused with."""
    try:
        return [*map(float.hex, map(float, take(target)))]
    except TargetError as error:
        return str(error)


class TestPlainTargets:
    """One target in plain floats is to the last bit what it is among many."""

    @given(st.sampled_from(sorted(TASKS)), st.integers(0, 2**32 - 1), st.data())
    def test_a_row_or_a_pose_is_taken_alike(self, name, seed, data):
        task, rng = make_task(name), np.random.default_rng(seed)
        row = rng.normal(size=task.flat_size)
        if task.is_whole:
            row[3:] /= np.linalg.norm(row[3:])
        pose = np.eye(4)
        left, _, right = np.linalg.svd(rng.normal(size=(3, 3)))
        pose[:3, :3] = left @ right + data.draw(st.sampled_from([0, 1e-13, 1e-8, 1e-4])) * (
            rng.normal(size=(3, 3))
        )
        pose[:3, 3] = rng.normal(size=3)
        for target in (row, pose):
            if target is pose and not task.has_orientation:
                continue
            alone = told_or_taken(lambda t: plain_target(t, task), target)
            among = told_or_taken(lambda t: checked_target([t, t], True, task=task)[1], target)
            assert alone == among or isinstance(alone, str) == isinstance(among, str) is True

    @given(st.sampled_from(sorted(TASKS)), st.data())
    def test_what_is_none_is_refused_in_the_same_words(self, name, data):
        task = make_task(name)
        count = data.draw(st.sampled_from([task.flat_size, 4, 3]))
        target = data.draw(
            st.one_of(
                st.lists(numbers, min_size=count, max_size=count),
                st.lists(st.lists(numbers, min_size=4, max_size=4), min_size=4, max_size=4),
            )
        )
        assert told_or_taken(lambda t: plain_target(t, task), target) == told_or_taken(
            lambda t: checked_target(t, task=task), target
        )


class TestCheckedComponents:
    @pytest.mark.parametrize("name", TASKS)
    def test_what_a_target_is_made_into_is_taken(self, name):
        task = make_task(name)
        rows = np.random.default_rng(0).uniform(-1, 1, (50, task.flat_size))
        if rows.shape[1] == 7:
            rows[:, 3:] /= np.linalg.norm(rows[:, 3:], axis=1, keepdims=True)
        components = checked_target(rows, batch=True, task=task)
        np.testing.assert_array_equal(checked_components(components, task), components)
        np.testing.assert_array_equal(checked_components(components[:0], task), components[:0])
        if task.has_orientation:
            for wrong in (1.01, 0.0, -1.0 if task.is_whole else 1.5):
                longer = components.copy()
                longer[7, len(task.place) :] *= wrong
                with pytest.raises(TargetError):
                    checked_components(longer, task)

    @pytest.mark.parametrize("given", [[1.0, 2.0, 3.0], [[1.0, 2.0]], "abc", None, [[1], [2, 3]]])
    def test_another_shape_or_kind_is_told(self, given):
        with pytest.raises(TargetError, match=r"Expected the components \(N, 3\) of targets"):
            checked_components(given, make_task("position"))
