"""C programs that check themselves, and the stages of firmware from Python."""

import ctypes
import dataclasses
import functools
import os
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from edge_ik.arms import load_arm
from edge_ik.data.rank import chosen_task
from edge_ik_tools.c99 import folder as folder_module
from edge_ik_tools.c99.folder import write_c99
from edge_ik_tools.c99.int8 import int8_network
from edge_ik_tools.c99.loops import loop_network
from edge_ik_tools.c99.source import Firmware
from edge_ik_tools.templates import template_text

WARNINGS = (
    *("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wdouble-promotion", "-Wpedantic"),
    "-Werror",
)
SANITIZERS = (
    *("-g", "-fsanitize=address,undefined,float-cast-overflow"),
    "-fno-sanitize-recover=all",
)
FUZZ_SECONDS = int(os.environ.get("EDGE_IK_FUZZ_SECONDS", "2"))
SHIM = Path(__file__).with_name("stages.c.in")
TYPES = {"int8": "int8_t", "int16": "int16_t", "float32": "float"}


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
        network_t x[FEATURES], y[OUTPUT_ROOM];
        for (int32_t k = 0; k < FEATURES; ++k) {{
            x[k] = inputs{index}[i * FEATURES + k];
        }}
        network{index}(x, y);
        for (int32_t k = 0; k < {n_out}; ++k) {{
            if (DIFFER(y[k], answers{index}[i * {n_out} + k])) {{
                return 1;
            }}
        }}
    }}
    return 0;
}}"""


def checking_program(program_of, interpreters, rng, rows=12):
    """C whose `main` gives 0, or the number of the first network that answers otherwise.

    Every network has inputs and what the reference interpreter answers to them.
    """
    programs = [program_of(interpreter) for interpreter in interpreters]
    (dtype,) = {program.dtype for program in programs}
    parts = [
        "#include <float.h>\n#include <stdbool.h>\n#include <stdint.h>\n#include <string.h>",
        "#define EDGE_IK_STAGE static\n#define DIFFER(a, b) ((a) != (b))",
        f"typedef {TYPES[dtype.name]} network_t;",
        template_text("c99", "support.c.in"),
        network_text(programs[0])[0],
    ]
    calls = []
    for index, (interpreter, program) in enumerate(zip(interpreters, programs, strict=True)):
        n_in, n_out = program.widths[0], program.widths[-1]
        inputs = random_inputs(rng, interpreter, rows)
        answers = interpreter.run(inputs)
        kernels, layers = network_text(program)
        assert kernels == network_text(programs[0])[0]
        layers = re.sub(r"\blayer(\d)", rf"network{index}_layer\1", layers)
        layers = re.sub(r"\bnetwork\b(?=\()", f"network{index}", layers)
        parts += [
            f"#define FEATURES {n_in}\n#define OUTPUT_ROOM {-(-n_out // 4) * 4}",
            layers,
            f"static const IN_FLASH network_t inputs{index}[] = {{{numbers(inputs)}}};",
            f"static const IN_FLASH network_t answers{index}[] = {{{numbers(answers)}}};",
            DIFFERS.format(index=index, rows=rows, n_out=n_out),
            "#undef FEATURES\n#undef OUTPUT_ROOM",
        ]
        calls.append(f"    if (differs{index}()) return {index + 1};")
    return "\n\n".join([*parts, "int main(void)\n{", *calls, "    return 0;\n}\n"])


@pytest.fixture(scope="session")
def self_checking(program_of):
    return functools.partial(checking_program, program_of)


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
        # A bad target leaves joints as they are.
        q = np.full((len(p), self.n), 7.5, np.float32)
        info = np.empty((len(p), 3), np.float32)
        status = np.empty(len(p), np.int32)
        self.call("solve", len(p), p, q, info, status)
        return SimpleNamespace(
            q=q, residual=info[:, 0], seed_residual=info[:, 1], steps=info[:, 2], status=status
        )

    def seed(self, targets):
        p = self.rows(targets)
        q = np.full((len(p), self.n), 7.5, np.float32)
        status = np.empty(len(p), np.int32)
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
        text = SHIM.read_text().replace("NAME_JOINTS_MACRO", f"{firmware.name.upper()}_JOINTS")
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


# A robot, its task and how many branches; of the first one, the reference model.
EXPORTED = {
    "arm3": ("arm3", "position", 1),
    "axis": ("so101", "axis", 1),
    "poses": ("ur5", "pose", 1),
    "branches": ("leg3", "position", 3),
    "poses_branches": ("ur5", "pose", 4),
    "pitches": ("openmanipulator_x", "pitch", 2),
    "planar": ("leg2", "planar", 1),
    "lift": ("cylindrical", "position", 1),
    "linkage": ("palletizer", "position", 2),
    "boom": ("stanford", "pose", 2),
}
# Those of them whose joints servos move.
WITH_SERVOS = ("lift", "planar")


@pytest.fixture(scope="session")
def fuzz():
    """Function of a fuzz target and inputs (N, k) of four bytes each: libFuzzer finds nothing."""

    def run(target, inputs):
        corpus = target.parent / "corpus"
        corpus.mkdir()
        for index, row in enumerate(inputs[::30]):
            (corpus / str(index)).write_bytes(row.tobytes())
        options = [f"-max_total_time={FUZZ_SECONDS}", f"-max_len={4 * inputs.shape[1]}", "-seed=1"]
        # The memory that libFuzzer would limit is the most that a process ever had, and a child
        # begins with that of the test's own process.
        options += ["-rss_limit_mb=0", "-malloc_limit_mb=64"]
        command, folder = [target, *options, corpus], target.parent
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr[-4000:]
        assert "Done" in ran.stderr

    return run


@pytest.fixture(scope="session")
def kinds():
    """The names in `EXPORTED`."""
    return tuple(EXPORTED)


@pytest.fixture(params=EXPORTED)
def kind(request):
    """Each of these names."""
    return request.param


@pytest.fixture(scope="session")
def exported(arm3_path, other_arms, fitted_firmware, random_servos, tmp_path_factory):
    """Function of a name in `EXPORTED`: the folder that is exported, called that too."""
    made = {}

    def export(name):
        if name not in made:
            made[name] = tmp_path_factory.mktemp("exported") / name
            arm, task, branches = EXPORTED[name]
            if name == "arm3":
                write_c99(Firmware.load(arm3_path), made[name])
                return made[name]
            rng, chain = np.random.default_rng(1), other_arms.get(arm) or load_arm(arm)
            kind = chosen_task(chain, task)
            firmware, network = fitted_firmware(chain, rng, kind, branches)
            if name in WITH_SERVOS:
                spec = dataclasses.replace(firmware.spec, servos=random_servos(chain, rng))
                firmware = dataclasses.replace(firmware, spec=spec)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(folder_module, "reference_network", lambda _: network)
                write_c99(dataclasses.replace(firmware, name=name), made[name])
        return made[name]

    return export
