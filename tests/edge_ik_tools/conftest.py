"""Networks and robots drawn at random, and firmware of the two."""

import math
from pathlib import Path

import numpy as np
import pytest

from edge_ik_tools.c99.lowering import _Lowering
from edge_ik_tools.c99.source import Firmware
from edge_ik_tools.emulate.toolchain import Toolchain
from firmware_host.chain import Chain, Joint
from firmware_host.kinematics import components
from firmware_host.network import reference
from firmware_host.network.flatbuffer import Graph, Operator, Quantization, Tensor
from firmware_host.network.interpreter import Interpreter
from firmware_host.network.reference import ReferenceInterpreter
from firmware_host.normalization import Normalization
from firmware_host.problem import IkProblem
from firmware_host.solving.seeding import Seeder
from firmware_host.spec import ONE_BRANCH, Branch, ModelSpec
from firmware_host.tasks import POSITION
from firmware_host.workspace import Workspace

RELU = {"fused_activation_function": 1}


class GraphBuilder:
    """A graph of the supported operators, made step by step with random constants.

    Attributes:
        rng: Where the constants come from.
        dtype: Type of the activations.
        per_channel: Whether weights have a scale for each row.
        odd_scales: Whether some rows get scales out of the ordinary, and some are pruned.
    """

    def __init__(self, rng, dtype, n_in, per_channel=True, odd_scales=False):
        self.rng, self.dtype = rng, np.dtype(dtype)
        self.per_channel, self.odd_scales = per_channel, odd_scales
        self.tensors, self.operators = [], []
        self.input = self.activation(n_in, 2.0 / 128)

    def tensor(self, shape, dtype, scale=None, zero_point=0, data=None):
        quantization = None
        if scale is not None and self.dtype != np.float32:
            scales = np.atleast_1d(np.asarray(scale, np.float32))
            zeros = np.full(len(scales), zero_point, np.int64)
            quantization = Quantization(scales, zeros, 0)
        name = f"tensor{len(self.tensors)}"
        self.tensors.append(Tensor(name, shape, np.dtype(dtype), quantization, data))
        return len(self.tensors) - 1

    def activation(self, width, step, zero_point=None):
        """A tensor whose scale is `step` in units of a 256th of its range."""
        if self.dtype == np.int16:
            return self.tensor((1, width), np.int16, step / 256)
        zero = int(self.rng.integers(-128, 128)) if zero_point is None else zero_point
        return self.tensor((1, width), self.dtype, step, zero)

    def scale(self, index):
        quantization = self.tensors[index].quantization
        return 1.0 if quantization is None else float(quantization.scale[0])

    def width(self, index):
        return self.tensors[index].shape[-1]

    def operator(self, name, inputs, output, relu=False):
        self.operators.append(Operator(name, tuple(inputs), (output,), RELU if relu else {}))
        return output

    def dense(self, source, width, relu=False, bias=True, wide=True):
        rng, n_in = self.rng, self.width(source)
        if self.dtype == np.float32:
            weights = rng.normal(0, 1.2 / math.sqrt(n_in), (width, n_in)).astype(np.float32)
            filters = self.tensor(weights.shape, np.float32, data=weights)
            inputs = [source, filters]
            if bias:
                offsets = rng.normal(0, 0.3, width).astype(np.float32)
                inputs.append(self.tensor((width,), np.float32, data=offsets))
            return self.operator("FULLY_CONNECTED", inputs, self.activation(width, 1), relu)
        largest = int(rng.choice([3, 40, 127]))
        weights = rng.integers(-largest, largest + 1, (width, n_in)).astype(np.int8)
        scales = np.full(width if self.per_channel else 1, rng.uniform(0.2, 1) / 127, np.float32)
        if self.per_channel:
            scales *= rng.uniform(0.5, 1, width).astype(np.float32)
        typical = float(np.median(scales))
        if self.odd_scales and self.per_channel and width > 1:
            for row in range(width):
                # A row that hardly counts, one to the left, one pruned, or one as usual.
                kind = rng.integers(6)
                if kind == 0:
                    scales[row] *= 2.0 ** -float(rng.integers(14, 26))
                elif kind == 1:
                    weights[row] = np.clip(weights[row], -2, 2)
                    scales[row] = 1.0 if self.dtype == np.int8 else typical * 16
                elif kind == 2:
                    weights[row], scales[row] = 0, rng.choice([0.0, scales[row]])
        # Outputs that use their range, some of them beyond.
        spread = float(np.abs(weights).max(initial=1)) * math.sqrt(n_in) * 74
        spread *= typical * self.scale(source)
        if self.dtype == np.int16:
            spread *= 256
        output = self.activation(width, spread * rng.uniform(0.7, 4) / 128)
        filters = self.tensor(weights.shape, np.int8, scales, data=weights)
        inputs = [source, filters]
        if bias:
            wide = wide and self.dtype == np.int16
            factor = self.scale(source) * scales.astype(np.float64)
            most = np.minimum(spread / np.maximum(factor, 1e-300), 2.0**14)
            offsets = np.rint(rng.uniform(-0.3, 0.3, width) * most)
            kind = np.int64 if wide else np.int32
            inputs.append(self.tensor((width,), kind, factor, data=offsets.astype(kind)))
        return self.operator("FULLY_CONNECTED", inputs, output, relu)

    def logistic(self, source):
        if self.dtype == np.int16:
            output = self.tensor((1, self.width(source)), np.int16, 1 / 32768)
        else:
            output = self.activation(self.width(source), 1 / 256, zero_point=-128)
        return self.operator("LOGISTIC", [source], output)

    def combined(self, name, a, b, relu=False):
        """MUL or ADD; the output's range may be too small, so that it saturates."""
        sizes = self.scale(a), self.scale(b)
        full = 128 if self.dtype == np.int8 else 32768
        largest = sizes[0] * sizes[1] * full if name == "MUL" else max(sizes)
        factor = self.rng.uniform(0.4, 2)
        if self.odd_scales and self.rng.random() < 0.3:
            factor /= 2.0 ** int(self.rng.integers(1, 7))
        step = largest * factor * (256 if self.dtype == np.int16 else 1)
        return self.operator(name, [a, b], self.activation(self.width(a), step), relu)

    def silu(self, source):
        return self.combined("MUL", source, self.logistic(source))

    def block(self, source, width, kind):
        """One hidden layer: "relu", "silu", "gated" or "glu", with what follows the sums."""
        if kind == "relu":
            return self.dense(source, width, relu=True)
        if kind == "silu":
            return self.silu(self.dense(source, width, bias=bool(self.rng.random() < 0.8)))
        value = self.dense(source, width)
        if kind == "gated":
            value = self.silu(value)
        return self.combined("MUL", value, self.logistic(self.dense(source, width)))

    def interpreter(self, output):
        graph = Graph(tuple(self.tensors), tuple(self.operators), (self.input,), (output,))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reference, "read_graph", lambda _: graph)
            return ReferenceInterpreter(b"")


