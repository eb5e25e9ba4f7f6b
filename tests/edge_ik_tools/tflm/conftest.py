"""Generated firmware built on the host, with a stub of TensorFlow Lite Micro beneath it."""

import ctypes
import dataclasses
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from edge_ik.arms import load_arm
from edge_ik_tools.c99.source import Firmware
from edge_ik_tools.generated import write_folder
from edge_ik_tools.tflm.arena import arena_for
from edge_ik_tools.tflm.source import TflmSource
from firmware_host.model_file import read_model, write_model
from firmware_host.network.flatbuffer import OPERATORS, read_graph
from firmware_host.tasks import make_task

STUBS = Path(__file__).parent / "stubs"
NETWORKS = Path(__file__).parents[2] / "firmware_host" / "models"
FORMATS = ("int8_per_channel", "int8_per_tensor", "int16x8", "float32")
# A robot, its task, and the names of its branches.
CASES = {
    "axis": ("so101", "axis", ()),
    "pose": ("ur5", "pose", ()),
    "position, branches": ("leg3", "position", ("one", "two", "three")),
    "pose, branches": ("ur5", "pose", ("left", "right")),
}
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wdouble-promotion", "-Werror", "-O2"]
C_FLAGS = ["-std=c99", *WARNINGS]
CXX_FLAGS = ["-std=c++17", "-DTF_LITE_STATIC_MEMORY", "-fno-exceptions", "-fno-rtti", *WARNINGS]
INCLUDES = ["-I", str(STUBS)]

# TfLiteType and size of a number.
TYPES = {"float32": (1, 4), "int16": (7, 2), "int8": (9, 1)}
ARENA_NEEDED = 1024

# The network as the C99 firmware computes it, and what the stub is to say of the model.
PLAIN = """\
#include "plain.c"
void plain_network(const void *x, void *y);
void plain_network(const void *x, void *y)
{
    network_t all[OUTPUT_ROOM];
    network((const network_t *)x, all);
    memcpy(y, all, OUTPUTS * sizeof all[0]);
}
"""
KNOWN = """\
#include "fake_tflm.h"
extern "C" void plain_network(const void *x, void *y);
extern "C" {
FakeTflm fake_tflm = {%s, %s, {%s}, %d, %d, 3, plain_network, 0, 0, 0, 0, 0, 0};
}
"""

NETWORK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
Numbers = np.ctypeslib.ndpointer(np.float32, flags="C_CONTIGUOUS")


class FakeTensor(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int32),
        ("bytes", ctypes.c_int32),
        ("scale", ctypes.c_float),
        ("zero_point", ctypes.c_int32),
    ]


class FakeTflm(ctypes.Structure):
    _fields_ = [
        ("input", FakeTensor),
        ("output", FakeTensor),
        ("operators", ctypes.c_int32 * 8),
        ("operator_count", ctypes.c_int32),
        ("arena_needed", ctypes.c_int32),
        ("schema_version", ctypes.c_int32),
        ("network", NETWORK),
        ("refuse_operators", ctypes.c_int32),
        ("fail_invoke", ctypes.c_int32),
        ("resolver_room", ctypes.c_int32),
        ("made", ctypes.c_int32),
        ("destroyed", ctypes.c_int32),
        ("invoked", ctypes.c_int32),
    ]


def info_type(solvers):
    """The structure that a solve fills, as the header of these solvers declares it."""
    floats = ["residual", *(["rotation_residual"] if solvers.spec.task.has_orientation else [])]
    numbers = ["steps", *(["branch", "tried", "restarts"] if solvers.choice else [])]
    fields = [(name, ctypes.c_float) for name in (*floats, "seed_residual")]
    fields += [(name, ctypes.c_int32) for name in numbers]
    return type("Info", (ctypes.Structure,), {"_fields_": fields})


class Loaded:
    """One load of a built library: a firmware that has not been made ready."""

    def __init__(self, path, solvers):
        self.library = ctypes.CDLL(str(path))
        self.name, self.joints = solvers.name, len(solvers.spec.chain)
        self.info = info_type(solvers)
        self.fake = FakeTflm.in_dll(self.library, "fake_tflm")

    def call(self, function, *arguments, prefix=None, result=ctypes.c_int):
        function = self.library[f"{prefix or self.name}_{function}"]
        function.restype = result
        return function(*arguments)

    def init(self):
        return self.call("init")

    def solve(self, target, prefix=None, near=None, branch=None):
        """Status, joints, and what was measured."""
        q, info = np.full(self.joints, np.nan, np.float32), self.info()
        function, between = "solve", []
        if near is not None:
            function, between = "solve_near", _pointers(near)
        elif branch is not None:
            function, between = "solve_branch", [ctypes.c_int32(branch)]
        first, last = _pointers(target, q)
        status = self.call(function, first, *between, last, ctypes.byref(info), prefix=prefix)
        return status, q.tobytes(), *(getattr(info, name) for name, _ in info._fields_)

    def track(self, target, near, prefix=None):
        """Status, joints, the state before and after, and what was measured."""
        joints = ctypes.c_float * self.joints
        fields = [("q", joints), ("max_step", joints)]
        fields += [("started", ctypes.c_int32), ("network_runs", ctypes.c_uint32)]
        state = type("State", (ctypes.Structure,), {"_fields_": fields})()
        if near is not None:
            self.call("track_start", ctypes.byref(state), *_pointers(near), None, result=None)
        q, info, before = np.full(self.joints, np.nan, np.float32), self.info(), bytes(state)
        pointers = [ctypes.byref(state), *_pointers(target, q), ctypes.byref(info)]
        status = self.call("track", *pointers, prefix=prefix)
        measured = [getattr(info, name) for name, _ in info._fields_]
        return status, q.tobytes(), before, bytes(state), *measured

    def seed(self, target, prefix=None, branch=None):
        q = np.full(self.joints, np.nan, np.float32)
        function, between = "seed", []
        if branch is not None:
            function, between = "seed_branch", [ctypes.c_int32(branch)]
        first, last = _pointers(target, q)
        return self.call(function, first, *between, last, prefix=prefix), q.tobytes()

    def forward(self, q, prefix=None):
        pose = np.empty(12, np.float32)
        self.call("forward", *_pointers(q, pose), prefix=prefix, result=None)
        return pose.tobytes()

    def target(self, position, quaternion, prefix=None):
        target = np.empty(12, np.float32)
        pointers = _pointers(position, quaternion, target)
        self.call("target", *pointers, prefix=prefix, result=None)
        return target


