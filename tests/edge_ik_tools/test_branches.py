"""Models of several heads, from Keras to every kind of firmware: one run, the same answers."""

import dataclasses
import subprocess

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from edge_ik.arms import load_arm
from edge_ik.config import NetworkConfig
from edge_ik.model.network import build_network, spread_heads
from edge_ik_tools.c99.folder import write_c99, write_sources
from edge_ik_tools.c99.source import Firmware
from edge_ik_tools.convert import FORMATS, convert
from edge_ik_tools.emulate.bench import emulated_bench
from edge_ik_tools.emulate.cores import find_core
from edge_ik_tools.emulate.counts import COUNTED_CORE, firmware_counts
from edge_ik_tools.emulate.tables import emulation_tables
from edge_ik_tools.random_inputs import random_inputs
from firmware_host.bench.targets import bench_targets
from firmware_host.model_file import read_model, write_model
from firmware_host.network.runtimes import available_runtimes, open_interpreter
from firmware_host.normalization import Normalization
from firmware_host.problem import IkProblem
from firmware_host.solver import IkSolver
from firmware_host.solving.seeding import normalized_features
from firmware_host.solving.solution import Status
from firmware_host.spec import Branch, ModelSpec
from firmware_host.tasks import make_task
from firmware_host.workspace import Workspace

pytestmark = pytest.mark.tensorflow

TARGETS = 400
# So many lead from anywhere to most of the targets, and so few leave some to every head.
STEPS, FEW_STEPS = 12, 5
# A robot, its task, and width and heads of its network: short rows, and long ones.
CASES = {"leg3": ("leg3", "position", 16, 4), "ur5": ("ur5", "pose", 80, 5)}


def make_models(arm, task, width, heads, folder):
    """Model files of each format by its name, of a network whose heads are apart."""
    chain = load_arm(arm)
    problem = IkProblem(chain, make_task(task))
    q = np.random.default_rng(0).uniform(chain.lower, chain.upper, (3000, len(chain)))
    targets = problem.reached_by(q)
    features = problem.features(targets)
    spec = ModelSpec(
        problem=problem,
        normalization=Normalization.fit(features.astype(np.float32)),
        home=tuple(chain.middle.tolist()),
        workspace=Workspace.fit(chain, targets[:, :3]),
        branches=tuple(Branch(f"side {head}", 1 / heads, 0.375) for head in range(heads)),
    )
    config = dataclasses.replace(NetworkConfig(), width=width, blocks=1, heads=heads)
    network = build_network(spec.inputs, 2 * len(chain), config, rng_seed=1)
    spread_heads(network, np.concatenate([np.sin(q), np.cos(q)], axis=1)[:500], heads)
    calibration = normalized_features(spec.normalization, problem.encode(targets[:300].T))
    paths = {}
    for name in ("int8", "int16x8", "float32"):
        paths[name] = folder / f"{arm}-{name}.tflite"
        flatbuffer = convert(network, FORMATS[name], calibration)
        write_model(paths[name], flatbuffer, spec.to_dict())
    return paths


@pytest.fixture(scope="module", params=CASES)
def models(request, tmp_path_factory):
    return make_models(*CASES[request.param], tmp_path_factory.mktemp("models"))


@pytest.mark.parametrize("name", ["int8", "int16x8"])
def test_all_heads_outputs_are_the_same_bits_everywhere(models, name, require_tool):
    require_tool("cc", "gcc libc6-dev")
    flatbuffer, _ = read_model(models[name])
    reference = open_interpreter(flatbuffer, "reference")
    inputs = random_inputs(reference, 500, np.random.default_rng(4))
    expected = reference.run_raw(inputs)
    network = IkSolver.load(models[name], "firmware").seeder.predict.__self__
    np.testing.assert_array_equal(network.run_raw(inputs), expected)
    if "tflite-micro" in available_runtimes():
        micro = open_interpreter(flatbuffer, "tflite-micro")
        np.testing.assert_array_equal(micro.run_raw(inputs), expected)