def make_network(rng, dtype, n_in=None, n_out=None, kinds=None, odd_scales=None):
    """The interpreter of a random network of odd widths and 1 to 4 blocks."""
    odd = bool(rng.random() < 0.4) if odd_scales is None else odd_scales
    widths = [1, 3, 4, 5, 7, 12, 16, 18, 33]
    n_in = int(rng.choice(widths[1:])) if n_in is None else n_in
    fixed = n_out is not None
    n_out = int(rng.choice(widths)) if n_out is None else n_out
    builder = GraphBuilder(rng, dtype, n_in, bool(rng.random() < 0.8), odd)
    tensor = builder.input
    width = int(rng.choice(widths))
    for _ in range(int(rng.integers(1, 5))):
        kind = str(rng.choice(["relu", "silu", "gated", "glu"] if kinds is None else kinds))
        made = builder.block(tensor, width, kind)
        if builder.width(tensor) == width and rng.random() < 0.7:
            first, second = (tensor, made) if rng.random() < 0.5 else (made, tensor)
            made = builder.combined("ADD", first, second, bool(rng.random() < 0.2))
        tensor = made
        if rng.random() < 0.3:
            width = int(rng.choice(widths))
    # What a robot's joints are read from has both signs.
    relu = bool(rng.random() < 0.1) and not fixed
    return builder.interpreter(builder.dense(tensor, n_out, relu=relu))


