"""Models to report on: the one that is shipped, one of random weights, and one of several heads."""

from pathlib import Path

import numpy as np
import pytest

from edge_ik_tools.emulate.results import Baseline, EmulatedBenchmark, PathCost, Spread, Timing
from edge_ik_tools.report.measuring.record import Asked, measure
from edge_ik_tools.report.measuring.subject import Origin, Subject, open_model
from firmware_host.model_file import read_model, write_model
from firmware_host.solver import IkSolver
from firmware_host.tasks import POSE

FEW = Asked(targets=1500, points=300, cuts=5)
HOSTILE = "机</script><img src=x onerror=alert(1)>$a_b$<b>&amp;"


def silent(_):
    """Nobody is told."""


@pytest.fixture(scope="session")
def shipped_path(source_root):
    return source_root / "artifacts" / "arm3" / "arm3-int8.tflite"


@pytest.fixture(scope="session")
def shipped(shipped_path):
    """The shipped model, opened."""
    return open_model(shipped_path, shipped_path.name)


@pytest.fixture(scope="session")
def shipped_record(shipped):
    return measure(shipped, FEW, silent)


@pytest.fixture(scope="session")
def heads(other_arms, integer_model):
    """A pose with three branches on an arm of six joints, of which one slides."""
    chain = other_arms["stanford"]
    spec, _, network = integer_model(chain, np.random.default_rng(3), POSE, branches=3)
    origin = Origin("1.2.3", "0" * 16, 7, False, None, "int8", 100, "0" * 64, 1000)
    solver = IkSolver(spec, network.run, runtime="reference")
    return Subject(
        Path("heads.tflite"), "heads.tflite", solver, origin, "It has none.", "It is alone."
    )


@pytest.fixture(scope="session")
def heads_record(heads):
    return measure(heads, FEW, silent)


@pytest.fixture(scope="session")
def hostile_path(planar_model, tmp_path_factory):
    """The two-joint model, whose robot and parts bear names that act where they are not escaped."""
    flatbuffer, record = read_model(planar_model)
    robot = record["robot"]
    robot = {
        **robot,
        "name": HOSTILE,
        "base": f"base {HOSTILE}",
        "joints": [{**joint, "name": f"{joint['name']}{HOSTILE}"} for joint in robot["joints"]],
    }
    branches = [{**branch, "name": HOSTILE} for branch in record["branches"]]
    provenance = {**record["provenance"], "version": HOSTILE, "config_hash": HOSTILE}
    path = tmp_path_factory.mktemp("hostile") / "it's <i>.tflite"
    changed = {"robot": robot, "branches": branches, "provenance": provenance}
    write_model(path, flatbuffer, {**record, **changed})
    return path


@pytest.fixture
def emulated():
    """What `bench --target cortex-m4 --json` prints."""
    spreads = [Spread.of(np.array([n, 3 * n])) for n in (170, 3500, 250, 1100, 5000)]
    return EmulatedBenchmark(
        **dict(zip(("encode", "network", "decode", "refine", "total"), spreads, strict=True)),
        target="cortex-m4",
        part=None,
        machine={},
        unit="instructions",
        flash_bytes=7272,
        ram_bytes=0,
        stack_bytes=224,
        room=None,
        timing=Timing(168e6, 1.4, 7000.0, 21000.0, 42.0, 126.0, "an estimate"),
        targets=4,
        steps=3,
        tried_mean=1.0,
        tried_max=1,
        solved=1.0,
        limit_violations=0,
        max_error_m=2e-4,
        max_joint_difference_rad=1e-6,
        other_answers=0,
        status_differences=0,
        network_inputs=4,
        network_differences=0,
        cold=Baseline(spreads[4], 0.93, 8.5, 50),
        closed_form=None,
        path=PathCost(1000, spreads[0], 1.0, 3, spreads[4], 0.998, 0, 264),
    ).to_dict()