@pytest.mark.parametrize("name", ["int8", "int16x8", "float32"])
@pytest.mark.parametrize("branch", ["any", "nearest", 0, 2])
def test_c_answers_as_the_host_does(models, name, branch, require_tool):
    require_tool("cc", "gcc libc6-dev")
    firmware, host = (
        IkSolver.load(models[name], kind, STEPS) for kind in ("firmware", "reference")
    )
    targets = bench_targets(host, TARGETS, 3)
    near = None
    if branch == "nearest":
        near = np.random.default_rng(5).uniform(
            host.chain.lower, host.chain.upper, (TARGETS, len(host.chain))
        )
    given = host.task.given(targets)
    found, expected = (s.solve_batch(given, near, branch) for s in (firmware, host))
    # An input that rounds to the other side gives another seed, and from far steps go astray.
    for part in ("status", "tried", "restarts"):
        assert np.mean(getattr(found, part) == getattr(expected, part)) > 0.95, part
    solved = (expected.status == Status.SOLVED) & (found.status == Status.SOLVED)
    assert solved.mean() > 0.05
    same = (found.branch == expected.branch) & solved
    assert same.sum() > 0.95 * solved.sum()
    difference = np.abs(found.q - expected.q).max(axis=1)[same]
    assert np.median(difference) < 1e-5
    assert np.mean(difference < 1e-2) > 0.95
    assert found.within_limits.all()
    np.testing.assert_array_equal(found.near_within_limits, expected.near_within_limits)


@pytest.mark.slow
@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m55", "rv32imc"])
def test_emulated_cores_answer_as_the_host_does(models, core, tmp_path, tools_for):
    tools_for(find_core(core))
    firmware = Firmware.load(models["int8"], steps=FEW_STEPS)
    write_sources(firmware, tmp_path)
    found = emulated_bench(tmp_path, firmware.name, models["int8"], core, 60)
    assert found.network_differences == 0
    assert found.status_differences <= 2
    assert found.limit_violations == 0
    assert 1 < found.tried_mean < found.tried_max == firmware.spec.heads
    # The network runs once, and each try is decoded and refined.
    assert found.network.max < 1.01 * found.network.min
    assert found.refine.max > 0.9 * found.tried_max * found.refine.min
    assert 0.2 < found.solved < 1
    parts = (found.encode, found.network, found.decode, found.refine)
    assert 0.8 < found.total.mean / sum(part.mean for part in parts) < 1.3
    assert "seeds" in emulation_tables(found.to_dict())[0].rows[3][0]


@pytest.mark.slow
def test_the_header_says_what_was_counted_and_the_bound(models, tools_for):
    tools_for(find_core(COUNTED_CORE))
    firmware = Firmware.load(models["int8"], steps=STEPS)
    heads, prefix = firmware.spec.heads, firmware.name.upper()
    header = firmware.header(firmware_counts(firmware, must=True))
    words = " ".join(header.split())
    assert "instructions a solve, " in words
    assert "at the median (network " in words
    assert f"refinement of {heads} seeds" in words
    assert f"#define {prefix}_TRIES {heads}\n" in header
    assert "The network runs once." in words
    assert f"{heads - 1} side {heads - 1} {1 / heads:.1%} of joint space, leads to 37.5%" in words


@pytest.mark.slow
@pytest.mark.parametrize("name", ["int8", "float32"])
def test_the_self_test_passes(name, tmp_path, require_tool):
    compiler = require_tool("cc", "gcc libc6-dev")
    models = make_models(*CASES["leg3"], tmp_path)
    write_c99(Firmware.load(models[name], steps=STEPS), tmp_path / "out")
    command = [compiler, "-std=c99", "-O2", "-DLEG3_SELFTEST", "-Isrc", "extras/selftest.c"]
    command += ["-o", "selftest"]
    subprocess.run(command, cwd=tmp_path / "out", check=True)
    ran = subprocess.run(
        ["./selftest"], cwd=tmp_path / "out", capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout
