"""Random chains and finite differences; needs NumPy, pytest and Hypothesis only."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import strategies as st

from firmware_host.chain import Chain, Joint, Mimic
from firmware_host.kinematics import components, forward_kinematics
from firmware_host.normalization import Normalization
from firmware_host.problem import IkProblem
from firmware_host.solver import IkSolver
from firmware_host.spec import Branch, ModelSpec
from firmware_host.tasks import POSITION

QUARTER_TURNS = [k * math.pi / 2 for k in range(-2, 3)]


def _rotation(rpy):
    """(3, 3) rotation from fixed-axis roll, pitch, yaw, as in URDF."""
    (cr, cp, cy), (sr, sp, sy) = np.cos(rpy), np.sin(rpy)
    roll = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    pitch = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
    yaw = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    return yaw @ pitch @ roll


def _transform(rng, straight):
    """(4, 4) rigid transform; a straight one has right angles and offsets along one axis."""
    transform = np.eye(4)
    if straight:
        transform[:3, :3] = _rotation(rng.choice(QUARTER_TURNS, 3))
        transform[rng.integers(3), 3] = rng.choice([0.0, 0.3])
    else:
        transform[:3, :3] = _rotation(rng.uniform(-math.pi, math.pi, 3))
        transform[:3, 3] = rng.uniform(-2, 2, 3)
    return transform


def _joint(rng, straight, name):
    axis = rng.choice([-1.0, 1.0]) * np.eye(3)[rng.integers(3)] if straight else rng.normal(size=3)
    lower = rng.uniform(-7, 6)
    upper = lower + rng.uniform(1e-3, 13)
    origin = _transform(rng, straight)
    kind = "continuous" if rng.random() < 0.3 else "revolute"
    return Joint(name, origin, axis, lower, upper, kind)


def _mixed_joint(rng, straight, index):
    """A joint of any kind, which may follow one before it."""
    joint = _joint(rng, straight, f"joint{index}")
    kind = str(rng.choice(["revolute", "continuous", "prismatic"]))
    if kind == "prismatic":
        # Centimetres or metres, so that neither unit rules a chain.
        joint = replace(joint, lower=joint.lower / 10, upper=joint.upper / 10)
    if not index or rng.random() < 0.7:
        return replace(joint, kind=kind)
    multiplier = float(rng.choice([1.0, -1.0, 2.0, rng.choice([-1, 1]) * rng.uniform(0.5, 3)]))
    offset = float(rng.choice([0.0, 0.7]))
    # Limits that leave any leader room, whatever it follows; a slide goes some cm a turn.
    unit, limit = (0.01, 5.0) if kind == "prismatic" else (1.0, 1e3)
    mimic = Mimic(f"joint{rng.integers(index)}", unit * multiplier, unit * offset)
    return replace(joint, kind=kind, lower=-limit, upper=limit, mimic=mimic)


# Hypothesis chooses the structure and NumPy the numbers: a hundred times faster than
# drawing every number, and a failure still shrinks to few joints.
_SEEDS = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@st.composite
def _transforms(draw):
    return _transform(draw(_SEEDS), draw(st.booleans()))


@st.composite
def _chains(draw):
    rng = draw(_SEEDS)
    straight = draw(st.lists(st.booleans(), min_size=1, max_size=8))
    joints = tuple(_joint(rng, s, f"joint{index}") for index, s in enumerate(straight))
    return Chain("random", joints, _transform(rng, straight[0]))


@pytest.fixture(scope="session")
def chains():
    """Hypothesis strategy for chains of 1 to 8 joints."""
    return _chains()


@st.composite
def _mixed_chains(draw):
    rng = draw(_SEEDS)
    straight = draw(st.lists(st.booleans(), min_size=1, max_size=9))
    joints = tuple(_mixed_joint(rng, s, index) for index, s in enumerate(straight))
    return Chain("mixed", joints, _transform(rng, straight[0]))


@pytest.fixture(scope="session")
def mixed_chains():
    """Hypothesis strategy for chains of 1 to 9 joints that turn, slide or follow others."""
    return _mixed_chains()


def build_arm3(yaw_limit=math.pi, continuous=False):
    """Yaw, shoulder and elbow with two links of 0.25 m, 0.15 m above the base."""

    def joint(name, axis, offset, lower, upper, kind="revolute"):
        origin = np.eye(4)
        origin[:3, 3] = offset
        return Joint(name, origin, np.array(axis, float), lower, upper, kind)

    tool = np.eye(4)
    tool[0, 3] = 0.25
    kind = "continuous" if continuous else "revolute"
    joints = (
        joint("yaw", [0, 0, 1], [0, 0, 0.15], -yaw_limit, yaw_limit, kind),
        joint("shoulder", [0, -1, 0], [0, 0, 0], -0.2, 1.9),
        joint("elbow", [0, 1, 0], [0.25, 0, 0], 0.15, 2.6),
    )
    return Chain("arm3", joints, tool)


@pytest.fixture(scope="session")
def make_arm3():
    """Function of the yaw joint's limit and whether it is continuous: a three-joint arm."""
    return build_arm3


