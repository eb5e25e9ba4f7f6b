"""Random networks and robots, C programs that check themselves, and C stages from Python."""

import ctypes
import math
import os
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from firmware_host.encoding import feature_names, network_features
from firmware_host.normalization import Normalization

from edge_ik_tools.c99.int8 import int8_network
from edge_ik_tools.c99.literals import template_text
from edge_ik_tools.c99.loops import loop_network
from edge_ik_tools.c99.lowering import _Lowering
from edge_ik_tools.c99.source import Firmware
from firmware_host.chain import Chain, Joint
from firmware_host.network import reference
from firmware_host.network.flatbuffer import Graph, Operator, Quantization, Tensor
from firmware_host.network.reference import ReferenceInterpreter
from firmware_host.spec import ModelSpec
from firmware_host.tasks import POSITION, TOOL_AXES
from firmware_host.tasks.task import reached_targets
from firmware_host.workspace import Workspace

WARNINGS = (
    *("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wdouble-promotion", "-Wpedantic"),
    "-Werror",
)
SANITIZERS = (
    *("-g", "-fsanitize=address,undefined,float-cast-overflow"),
    "-fno-sanitize-recover=all",
)
RELU = {"fused_activation_function": 1}
TYPES = {"int8": "int8_t", "int16": "int16_t", "float32": "float"}


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
    return builder.interpreter(builder.dense(tensor, n_out, relu=bool(rng.random() < 0.1)))


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


@pytest.fixture(scope="session")
def program_of():
    """Function of a reference interpreter: its network as layers."""
    return lowered


def random_inputs(rng, interpreter, rows):
    """Inputs (rows, n_in) of all of the type's range, the extremes among them."""
    tensor = interpreter.graph.tensors[interpreter.graph.inputs[0]]
    shape = (rows, tensor.shape[-1])
    if tensor.dtype == np.float32:
        return rng.normal(0, 1.5, shape).astype(np.float32)
    limits = np.iinfo(tensor.dtype)
    inputs = rng.integers(limits.min, limits.max, shape, tensor.dtype, endpoint=True)
    inputs[0], inputs[1] = limits.min, limits.max
    inputs[2] = rng.choice([limits.min, limits.max], shape[1])
    return inputs


@pytest.fixture(scope="session")
def inputs_for():
    return random_inputs


def network_text(program):
    """The kernels, and the layers with the function `network`."""
    text = int8_network(program) if program.dtype == np.int8 else loop_network(program)
    first = re.search(r"^/\* \d+ units", text, re.MULTILINE).start()
    return text[:first], text[first:]


def numbers(values):
    return ", ".join(str(value) for value in np.asarray(values).ravel().tolist())


DIFFERS = """\
static int differs{index}(void)
{{
    for (int32_t i = 0; i < {rows}; ++i) {{
        network_t y[OUTPUT_ROOM];
        network{index}(&inputs{index}[i * FEATURES], y);
        if (memcmp(y, &answers{index}[i * {n_out}], {n_out} * sizeof(network_t))) {{
            return 1;
        }}
    }}
    return 0;
}}"""


def checking_program(interpreters, rng, rows=12):
    """C whose `main` gives 0, or the number of the first network that answers otherwise.

    Every network has inputs and what the reference interpreter answers to them.
    """
    programs = [lowered(interpreter) for interpreter in interpreters]
    (dtype,) = {program.dtype for program in programs}
    parts = [
        "#include <float.h>\n#include <stdbool.h>\n#include <stdint.h>\n#include <string.h>",
        "#define EDGE_IK_STAGE static",
        f"typedef {TYPES[dtype.name]} network_t;",
        template_text("support.c.in"),
        network_text(programs[0])[0],
    ]
    calls = []
    for index, (interpreter, program) in enumerate(zip(interpreters, programs, strict=True)):
        n_in, n_out = program.widths[0], program.widths[-1]
        inputs = random_inputs(rng, interpreter, rows)
        kernels, layers = network_text(program)
        assert kernels == network_text(programs[0])[0]
        layers = re.sub(r"\blayer(\d)", rf"network{index}_layer\1", layers)
        layers = re.sub(r"\bnetwork\b(?=\()", f"network{index}", layers)
        parts += [
            f"#define FEATURES {n_in}\n#define OUTPUT_ROOM {-(-n_out // 4) * 4}",
            layers,
            f"static const network_t inputs{index}[] = {{{numbers(inputs)}}};",
            f"static const network_t answers{index}[] = {{{numbers(interpreter.run(inputs))}}};",
            DIFFERS.format(index=index, rows=rows, n_out=n_out),
            "#undef FEATURES\n#undef OUTPUT_ROOM",
        ]
        calls.append(f"    if (differs{index}()) return {index + 1};")
    return "\n\n".join([*parts, "int main(void)\n{", *calls, "    return 0;\n}\n"])


