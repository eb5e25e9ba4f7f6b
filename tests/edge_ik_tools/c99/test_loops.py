"""int16 networks in C bit for bit, float32 ones within rounding."""


import numpy as np
import pytest

from edge_ik_tools.c99.loops import loop_network
from edge_ik_tools.c99.source import Firmware
from firmware_host.errors import ModelFileError
from firmware_host.model_file import read_model, write_model
from firmware_host.network.reference import ReferenceInterpreter
from firmware_host.network.steps import FullyConnected, Logistic16

# Sums of a few dozen numbers of order 1 in float32, in two orders, and through four blocks.
FAR_APART = """
static int far_apart(float a, float b)
{
    const float e = a - b, room = 2e-5f * (1.0f + (b < 0.0f ? -b : b));
    return !(e <= room && e >= -room);
}
"""


@pytest.mark.parametrize("seed", range(2))
def test_random_int16_networks_are_exact(seed, random_network, self_checking, run_program):
    rng = np.random.default_rng(seed)
    made = [random_network(rng, np.int16) for _ in range(30)]
    assert run_program(self_checking(made, rng, rows=60)) == 0
    dense = [step for network in made for step in network.steps if isinstance(step, FullyConnected)]
    assert {step.wide for step in dense} >= {True}
    assert any((step.multiplier == 0).any() for step in dense)
    assert any(isinstance(step, Logistic16) for network in made for step in network.steps)


def test_narrow_sums_of_int16_are_exact(graph_builder, self_checking, run_program):
    rng = np.random.default_rng(3)
    made = []
    for width in (1, 3, 5, 8):
        builder = graph_builder(rng, np.int16, 4, odd_scales=True)
        made.append(builder.interpreter(builder.dense(builder.input, width, wide=False)))
    assert not any(step.wide for network in made for step in network.steps)
    assert run_program(self_checking(made, rng, rows=60)) == 0


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_no_undefined_behaviour(compiler, random_network, self_checking, run_program, sanitizers):
    rng = np.random.default_rng(9)
    made = [random_network(rng, np.int16) for _ in range(8)]
    text = self_checking(made, rng, rows=20)
    assert run_program(text, compiler, ("-O0", *sanitizers)) == 0


@pytest.mark.parametrize("kinds", [["relu"], ["silu", "gated", "glu"]])
def test_random_float_networks_are_close(kinds, random_network, run_program, self_checking):
    rng = np.random.default_rng(5)
    made = [random_network(rng, np.float32, kinds=kinds) for _ in range(20)]
    text = self_checking(made, rng, rows=40)
    assert text.count("((a) != (b))") == 1
    text = text.replace("((a) != (b))", "far_apart(a, b)")
    kernels = "/* ---- Float arithmetic"
    assert text.count(kernels) == 1
    assert run_program(text.replace(kernels, FAR_APART + kernels)) == 0


def test_lookup_tables_are_for_int8_alone(random_network, program_of):
    program = program_of(random_network(np.random.default_rng(0), np.int8, kinds=["silu"]))
    object.__setattr__(program, "dtype", np.dtype(np.int16))
    with pytest.raises(ModelFileError, match="int8 networks alone"):
        loop_network(program)


@pytest.mark.parametrize("kind", ["int8_per_channel", "int8_per_tensor", "int16x8"])
def test_converted_models_are_exact(kind, source_root, self_checking, run_program):
    flatbuffer = (source_root / f"tests/firmware_host/models/{kind}.tflite").read_bytes()
    network = ReferenceInterpreter(flatbuffer)
    assert run_program(self_checking([network], np.random.default_rng(1), rows=2000)) == 0


def test_the_converted_float_model_is_close(source_root, stages_of, planar_model, tmp_path):
    flatbuffer = (source_root / "tests/firmware_host/models/float32.tflite").read_bytes()
    write_model(tmp_path / "float.tflite", flatbuffer, read_model(planar_model)[1])
    stages = stages_of(Firmware.load(tmp_path / "float.tflite", "planar"))
    x = np.random.default_rng(2).normal(0, 2, (2000, 6)).astype(np.float32)
    expected = ReferenceInterpreter(flatbuffer).run(x)
    np.testing.assert_allclose(stages.network(x), expected, rtol=0, atol=5e-6)
    assert len(np.unique(expected)) > 100