@pytest.fixture(scope="session")
def arm3():
    """A three-joint arm: yaw, shoulder, elbow."""
    return build_arm3()


def build_solver(chain, predict, refine_steps=None, *, task=POSITION, **values):
    """A solver of any function as the network; its features are not normalized."""
    problem = IkProblem(chain, task)
    count = len(problem.feature_names)
    said = {name: values.pop(name) for name in ("workspace", "branches") if name in values}
    spec = ModelSpec(
        problem,
        values.pop("normalization", Normalization((0.0,) * count, (1.0,) * count)),
        tuple(values.pop("home", chain.middle)),
        **said,
    )
    return IkSolver(spec, predict, refine_steps, **values)


@pytest.fixture(scope="session")
def make_solver():
    """Function of a chain, what predicts, and what else a model says: a solver."""
    return build_solver


# Postures that a memory has, and how many of them it answers with.
POSTURES, HEADS = 10_000, 8


def build_memory(chain, task):
    """A solver whose heads answer with the postures of the most similar targets."""
    problem = IkProblem(chain, task)
    q = np.random.default_rng(0).uniform(chain.lower, chain.upper, (POSTURES, len(chain)))
    encoding = problem.encode(components(problem.reached_by(q)))
    features = np.stack(encoding.features, axis=-1)
    numbers = problem.outputs.of(components(q), np)
    known = np.stack(problem.outputs.unturned(numbers, encoding), axis=-1)
    normalization = Normalization.fit(features)
    seen = np.stack(normalization.apply(encoding.features), axis=-1)

    def predict(rows):
        away = ((rows[:, None] - seen) ** 2).sum(axis=-1)
        nearest = np.argsort(away, axis=1)[:, :HEADS]
        answers = known[nearest].reshape(len(rows), -1)
        promises = -np.take_along_axis(away, nearest, axis=1)
        return np.concatenate([answers, promises], axis=1).astype(np.float32)

    branches = tuple(Branch(f"memory{index}", 1 / HEADS, 1.0) for index in range(HEADS))
    home = tuple(chain.middle.tolist())
    return IkSolver(ModelSpec(problem, normalization, home, branches=branches), predict)


@pytest.fixture(scope="session")
def remembering():
    """Function of a chain and a task: a solver whose network is a memory of postures."""
    return build_memory


@pytest.fixture(scope="session")
def transforms():
    """Hypothesis strategy for rigid (4, 4) transforms."""
    return _transforms()


@pytest.fixture(scope="session")
def angles():
    """Function of n: Hypothesis strategy for joint vectors q (n,)."""
    one = st.sampled_from(QUARTER_TURNS) | st.floats(-10, 10)
    return lambda n: st.lists(one, min_size=n, max_size=n).map(np.array)


@pytest.fixture(scope="session")
def finite_differences():
    """Function of (chain, q): the geometric Jacobian (6, n) by central differences."""

    def pose(chain, q):
        return forward_kinematics(chain, q)

    def jacobian(chain, q, step=1e-6):
        columns = []
        for dq in step * np.eye(len(chain)):
            change = (pose(chain, q + dq) - pose(chain, q - dq)) / (2 * step)
            spin = change[:3, :3] @ pose(chain, q)[:3, :3].T  # skew matrix of the velocity
            columns.append([*change[:3, 3], spin[2, 1], spin[0, 2], spin[1, 0]])
        return np.array(columns).T

    return jacobian
