"""Conversion: each format holds what it says, and computes what the network computes."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import tensorflow as tf

from edge_ik.config import make_config
from edge_ik.data.dataset import batch_function
from edge_ik.model.layers import GatedResidualBlock
from edge_ik.predictor import predictor
from edge_ik.preparation import resume
from edge_ik_tools import convert as module
from edge_ik_tools.compress.weights import dense_weights
from edge_ik_tools.convert import (
    ALLOWED_OPERATORS,
    CALIBRATION_SAMPLES,
    CALIBRATION_SEED_OFFSET,
    FORMATS,
    calibration_features,
    checked_format,
    convert,
)
from firmware_host.errors import ConfigError
from firmware_host.installed import install_command
from firmware_host.network.flatbuffer import read_graph
from firmware_host.network.runtimes import available_runtimes, open_interpreter

pytestmark = pytest.mark.tensorflow

TYPES = {"float32": "float32", "dynamic": "float32", "int8": "int8", "int16x8": "int16"}


@pytest.fixture(scope="module")
def trained(tiny_folder):
    """The tiny run with its network and the features to calibrate on."""
    run, source = resume(tiny_folder)
    calibration = calibration_features(source, run.config.training.rng_seed)
    return run, source, run.load_network(), calibration


@pytest.fixture(scope="module")
def flatbuffers(trained):
    """The network in every format."""
    _, _, network, calibration = trained
    return {name: convert(network, target, calibration) for name, target in FORMATS.items()}


def constants(graph, dtype):
    """The matrices of weights that operators use."""
    return [
        tensor
        for tensor in graph.tensors
        if tensor.data is not None and tensor.dtype == dtype and len(tensor.shape) == 2
    ]


class TestFormats:
    @pytest.mark.parametrize("name", FORMATS)
    def test_only_allowed_operators_are_left(self, flatbuffers, name):
        operators = {operator.name for operator in read_graph(flatbuffers[name]).operators}
        assert operators == ALLOWED_OPERATORS

    @pytest.mark.parametrize("name", FORMATS)
    def test_input_and_output_are_of_the_format_s_type(self, flatbuffers, name):
        graph = read_graph(flatbuffers[name])
        (source,), (result,) = (
            [graph.tensors[index] for index in indices] for indices in (graph.inputs, graph.outputs)
        )
        assert FORMATS[name].activations == TYPES[name]
        assert source.dtype.name == result.dtype.name == TYPES[name]
        assert (source.shape, result.shape) == ((1, 6), (1, 6))

    @pytest.mark.parametrize("name", ["int8", "int16x8"])
    def test_every_result_in_between_is_an_integer_too(self, flatbuffers, name):
        graph = read_graph(flatbuffers[name])
        results = {index for operator in graph.operators for index in operator.outputs}
        assert {graph.tensors[index].dtype.name for index in results} == {TYPES[name]}

    @pytest.mark.parametrize("name", ["int8", "int16x8"])
    def test_weights_take_eight_bits_and_each_unit_its_scale(self, flatbuffers, name):
        kernels = constants(read_graph(flatbuffers[name]), np.int8)
        assert len(kernels) == 4
        for kernel in kernels:
            assert len(kernel.quantization.scale) == kernel.shape[0]
            assert np.abs(kernel.data.astype(int)).max() == 127

    @pytest.mark.parametrize("name", ["int8", "int16x8"])
    def test_kernels_trained_on_their_grid_lose_nothing(self, trained, flatbuffers, name):
        kernels = constants(read_graph(flatbuffers[name]), np.int8)
        stored = sorted(
            (kernel.data * kernel.quantization.scale[:, None] for kernel in kernels),
            key=lambda values: (values.size, np.abs(values).sum()),
        )
        exact = sorted(
            (kernel.T for kernel, _ in dense_weights(trained[2]).values()),
            key=lambda values: (values.size, np.abs(values).sum()),
        )
        for left, right in zip(stored, exact, strict=True):
            # Half a level would be 4e-3 of the largest weight.
            np.testing.assert_allclose(left, right, atol=1e-5 * np.abs(right).max())

    @pytest.mark.parametrize("name", FORMATS)
    def test_outputs_are_near_the_network_s(self, trained, flatbuffers, name):
        _, _, network, calibration = trained
        runtime = next(item for item in FORMATS[name].runtimes if item in available_runtimes())
        outputs = open_interpreter(flatbuffers[name], runtime).run(calibration)
        difference = np.abs(outputs - predictor(network)(calibration))
        assert difference.max() <= FORMATS[name].max_difference
        assert difference.mean() <= FORMATS[name].mean_difference

    def test_sixteen_bits_are_nearer_than_eight(self, trained, flatbuffers):
        _, _, network, calibration = trained
        expected = predictor(network)(calibration)
        errors = {
            name: np.abs(
                open_interpreter(flatbuffers[name], "reference").run(calibration) - expected
            )
            for name in ("float32", "int16x8", "int8")
        }
        assert errors["float32"].max() < 1e-5
        assert errors["float32"].mean() < errors["int16x8"].mean() < errors["int8"].mean() / 10

    @pytest.mark.parametrize("name", FORMATS)
    def test_the_same_network_gives_the_same_bytes(self, trained, flatbuffers, name):
        _, _, network, calibration = trained
        assert convert(network, FORMATS[name], calibration) == flatbuffers[name]

    def test_an_unknown_format_is_told_with_the_known_ones(self):
        with pytest.raises(ConfigError, match=r"'int4'.*float32, dynamic, int8, int16x8"):
            checked_format("int4")
        assert checked_format("int8") is FORMATS["int8"]


class TestCalibration:
    def test_it_is_a_function_of_the_seed(self, trained):
        run, source, _, calibration = trained
        again = calibration_features(source, run.config.training.rng_seed)
        assert calibration.shape == (CALIBRATION_SAMPLES, 6)
        np.testing.assert_array_equal(again, calibration)
        other = calibration_features(source, run.config.training.rng_seed + 1)
        assert not np.array_equal(other, calibration)

    def test_its_seed_is_none_that_a_training_may_have(self):
        make_config("nano", overrides={"training.rng_seed": CALIBRATION_SEED_OFFSET - 1})
        with pytest.raises(ConfigError, match=r"training\.rng_seed"):
            make_config("nano", overrides={"training.rng_seed": CALIBRATION_SEED_OFFSET})

    def test_the_training_has_not_seen_it(self, trained):
        run, source, _, calibration = trained
        config = run.config.training
        draw = batch_function(source, config.batch_size, config.rng_seed, config.steps)
        seen = np.concatenate(
            [draw(tf.constant(step, tf.int64))[0].numpy() for step in range(config.steps)]
        )
        assert len(seen) == config.steps * config.batch_size
        rows, own = ({row.tobytes() for row in part} for part in (seen, calibration))
        # Vectors of the small pool itself, whose move was taken back, may come again.
        assert len(rows & own) < 0.02 * len(own)
        assert len(own) > 0.98 * len(calibration)

    def test_it_covers_what_the_end_of_training_covers(self, trained):
        run, source, _, calibration = trained
        last = run.config.training.steps
        draw = batch_function(source, CALIBRATION_SAMPLES, 0, last)
        features = draw(tf.constant(last, tf.int64))[0].numpy()
        for low, high in ((0, 5), (95, 100)):
            np.testing.assert_allclose(
                np.percentile(calibration, [low, high], axis=0),
                np.percentile(features, [low, high], axis=0),
                atol=0.25,
            )


def per_tensor(monkeypatch):
    """Make conversions give each kernel one scale."""
    original = module.run_converter

    def run_converter(converter, target, calibration):
        converter._experimental_disable_per_channel = True
        return original(converter, target, calibration)

    monkeypatch.setattr(module, "run_converter", run_converter)


@pytest.mark.parametrize("name", ["int8", "int16x8"])
@pytest.mark.parametrize("kind", ["per channel", "per tensor"])
def test_tflite_micro_and_the_reference_never_differ(trained, flatbuffers, monkeypatch, kind, name):
    if "tflite-micro" not in available_runtimes():
        pytest.skip(f"needs tflite-micro: {install_command('tflm')}")
    flatbuffer = flatbuffers[name]
    if kind == "per tensor":
        per_tensor(monkeypatch)
        flatbuffer = convert(trained[2], FORMATS[name], trained[3])
    kernels = constants(read_graph(flatbuffer), np.int8)
    scales = [len(kernel.quantization.scale) for kernel in kernels]
    assert scales == [1 if kind == "per tensor" else kernel.shape[0] for kernel in kernels]
    limits = np.iinfo(TYPES[name])
    rng = np.random.default_rng(1)
    inputs = rng.integers(limits.min, limits.max, (20_000, 6), limits.dtype, endpoint=True)
    expected = open_interpreter(flatbuffer, "reference").run_raw(inputs)
    found = open_interpreter(flatbuffer, "tflite-micro").run_raw(inputs)
    np.testing.assert_array_equal(found, expected)
    assert len(np.unique(expected)) > 100


def test_dropout_is_left_out(trained, flatbuffers):
    network = trained[2]
    assert any(
        layer.dropout > 0 for layer in network.layers if isinstance(layer, GatedResidualBlock)
    )
    names = [operator.name for operator in read_graph(flatbuffers["float32"]).operators]
    assert sorted(names) == sorted(
        ["FULLY_CONNECTED"] * 4 + ["LOGISTIC"] * 2 + ["MUL"] * 2 + ["ADD"]
    )
