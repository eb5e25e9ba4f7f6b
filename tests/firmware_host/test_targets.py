"""What users give as targets, as components; and what is refused."""

import math

import numpy as np
import pytest

from firmware_host.errors import TargetError
from firmware_host.targets import FARTHEST_TARGET, checked_target


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