def _pointers(*arrays):
    assert all(array.dtype == np.float32 for array in arrays)
    return [ctypes.c_void_p(array.ctypes.data) for array in arrays]


@dataclass
class Built:
    """A firmware folder and the library that was built of it."""

    firmware: Firmware
    folder: Path
    library: Path
    flatbuffer: bytes

    @property
    def spec(self):
        return self.firmware.spec

    def load(self, folder):
        """A load of its own, whatever else has loaded the library."""
        path = folder / f"load{len(list(folder.iterdir()))}.so"
        shutil.copyfile(self.library, path)
        return Loaded(path, self.firmware.solvers)


@pytest.fixture(scope="session")
def models(planar_model, source_root, tmp_path_factory):
    """A model file of each format, one whose joints turn freely, and the reference model."""
    _, record = read_model(planar_model)
    folder = tmp_path_factory.mktemp("models")
    paths = {"arm3": source_root / "artifacts" / "arm3" / "arm3-int8.tflite"}
    for name in FORMATS:
        paths[name] = folder / f"{name}.tflite"
        write_model(paths[name], (NETWORKS / f"{name}.tflite").read_bytes(), record)
    for joint in record["robot"]["joints"]:
        joint |= {"lower": -np.pi, "upper": np.pi, "kind": "continuous"}
    paths["continuous"] = folder / "continuous.tflite"
    write_model(paths["continuous"], (NETWORKS / "int8_per_channel.tflite").read_bytes(), record)
    return paths


@pytest.fixture(scope="session")
def write_sources():
    """Function that writes a firmware, and what the stub needs beside it."""

    def write(firmware, flatbuffer, folder):
        arena = arena_for(flatbuffer, firmware.spec.provenance)
        texts = TflmSource(firmware, flatbuffer, arena).texts()
        write_folder(folder / "firmware", texts, {})
        plain = dataclasses.replace(firmware, name="plain")
        (folder / "plain.h").write_text(plain.header())
        (folder / "plain.c").write_text(plain.source())
        (folder / "network.c").write_text(PLAIN)
        (folder / "known.cc").write_text(_known(firmware.program, flatbuffer))

    return write


@pytest.fixture(scope="session")
def firmware_of(models, robot_firmware):
    """Function that gives the firmware of a model or of a case by its name, and a network.

    The network of a case is another one of the same operators: the stub never reads it.
    """

    def make(key):
        if key in models:
            return Firmware.load(models[key]), read_model(models[key])[0]
        arm, task, branches = CASES[key]
        firmware = robot_firmware(
            load_arm(arm), np.random.default_rng(5), task=make_task(task), branches=branches
        )
        return firmware, (NETWORKS / "int8_per_channel.tflite").read_bytes()

    return make


@pytest.fixture(scope="session")
def build(firmware_of, write_sources, require_tool, tmp_path_factory):
    """Function that gives the built firmware of a model or of a case by its name."""
    built = {}

    def once(key):
        if key not in built:
            folder = tmp_path_factory.mktemp("built")
            firmware, flatbuffer = firmware_of(key)
            write_sources(firmware, flatbuffer, folder)
            library = _library(folder, firmware.name, require_tool)
            built[key] = Built(firmware, folder / "firmware", library, flatbuffer)
        return built[key]

    return once


def _known(program, flatbuffer):
    ends = []
    scales = (program.input_scale, program.output_scale)
    if program.dtype == np.float32:
        scales = ((0.0, 0), (0.0, 0))
    for width, (scale, zero) in zip((program.widths[0], program.widths[-1]), scales, strict=True):
        kind, size = TYPES[program.dtype.name]
        # A double that is exactly the model's float32.
        ends.append(f"{{{kind}, {width * size}, static_cast<float>({float(scale)!r}), {zero}}}")
    numbers = {name: number for number, name in OPERATORS.items()}
    used = sorted({numbers[operator.name] for operator in read_graph(flatbuffer).operators})
    return KNOWN % (*ends, ", ".join(map(str, used)), len(used), ARENA_NEEDED)


def _library(folder, name, require_tool):
    c, cxx = require_tool("gcc", "gcc"), require_tool("g++", "g++")
    firmware = folder / "firmware"
    objects = []
    for compiler, flags, sources in (
        (c, C_FLAGS, [firmware / f"{name}.c", folder / "network.c"]),
        (
            cxx,
            CXX_FLAGS,
            [
                firmware / f"{name}_network.cc",
                firmware / f"{name}_model.cc",
                folder / "known.cc",
                STUBS / "fake_tflm.cc",
            ],
        ),
    ):
        for source in sources:
            objects.append(folder / f"{source.stem}.o")
            command = [
                compiler,
                *flags,
                "-fPIC",
                *INCLUDES,
                "-I",
                folder,
                "-c",
                source,
                "-o",
                objects[-1],
            ]
            subprocess.run(command, check=True)
    library = folder / "firmware.so"
    subprocess.run([cxx, "-shared", *objects, "-o", library], check=True)
    return library