@pytest.fixture(scope="session")
def self_checking():
    return checking_program


@pytest.fixture(scope="session")
def require_sanitizers():
    """Function of a finished build: skip, or fail, if clang lacks its sanitizers' libraries."""

    def require(built):
        if "libclang_rt" in built.stderr:
            advice = "clang's sanitizers are missing: apt-get install libclang-rt-dev"
            if os.environ.get("EDGE_IK_REQUIRE_TOOLS", "0") not in ("", "0"):
                pytest.fail(advice, pytrace=False)
            pytest.skip(advice)

    return require


@pytest.fixture(scope="session")
def run_program(require_tool, require_sanitizers, tmp_path_factory):
    """Function of C, a compiler and its options: what the program ends with."""

    def run(text, compiler="gcc", options=("-O1",)):
        path = require_tool(compiler, compiler)
        folder = tmp_path_factory.mktemp("program")
        (folder / "program.c").write_text(text)
        command = [path, "-std=c99", *options, "program.c", "-o", "program"]
        built = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        require_sanitizers(built)
        assert built.returncode == 0, built.stderr[:2000]
        ran = subprocess.run([folder / "program"], capture_output=True, text=True, check=False)
        assert not ran.stderr, ran.stderr[:4000]
        return ran.returncode

    return run


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
        turns = kind == "continuous"
        joints.append(Joint(f"joint{index}", transform(), axis, lower, upper, turns))
    tool = transform()
    tool[:3, 3] = [0.2, 0.1, -0.05]
    return Chain("robot", tuple(joints), tool)


def make_firmware(
    chain, rng, dtype=np.int8, steps=3, home=None, name="robot", task=POSITION, aspects=()
):
    """The firmware of a robot with a random network."""
    q = rng.uniform(chain.lower, chain.upper, (2000, len(chain)))
    targets = reached_targets(chain, task, np.sin(q), np.cos(q))
    count = len(feature_names(chain, task))
    plain = Normalization((0.0,) * count, (1.0,) * count)
    spec = ModelSpec(
        chain=chain,
        home=tuple((chain.middle if home is None else np.asarray(home)).tolist()),
        normalization=Normalization.fit(network_features(chain, plain, targets, task)),
        workspace=Workspace.fit(chain, targets[:, :3]),
        task=task.name,
        tool_axis=TOOL_AXES[task.tool_axis],
        aspects=aspects,
    )
    network = make_network(rng, dtype, spec.inputs, 2 * len(chain), odd_scales=False)
    return Firmware(
        path=Path("robot.tflite"),
        name=name,
        spec=spec,
        program=lowered(network),
        steps=steps,
        model_hash="0" * 16,
        command="made in a test",
    )


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


