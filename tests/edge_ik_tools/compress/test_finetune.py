"""Pruning and quantization-aware training of a run: what comes out, and how it fails."""

import dataclasses
import importlib.util
import tempfile
from pathlib import Path

import numpy as np
import pytest

from firmware_host.errors import ConfigError, MissingExtraError, RunError
from firmware_host.installed import install_command

pytestmark = pytest.mark.tensorflow

needs_extra = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow_model_optimization") is None,
    reason=f"needs tensorflow-model-optimization: {install_command('compress')}",
)
STEPS = 60
SPARSITY = 0.5


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with the network that training would begin from."""
    from edge_ik import preparation
    from edge_ik.config import make_config
    from edge_ik.model.network import build_network

    config = make_config("nano", overrides={"data.pool": 2000, "training.batch_size": 64})
    run, _ = preparation.start(config, tmp_path_factory.mktemp("runs") / "untrained")
    network = build_network(6, 2 * len(run.chain), run.config.network, config.training.rng_seed)
    run.save_network(network)
    return run


@pytest.fixture(scope="module")
def both(run):
    """The run pruned, then trained with rounding; with what was told."""
    from edge_ik_tools.compress.finetune import compress

    told = []
    return compress(run, qat=True, sparsity=SPARSITY, steps=STEPS, tell=told.append), told


@pytest.fixture(scope="module")
def pruned(run):
    from edge_ik_tools.compress.finetune import compress

    return compress(run, sparsity=SPARSITY, steps=STEPS)


def kernels_of(network):
    from edge_ik_tools.compress.weights import dense_weights

    return {name: kernel for name, (kernel, _) in dense_weights(network).items()}


def quantized_kernels(flatbuffer):
    from firmware_host.network.flatbuffer import read_graph

    return [
        tensor.data
        for tensor in read_graph(flatbuffer).tensors
        if tensor.data is not None and tensor.dtype == np.int8
    ]


@needs_extra
@pytest.mark.slow
def test_pruning_makes_the_share_of_every_kernel_zero(pruned):
    assert pruned.flatbuffer is None
    for name, kernel in kernels_of(pruned.network).items():
        assert np.mean(kernel == 0) == pytest.approx(SPARSITY, abs=1 / kernel.size), name


@needs_extra
@pytest.mark.slow
def test_pruning_trains_the_weights_that_are_left(run, pruned):
    before = kernels_of(run.load_network())
    for name, kernel in kernels_of(pruned.network).items():
        kept = kernel != 0
        assert np.abs(kernel - before[name])[kept].max() > 1e-3, name


@needs_extra
@pytest.mark.slow
def test_qat_gives_int8_from_end_to_end_in_few_operators(both):
    from firmware_host.network.flatbuffer import read_graph

    compressed, _ = both
    graph = read_graph(compressed.flatbuffer)
    assert {operator.name for operator in graph.operators} == {
        "FULLY_CONNECTED",
        "LOGISTIC",
        "MUL",
        "ADD",
    }
    for index in (*graph.inputs, *graph.outputs):
        assert graph.tensors[index].dtype == np.int8


@needs_extra
@pytest.mark.slow
def test_qat_keeps_the_zeros_of_pruning(both):
    compressed, _ = both
    for kernel in kernels_of(compressed.network).values():
        assert np.mean(kernel == 0) >= SPARSITY - 1 / kernel.size
    for kernel in quantized_kernels(compressed.flatbuffer):
        assert np.mean(kernel == 0) >= SPARSITY - 1 / kernel.size


@needs_extra
@pytest.mark.slow
def test_qat_network_is_what_the_flatbuffer_was_rounded_from(run, both):
    from firmware_host.network.runtimes import open_interpreter

    compressed, _ = both
    rng = np.random.default_rng(3)
    q = rng.uniform(run.chain.lower, run.chain.upper, (200, len(run.chain)))
    features = run.problem.features(run.problem.reached_by(q))
    features = np.stack(run.normalization.apply(list(features.T)), axis=-1).astype(np.float32)
    features = np.clip(features, -1.5, 1.5)
    difference = np.abs(
        open_interpreter(compressed.flatbuffer, "reference").run(features)
        - compressed.network(features).numpy()
    )
    assert difference.mean() < 0.02


@needs_extra
@pytest.mark.slow
def test_progress_is_told_by_stage(both):
    _, told = both
    assert {(done.total, done.unit) for done in told} == {(STEPS, "steps")}
    assert (told[0].count, told[-1].count) == (50, STEPS)
    lines = [done.line for done in told]
    assert lines[0].startswith(f"prune: step 50/{STEPS}, RMSE ")
    assert any(line.startswith(f"qat: step {STEPS}/{STEPS}, RMSE ") for line in lines)
    first, last = (float(lines[index].split()[-2]) for index in (0, -1))
    assert last < first


@needs_extra
@pytest.mark.slow
def test_the_same_request_gives_the_same_bytes(run, both):
    from edge_ik_tools.compress.finetune import compress

    again = compress(run, qat=True, sparsity=SPARSITY, steps=STEPS)
    assert again.flatbuffer == both[0].flatbuffer


@needs_extra
@pytest.mark.slow
def test_interruption_ends_the_worker_and_leaves_nothing(run, monkeypatch, tmp_path):
    from edge_ik_tools.compress import finetune as module

    workers = []

    class Recorded(module.subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            workers.append(self)

    def interrupt(line):
        raise KeyboardInterrupt

    monkeypatch.setattr(module.subprocess, "Popen", Recorded)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = sorted(path.name for path in run.folder.iterdir())
    with pytest.raises(KeyboardInterrupt):
        module.compress(run, qat=True, steps=100_000, tell=interrupt)
    assert [worker.poll() is not None for worker in workers] == [True]
    assert list(tmp_path.glob(".edge-ik.*")) == []
    assert sorted(path.name for path in run.folder.iterdir()) == before


@needs_extra
@pytest.mark.slow
def test_divergence_is_an_error_that_says_so(run):
    from edge_ik_tools.compress.finetune import CompressionError, compress

    training = dataclasses.replace(run.config.training, learning_rate=1e30)
    wild = dataclasses.replace(run, config=dataclasses.replace(run.config, training=training))
    with pytest.raises(CompressionError, match=r"diverged.*smaller learning rate"):
        compress(wild, qat=True, steps=100)


@needs_extra
def test_a_worker_that_dies_is_an_error_with_its_last_words(run, monkeypatch, tmp_path):
    from edge_ik_tools.compress import finetune as module

    crash = tmp_path / "crash.sh"
    crash.write_text("#!/bin/sh\necho 'out of luck' >&2\nexit 3\n")
    crash.chmod(0o755)
    monkeypatch.setattr(module.sys, "executable", str(crash))
    with pytest.raises(module.CompressionError, match=r"exit code 3.*\n.*out of luck"):
        module.compress(run, qat=True)


@pytest.mark.parametrize(
    ("missing", "distribution"),
    [
        ("tensorflow_model_optimization", "tensorflow-model-optimization"),
        ("tf_keras", "tf_keras"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(run, monkeypatch, missing, distribution):
    from edge_ik_tools.compress import finetune as module

    monkeypatch.setattr(
        module.importlib.util, "find_spec", lambda name: None if name == missing else object()
    )
    with pytest.raises(MissingExtraError, match=r"pip install .*\[compress\]") as caught:
        module.compress(run, qat=True)
    assert caught.value.package == distribution


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "Nothing to do"),
        ({"sparsity": 0.0}, "sparsity between 0 and 1. Received: 0.0"),
        ({"sparsity": 1.0}, "sparsity between 0 and 1. Received: 1.0"),
        ({"sparsity": float("nan")}, "sparsity between 0 and 1. Received: nan"),
        ({"qat": True, "steps": 0}, "1 or more fine-tuning steps. Received: 0"),
    ],
)
def test_values_out_of_range_are_refused(run, arguments, message):
    from edge_ik_tools.compress.finetune import compress

    with pytest.raises(ConfigError, match=message):
        compress(run, **arguments)


@needs_extra
def test_a_run_without_a_network_is_refused(run, tmp_path):
    from edge_ik_tools.compress.finetune import compress

    with pytest.raises(RunError, match="no trained network"):
        compress(dataclasses.replace(run, folder=Path(tmp_path)), qat=True)
