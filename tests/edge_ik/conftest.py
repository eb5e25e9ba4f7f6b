"""Sources of samples for tests, small enough to be made in a moment, and a tiny run of heads."""

import dataclasses

import numpy as np
import pytest


@pytest.fixture(scope="session")
def make_source():
    """Function of an arm's name and the size of its pool: a one-branch source and its circle.

    Other keywords replace values of the curriculum or the spread of the focus samples.
    """
    from edge_ik.arms import builtin_arms, load_arm
    from edge_ik.data.aspects import find_region
    from edge_ik.data.focus import default_focus, focus_joints
    from edge_ik.data.pool import build_pool
    from edge_ik.data.source import Curriculum, OneBranch, SampleSource
    from firmware_host.normalization import Normalization
    from firmware_host.problem import IkProblem
    from firmware_host.tasks import POSITION

    def make(name="arm3", pool=2000, focus_spread=0.02, **curriculum):
        rng = np.random.default_rng(0)
        problem = IkProblem(load_arm(name), POSITION)
        home = builtin_arms()[name].home
        aspect = find_region(problem, home, rng)
        drawn = build_pool(aspect, pool, rng)
        circle = default_focus(aspect, drawn.q)
        values = {"range_start": 0.5, "focus_start": 0.3, "focus_end": 0.1, "share": 0.2}
        source = SampleSource(
            problem=problem,
            home=home,
            normalization=Normalization.fit(problem.features(problem.reached_by(drawn.q))),
            curriculum=Curriculum(**{**values, **curriculum}),
            one_branch=OneBranch(
                region=aspect,
                pool=drawn,
                focus_q=focus_joints(aspect, circle, 256, drawn.q),
                focus_spread=focus_spread,
            ),
        )
        return source, circle

    return make


@pytest.fixture(scope="session")
def make_everywhere():
    """Function of an arm's name and task: a source of all of its joint space.

    Other keywords replace values of the curriculum, which there is none of.
    """
    from edge_ik.arms import builtin_arms, load_arm
    from edge_ik.data.source import Curriculum, SampleSource
    from edge_ik.data.targets import draw_everywhere
    from firmware_host.normalization import Normalization
    from firmware_host.problem import IkProblem
    from firmware_host.tasks import POSITION

    def make(name="leg3", task=POSITION, **curriculum):
        problem = IkProblem(load_arm(name), task)
        targets = draw_everywhere(problem, 2000, np.random.default_rng(0)).target
        values = {"range_start": 0.5, "focus_start": 0.3, "focus_end": 0.1, "share": 0.0}
        return SampleSource(
            problem=problem,
            home=builtin_arms()[name].home,
            normalization=Normalization.fit(problem.features(targets)),
            curriculum=Curriculum(**{**values, **curriculum}),
        )

    return make


@pytest.fixture(scope="session")
def arm3_source(make_source):
    """A source of samples for arm3, in one branch."""
    return make_source()[0]


@pytest.fixture(scope="session")
def leg3_source(make_everywhere):
    """A source of samples for leg3, from all of joint space."""
    return make_everywhere()


@pytest.fixture(scope="session")
def problem(arm3_source):
    """Positions of arm3."""
    return arm3_source.problem


@pytest.fixture(scope="session")
def arm3(problem):
    """The built-in arm3."""
    return problem.chain


@pytest.fixture(scope="session")
def heads_config(tiny_config):
    """The tiny training for a leg with three heads."""
    return dataclasses.replace(
        tiny_config,
        arm=dataclasses.replace(tiny_config.arm, source="leg3"),
        network=dataclasses.replace(tiny_config.network, heads=3),
    )


@pytest.fixture(scope="session")
def heads_folder(tmp_path_factory, heads_config):
    """The run folder of that training, to be read only."""
    from edge_ik import preparation, training

    folder = tmp_path_factory.mktemp("runs") / "heads"
    training.train(*preparation.start(heads_config, folder))
    return folder
