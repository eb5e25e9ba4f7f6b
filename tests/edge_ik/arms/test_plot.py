"""The picture of a chain: its names stand beside its lines."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_ik.arms.plot import free_side


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=1, max_size=4))
def test_a_name_stands_where_no_line_covers_it(ways):
    """Between four lines there is a quarter of a turn somewhere."""
    side = free_side(np.array(ways))
    assert math.hypot(*side) == pytest.approx(1)
    for way in ways:
        if math.hypot(*way) > 1e-9:
            cosine = np.dot(side, way) / math.hypot(*way)
            assert cosine <= math.cos(math.pi / 8) + 1e-9
