"""Sources of samples for tests, small enough to be made in a moment."""

import numpy as np
import pytest

MARGIN = 0.05


@pytest.fixture(scope="session")
def make_source():
    """Function of an arm's name and the size of its pool: a source and its focus circle.

    Other keywords replace values of the curriculum or the spread of the focus samples.
    """
    from edge_ik.arms import builtin_arms, load_arm
    from edge_ik.data.aspects import find_region
    from edge_ik.data.focus import default_focus, focus_joints
    from edge_ik.data.pool import build_pool
    from edge_ik.data.source import Curriculum, SampleSource
    from firmware_host.normalization import Normalization
    from firmware_host.problem import IkProblem
    from firmware_host.tasks import POSITION

    def make(name="arm3", pool=2000, focus_spread=0.02, **curriculum):
        rng = np.random.default_rng(0)
        problem = IkProblem(load_arm(name), POSITION)
        aspect = find_region(problem, builtin_arms()[name].home, MARGIN, rng)
        drawn = build_pool(aspect, pool, rng)
        circle = default_focus(aspect, drawn.q)
        values = {"range_start": 0.5, "focus_start": 0.3, "focus_end": 0.1, "share": 0.2}
        source = SampleSource(
            aspect=aspect,
            pool=drawn,
            focus_q=focus_joints(aspect, circle, 256, drawn.q),
            focus_spread=focus_spread,
            normalization=Normalization.fit(problem.features(problem.reached_by(drawn.q))),
            curriculum=Curriculum(**{**values, **curriculum}),
        )
        return source, circle

    return make


@pytest.fixture(scope="session")
def arm3_source(make_source):
    """A source of samples for arm3."""
    return make_source()[0]


@pytest.fixture(scope="session")
def problem(arm3_source):
    """Positions of arm3."""
    return arm3_source.aspect.problem


@pytest.fixture(scope="session")
def arm3(problem):
    """The built-in arm3."""
    return problem.chain