# What Python calls: each stage for many rows.
SHIM = """
#include "NAME.c"
#define EACH for (int32_t i = 0; i < rows; ++i)
void each_solve(int32_t rows, const float *p, float *q, float *info, int32_t *status)
{
    EACH {
        NAME_info told;
        status[i] = (int32_t)NAME_solve(&p[3 * i], &q[N * i], &told);
        info[3 * i] = told.residual;
        info[3 * i + 1] = told.seed_residual;
        info[3 * i + 2] = (float)told.steps;
    }
}
void each_seed(int32_t rows, const float *p, float *q, int32_t *status)
{
    EACH status[i] = (int32_t)NAME_seed(&p[3 * i], &q[N * i]);
}
void each_forward(int32_t rows, const float *q, float *T)
{
    EACH NAME_forward(&q[N * i], &T[12 * i]);
}
void each_encode(int32_t rows, const float *p, network_t *x)
{
    EACH encode(&p[3 * i], &x[FEATURES * i]);
}
void each_network(int32_t rows, const network_t *x, network_t *y)
{
    EACH {
        network_t out[OUTPUT_ROOM];
        network(&x[FEATURES * i], out);
        memcpy(&y[OUTPUTS * i], out, OUTPUTS * sizeof out[0]);
    }
}
void each_decode(int32_t rows, const network_t *y, float *q, float *s, float *c)
{
    EACH {
        network_t in[OUTPUT_ROOM] = {0};
        memcpy(in, &y[OUTPUTS * i], OUTPUTS * sizeof in[0]);
        decode(in, &q[N * i], &s[N * i], &c[N * i]);
    }
}
void each_distance(int32_t rows, const float *p, const float *s, const float *c, float *squared)
{
    EACH squared[i] = distance(&p[3 * i], &s[N * i], &c[N * i]);
}
void each_step(int32_t rows, const float *p, const float *s, const float *c, float *dq, float *d)
{
#if SPARE
    float free[NAME_JOINTS_MACRO];
    for (int32_t k = 0; k < NAME_JOINTS_MACRO; ++k) {
        free[k] = 1.0f;
    }
    EACH d[i] = step(&p[3 * i], &s[N * i], &c[N * i], free, &dq[N * i]);
#else
    EACH d[i] = step(&p[3 * i], &s[N * i], &c[N * i], &dq[N * i]);
#endif
}
void each_advance(int32_t rows, float *q, float *s, float *c, const float *dq)
{
#if SPARE
    float free[NAME_JOINTS_MACRO];
    EACH advance(&q[N * i], &s[N * i], &c[N * i], &dq[N * i], free);
#else
    EACH advance(&q[N * i], &s[N * i], &c[N * i], &dq[N * i]);
#endif
}
void each_angle_of(int32_t rows, const float *s, const float *c, float *q)
{
    EACH q[i] = angle_of(s[i], c[i]);
}
void each_inverse_root(int32_t rows, const float *x, float *y)
{
    EACH y[i] = inverse_root(x[i]);
}
void each_root(int32_t rows, const float *x, float *y)
{
    EACH y[i] = root(x[i]);
}
void each_whole(int32_t rows, const float *x, float *y)
{
    EACH y[i] = whole(x[i]);
}
void each_nearest(int32_t rows, const float *x, int32_t *y)
{
    EACH y[i] = nearest(x[i]);
}
void each_rotate(int32_t rows, float *s, float *c, const float *angle)
{
    EACH rotate(&s[i], &c[i], angle[i]);
}
void each_sine_cosine(int32_t rows, const float *q, float *s, float *c)
{
    EACH sine_cosine(q[i], &s[i], &c[i]);
}
void each_within(int32_t rows, const float *x, const float *lower, const float *upper, float *y)
{
    EACH y[i] = within(x[i], lower[i], upper[i]);
}
void each_into_limits(int32_t rows, int32_t joint, float *q, float *s, float *c)
{
    EACH q[i] = into_limits(q[i], &joints[joint], &s[i], &c[i]);
}
"""

KINDS = {"int8": np.int8, "int16": np.int16, "float32": np.float32}