def lowered(interpreter):
    return _Lowering(interpreter).program()


@pytest.fixture(scope="session")
def graph_builder():
    """The class that makes graphs; see there."""
    return GraphBuilder


@pytest.fixture(scope="session")
def random_network():
    """Function of a generator and a type: the reference interpreter of a random network."""
    return make_network


class Loaded(Interpreter):
    """A network of the reference interpreter behind the face of the runtimes."""

    def __init__(self, native):
        super().__init__("reference", native.graph)
        self._native = native

    def _network(self, q):
        return self._native.run(q)


def fit_network(rng, features, parts, width=64):
    """A float32 network of one random layer and one fitted to outputs by least squares.

    Parts of the outputs are fitted alone, each a pair of rows of the features and what is
    wanted there (rows, m).
    """
    builder = GraphBuilder(rng, np.float32, features.shape[1])
    hidden = builder.block(builder.input, width, "silu")
    found = builder.interpreter(hidden).run(features)
    full = np.column_stack([found, np.ones(len(found))])
    fitted = []
    for rows, outputs in parts:
        some = full[rows]
        # A little weight decay: weights of a thousand would multiply the rounding.
        gram = some.T @ some + 1e-3 * len(some) * np.eye(some.shape[1])
        fitted.append(np.linalg.solve(gram, some.T @ outputs).T)
    weights = np.concatenate(fitted).astype(np.float32)
    constants = (weights[:, :-1].copy(), weights[:, -1].copy())
    inputs = [builder.tensor(part.shape, np.float32, data=part) for part in constants]
    output = builder.activation(len(weights), 1)
    return builder.interpreter(builder.operator("FULLY_CONNECTED", [hidden, *inputs], output))


@pytest.fixture(scope="session")
def program_of():
    """Function of a reference interpreter: its network as layers."""
    return lowered


# ---- Robots


def _rotation(rng, straight):
    if straight:
        turns = rng.integers(4, size=3) * (math.pi / 2)
    else:
        turns = rng.uniform(-math.pi, math.pi, 3)
    (ca, cb, cc), (sa, sb, sc) = np.cos(turns), np.sin(turns)
    first = np.array([[1, 0, 0], [0, ca, -sa], [0, sa, ca]])
    second = np.array([[cb, 0, sb], [0, 1, 0], [-sb, 0, cb]])
    return np.array([[cc, -sc, 0], [sc, cc, 0], [0, 0, 1]]) @ second @ first


LIMITS = {
    "narrow": (0.3, 0.9),
    "half": (-1.9, 2.2),
    "turn": (-math.pi, math.pi),
    "almost a turn": (-3.14159, 3.14159),
    "positive turn": (0.0, 2 * math.pi),
    "two turns": (-2 * math.pi, 2 * math.pi),
    "off centre": (2.6, 5.1),
    "far off centre": (7.0, 9.0),
    "far turn": (10.0, 17.0),
    "backwards": (-9.1, -4.4),
    "continuous": (-math.pi, math.pi),
}


def make_chain(rng, count, kinds=None, straight=None):
    """A chain of `count` joints with limits of the kinds given, of right angles or of any."""
    straight = bool(rng.random() < 0.5) if straight is None else straight

    def transform():
        result = np.eye(4)
        result[:3, :3] = _rotation(rng, straight)
        if straight:
            result[rng.integers(3), 3] = rng.choice([0.1, 0.3])
        else:
            result[:3, 3] = rng.uniform(-0.3, 0.3, 3)
        return result

    joints = []
    for index in range(count):
        kind = str(rng.choice(list(LIMITS))) if kinds is None else kinds[index]
        axis = np.eye(3)[rng.integers(3)] if straight else rng.normal(size=3)
        lower, upper = LIMITS[kind]
        name = "continuous" if kind == "continuous" else "revolute"
        joints.append(Joint(f"joint{index}", transform(), axis, lower, upper, name))
    tool = transform()
    tool[:3, 3] = [0.2, 0.1, -0.05]
    return Chain("robot", tuple(joints), tool)


