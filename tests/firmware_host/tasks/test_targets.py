"""What users give as targets, as components; and what is refused."""

import math

import numpy as np
import pytest

from firmware_host.errors import TargetError
from firmware_host.tasks import make_task
from firmware_host.tasks.rotations import quaternion
from firmware_host.tasks.targets import checked_target
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
