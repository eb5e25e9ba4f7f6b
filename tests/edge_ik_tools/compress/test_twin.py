"""The tf_keras twin: equal to the network, rounded as int8 will round, converted without loss."""

import importlib.util
import json
import subprocess
import sys

import pytest

from firmware_host.installed import install_command

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("tensorflow_model_optimization") is None,
        reason=f"needs tensorflow-model-optimization: {install_command('compress')}",
    ),
]

# Runs in a process of its own, as the twin always does.
MEASURE = """
import json
import numpy as np
from edge_ik.config import NetworkConfig
from edge_ik.model.network import build_network
from edge_ik.model.weight_grid import on_grid
from edge_ik_tools.compress import twin as twins
from edge_ik_tools.compress.weights import dense_weights
from firmware_host.network.flatbuffer import read_graph
from firmware_host.network.reference import ReferenceInterpreter
from firmware_host.installed import install_command

VARIANTS = {
    "default": {},
    "dropout": {"dropout": 0.3},
    "no gate": {"gate": False},
    "no residual": {"residual": False},
    "neither": {"gate": False, "residual": False},
    "no blocks": {"blocks": 0},
}
CONVERTED = ["default", "neither"]
rng = np.random.default_rng(0)
features = rng.uniform(-2, 2, (512, 6)).astype(np.float32)
report = {}
for name, values in VARIANTS.items():
    config = NetworkConfig(**{"width": 8, "blocks": 1, "heads": 1, **values})
    network = build_network(6, 6, config, rng_seed=1)
    for variable in network.trainable_variables:
        variable.assign(variable + rng.normal(0, 0.2, variable.shape))
    # A unit without weights, as pruning may leave one.
    projection = network.get_layer("projection")
    projection.kernel.assign(projection.kernel * np.arange(8).astype(bool))
    twin = twins.build_twin(network)
    copied, original = twins.twin_weights(twin), dense_weights(network)
    twin_outputs = twin(features).numpy()
    exact = network(features).numpy()
    report[name] = {
        "same_names": set(copied) == set(original),
        "weight_difference": max(
            float(np.abs(a - b).max())
            for layer in original
            for a, b in zip(copied[layer], original[layer])
        ),
        "twin_difference": float(np.abs(twin_outputs - exact).max()),
    }
    if name not in CONVERTED:
        continue
    quantized = twins.quantized_twin(twin, features)
    rounded = quantized(features, training=False).numpy()
    in_training = quantized(features, training=True).numpy()
    flatbuffer = twins.convert(quantized, twin)
    graph = read_graph(flatbuffer)
    (source,), (result,) = (
        [graph.tensors[index] for index in indices] for indices in (graph.inputs, graph.outputs)
    )
    level = float(result.quantization.scale[0])
    steps = np.round(features / source.quantization.scale[0]) + source.quantization.zero_point[0]
    integers = ReferenceInterpreter(flatbuffer).run(np.clip(steps, -128, 127).astype(np.int8))
    converted = (integers.astype(np.float32) - result.quantization.zero_point[0]) * level
    report[name] |= {
        "rounding": float(np.abs(rounded - exact).max()),
        "training_levels": float(np.abs(in_training - rounded).max()) / level,
        "converted_levels": float(np.abs(converted - rounded).max()) / level,
        "converted_mean_levels": float(np.abs(converted - rounded).mean()) / level,
        "operators": sorted({operator.name for operator in graph.operators}),
        "io": [source.dtype.name, result.dtype.name, list(source.shape), list(result.shape)],
        "kernel_scales": [
            [len(tensor.quantization.scale), tensor.shape[0], int(tensor.data.min())]
            for tensor in graph.tensors
            if tensor.data is not None and tensor.dtype == np.int8
        ],
        "converted_kernels": max(
            float(np.abs(np.sort(a, axis=None) - np.sort(b, axis=None)).max())
            for a, b in zip(
                sorted(
                    (np.asarray(on_grid(kernel)) for kernel, _ in original.values()),
                    key=lambda kernel: (kernel.size, np.abs(kernel).sum()),
                ),
                sorted(
                    (
                        tensor.data * tensor.quantization.scale[:, None]
                        for tensor in graph.tensors
                        if tensor.data is not None and tensor.dtype == np.int8
                    ),
                    key=lambda kernel: (kernel.size, np.abs(kernel).sum()),
                ),
            )
        ),
    }
print("REPORT", json.dumps(report))
"""
NAMES = ["default", "dropout", "no gate", "no residual", "neither", "no blocks"]
CONVERTED = ["default", "neither"]


@pytest.fixture(scope="module")
def report():
    result = subprocess.run(
        [sys.executable, "-P", "-c", MEASURE], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr[-3000:]
    line = next(line for line in result.stdout.splitlines() if line.startswith("REPORT "))
    return json.loads(line.removeprefix("REPORT "))


@pytest.mark.parametrize("name", NAMES)
def test_twin_equals_the_network_exactly(report, name):
    assert report[name]["same_names"]
    assert report[name]["weight_difference"] == 0.0
    assert report[name]["twin_difference"] == 0.0


@pytest.mark.parametrize("name", CONVERTED)
def test_rounding_is_simulated_and_small(report, name):
    assert 0.0 < report[name]["rounding"] < 0.5


@pytest.mark.parametrize("name", CONVERTED)
def test_training_rounds_as_inference_does(report, name):
    # A value that lies between two levels may fall to either in single precision.
    assert report[name]["training_levels"] <= 2.01


@pytest.mark.parametrize("name", CONVERTED)
def test_converted_network_gives_what_the_twin_gave(report, name):
    assert report[name]["converted_levels"] <= 3.01
    assert report[name]["converted_mean_levels"] < 0.5


@pytest.mark.parametrize("name", CONVERTED)
def test_conversion_leaves_int8_and_few_operators(report, name):
    operators = {"FULLY_CONNECTED", "LOGISTIC", "MUL"}
    if name == "default":
        operators.add("ADD")
    assert set(report[name]["operators"]) == operators
    assert report[name]["io"] == ["int8", "int8", [1, 6], [1, 6]]


@pytest.mark.parametrize("name", CONVERTED)
def test_kernels_have_a_scale_for_each_unit_and_keep_their_rounded_values(report, name):
    assert report[name]["kernel_scales"]
    for scales, units, least in report[name]["kernel_scales"]:
        assert scales == units
        assert least >= -127
    assert report[name]["converted_kernels"] < 1e-6