def make_firmware(
    chain, rng, dtype=np.int8, steps=3, home=None, name="robot", task=POSITION, branches=()
):
    """The firmware of a robot with a random network, of a head for each name of a branch."""
    problem = IkProblem(chain, task)
    q = rng.uniform(chain.lower, chain.upper, (2000, len(chain)))
    targets = problem.reached_by(q)
    spec = ModelSpec(
        problem=problem,
        normalization=Normalization.fit(problem.features(targets).astype(np.float32)),
        home=tuple((chain.middle if home is None else np.asarray(home)).tolist()),
        workspace=Workspace.fit(chain, problem.task.positions(targets)),
        branches=tuple(Branch(name, 0.5, 0.25) for name in branches) or ONE_BRANCH,
    )
    network = make_network(rng, dtype, spec.inputs, spec.outputs, odd_scales=False)
    return Firmware(
        path=Path("robot.tflite"),
        name=name,
        spec=spec,
        program=lowered(network),
        steps=steps,
        model_hash="0" * 16,
        command="made in a test",
    )


def make_fitted(chain, rng, task=POSITION, branches=1, spread=1.2, restarts=0):
    """Firmware of a network that knows some postures of each branch, and that network."""
    problem, n = IkProblem(chain, task), len(chain)
    room = np.minimum(chain.upper - chain.lower, 2 * np.pi)
    spread = spread * chain.scales
    centres = chain.middle + rng.uniform(-0.25, 0.25, (branches, n)) * room
    number = rng.integers(branches, size=4000)
    q = chain.clamp(centres[number] + rng.uniform(-spread / 2, spread / 2, (4000, n)))
    targets = problem.reached_by(q)
    spec = ModelSpec(
        problem=problem,
        normalization=Normalization.fit(problem.features(targets).astype(np.float32)),
        home=tuple(centres[0].tolist()),
        workspace=Workspace.fit(chain, problem.task.positions(targets)),
        branches=tuple(Branch(f"branch {k}", 1 / branches, 0.5) for k in range(branches)),
    )
    numbers = problem.outputs.of(components(q), np)
    encoding = problem.encode(components(targets))
    labels = np.stack(problem.outputs.unturned(numbers, encoding), axis=1)
    parts = [(number == k, labels[number == k]) for k in range(branches)]
    if branches > 1:
        parts.append((slice(None), np.eye(branches)[number]))
    network = fit_network(rng, Seeder(spec, lambda rows: rows).features(targets), parts)
    firmware = Firmware(
        path=Path("robot.tflite"),
        name="robot",
        spec=spec,
        program=lowered(network),
        steps=problem.default_steps,
        model_hash="0" * 16,
        command="made in a test",
        restarts=restarts,
    )
    return firmware, Loaded(network)


@pytest.fixture(scope="session")
def fitted_firmware():
    """Function of a chain and a generator: firmware that solves something, and its network."""
    return make_fitted


@pytest.fixture(scope="session")
def integer_firmware(integer_model):
    """Function of a chain, a generator, a task, branches and a type: firmware, and its network."""

    def make(chain, rng, task=POSITION, branches=1, dtype=np.int8, **changes):
        spec, network, _ = integer_model(chain, rng, task, branches, dtype)
        usual = {
            "path": Path("robot.tflite"),
            "name": "robot",
            "spec": spec,
            "program": lowered(network),
            "steps": spec.problem.default_steps,
            "model_hash": "0" * 16,
            "command": "made in a test",
        }
        return Firmware(**{**usual, **changes}), network

    return make


@pytest.fixture(scope="session")
def random_chain():
    """Function of a generator, a count and kinds of limits: a chain."""
    return make_chain


@pytest.fixture(scope="session")
def limit_kinds():
    """The kinds of limits by name, as (lower, upper)."""
    return LIMITS


@pytest.fixture(scope="session")
def robot_firmware():
    """Function of a chain and a generator: firmware with a random network."""
    return make_firmware


@pytest.fixture(scope="session")
def tools_for(require_tool):
    """Function of a core: its compiler and emulator; skips, or fails, where one is missing."""

    def find(core):
        for command, packages in core.family.packages.items():
            require_tool(command, packages)
        return Toolchain.find(core.family)

    return find