class Stages:
    """The stages of compiled firmware; arrays in, arrays out, one row a call."""

    def __init__(self, library, firmware):
        self.library, self.firmware = library, firmware
        self.n = len(firmware.spec.chain)
        self.dtype = KINDS[firmware.program.dtype.name]
        self.widths = firmware.program.widths

    def call(self, name, rows, *arrays, first=()):
        pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in arrays]
        words = [ctypes.c_int32(number) for number in first]
        getattr(self.library, f"each_{name}")(ctypes.c_int32(rows), *words, *pointers)

    def of_floats(self, name, *arrays, out=np.float32):
        """A function of one number, or of some, for many."""
        given = [np.ascontiguousarray(array, np.float32) for array in arrays]
        result = np.empty(given[0].shape, out)
        self.call(name, given[0].size, *given, result)
        return result

    def rows(self, values, kind=np.float32):
        return np.array(values, kind, order="C", ndmin=2)

    def solve(self, targets):
        p = self.rows(targets)
        q, info = np.empty((len(p), self.n), np.float32), np.empty((len(p), 3), np.float32)
        status = np.empty(len(p), np.int32)
        self.call("solve", len(p), p, q, info, status)
        return SimpleNamespace(
            q=q, residual=info[:, 0], seed_residual=info[:, 1], steps=info[:, 2], status=status
        )

    def seed(self, targets):
        p = self.rows(targets)
        q, status = np.empty((len(p), self.n), np.float32), np.empty(len(p), np.int32)
        self.call("seed", len(p), p, q, status)
        return q, status

    def forward(self, q):
        q = self.rows(q)
        T = np.empty((len(q), 3, 4), np.float32)
        self.call("forward", len(q), q, T)
        return T

    def encode(self, targets):
        p = self.rows(targets)
        x = np.empty((len(p), self.widths[0]), self.dtype)
        self.call("encode", len(p), p, x)
        return x

    def network(self, x):
        x = self.rows(x, self.dtype)
        y = np.empty((len(x), self.widths[-1]), self.dtype)
        self.call("network", len(x), x, y)
        return y

    def decode(self, y):
        y = self.rows(y, self.dtype)
        q, s, c = (np.empty((len(y), self.n), np.float32) for _ in range(3))
        self.call("decode", len(y), y, q, s, c)
        return q, s, c

    def distance(self, targets, s, c):
        p, s, c = self.rows(targets), self.rows(s), self.rows(c)
        squared = np.empty(len(p), np.float32)
        self.call("distance", len(p), p, s, c, squared)
        return squared

    def step(self, targets, s, c):
        p, s, c = self.rows(targets), self.rows(s), self.rows(c)
        dq, squared = np.empty_like(s), np.empty(len(p), np.float32)
        self.call("step", len(p), p, s, c, dq, squared)
        return dq, squared

    def advance(self, q, s, c, dq):
        q, s, c, dq = (self.rows(values) for values in (q, s, c, dq))
        self.call("advance", len(q), q, s, c, dq)
        return q, s, c

    def rotate(self, s, c, angle):
        s, c, angle = (np.array(values, np.float32) for values in (s, c, angle))
        self.call("rotate", s.size, s, c, angle)
        return s, c

    def sine_cosine(self, q):
        q = np.array(q, np.float32)
        s, c = np.empty_like(q), np.empty_like(q)
        self.call("sine_cosine", q.size, q, s, c)
        return s, c

    def into_limits(self, joint, q, s, c):
        q, s, c = (np.array(values, np.float32) for values in (q, s, c))
        self.call("into_limits", q.size, q, s, c, first=(joint,))
        return q, s, c


@pytest.fixture(scope="session")
def write_firmware():
    """Write NAME.h and NAME.c; function of the firmware and the folder."""

    def write(firmware, folder):
        (folder / f"{firmware.name}.h").write_text(firmware.header())
        (folder / f"{firmware.name}.c").write_text(firmware.source())
        return folder

    return write


@pytest.fixture(scope="session")
def stages_of(require_tool, tmp_path_factory, write_firmware):
    """Function of firmware: its stages, compiled for this machine."""

    def build(firmware, options=("-O1",)):
        gcc = require_tool("gcc", "gcc")
        folder = write_firmware(firmware, tmp_path_factory.mktemp("stages"))
        text = SHIM.replace("NAME_JOINTS_MACRO", f"{firmware.name.upper()}_JOINTS")
        text = text.replace("NAME", firmware.name).replace("N *", f"{len(firmware.spec.chain)} *")
        (folder / "shim.c").write_text(text)
        command = [gcc, "-std=c99", *options, "-fPIC", "-shared", "shim.c", "-o", "shim.so"]
        built = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert built.returncode == 0, built.stderr[:2000]
        return Stages(ctypes.CDLL(str(folder / "shim.so")), firmware)

    return build


@pytest.fixture(scope="session")
def arm3_path(source_root):
    return source_root / "artifacts" / "arm3" / "arm3-int8.tflite"


@pytest.fixture(scope="session")
def arm3_stages(arm3_path, stages_of):
    """The stages of the reference arm."""
    return stages_of(Firmware.load(arm3_path))


@pytest.fixture(scope="session")
def warnings_as_errors():
    """Options under which generated C must compile in silence."""
    return WARNINGS


@pytest.fixture(scope="session")
def sanitizers():
    """Options for the address sanitizer and the one for undefined behaviour."""
    return SANITIZERS
