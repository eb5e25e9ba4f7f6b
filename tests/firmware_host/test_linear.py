"""The small linear system of a step, against NumPy's solution."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from firmware_host.linear import gram, solve_symmetric

generators = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@given(rng=generators, size=st.integers(1, 6), joints=st.integers(1, 8))
def test_the_step_solves_its_linear_system(rng, size, joints):
    J = rng.normal(size=(size, joints))
    right = rng.normal(size=size)
    columns = J.T.tolist()
    lower = gram(columns, 0.1)
    full = J @ J.T + 0.1 * np.eye(size)
    for i, row in enumerate(lower):
        np.testing.assert_allclose(row, full[i, : i + 1], atol=1e-12)
    solved = solve_symmetric(lower, right.tolist())
    np.testing.assert_allclose(solved, np.linalg.solve(full, right), rtol=1e-7, atol=1e-9)
