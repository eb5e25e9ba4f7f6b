"""Quantization-aware training and pruning of a trained run.

The work is done in a process of its own, `worker`, since
tensorflow-model-optimization needs another Keras than the rest of the package.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from edge_ik.run import Run
from edge_ik_tools.compress.weights import set_dense_weights
from edge_ik_tools.convert import ALLOWED_OPERATORS
from firmware_host.errors import ConfigError, EdgeIkError, MissingExtraError
from firmware_host.files import working_folder, write_json
from firmware_host.network.flatbuffer import Graph, read_graph
from firmware_host.progress import Done, Tell, untold

DEFAULT_STEPS = 6000

# What the two processes exchange in a temporary folder.
REQUEST_FILE = "request.json"
WEIGHTS_FILE = "weights.npz"
FLATBUFFER_FILE = "model.tflite"

PACKAGES = ("tensorflow_model_optimization", "tf_keras")
DISTRIBUTIONS = {"tensorflow_model_optimization": "tensorflow-model-optimization"}
# Seconds that an interrupted process gets to end by itself.
PATIENCE = 5.0
# Characters of its last words that are shown when it fails.
LAST_WORDS = 2000


class CompressionError(EdgeIkError):
    """Fine-tuning failed, or its result is not what was asked for."""


@dataclass(frozen=True, eq=False)
class Compressed:
    """A fine-tuned network.

    Attributes:
        network: The network in float. Without QAT this is the result, to be converted
            to any format; after QAT it is what the flatbuffer was rounded from.
        flatbuffer: The int8 network, with int8 input and output; None without QAT.
    """

    network: keras.Model
    flatbuffer: bytes | None


def compress(
    run: Run,
    *,
    qat: bool = False,
    sparsity: float | None = None,
    steps: int = DEFAULT_STEPS,
    tell: Tell = untold,
) -> Compressed:
    """Fine-tune a trained network for int8, for few weights, or first the one and then both.

    The same run, arguments and machine give the same result. The run's folder is only read.

    Args:
        run: A trained run.
        qat: Whether to train with the rounding of int8.
        sparsity: Share of each kernel's weights to make 0, or None.
        steps: Optimizer steps of each of the two stages.
        tell: Called with a line of progress, a hundred times or so a stage.

    Raises:
        ConfigError: If a value is out of range, or there is nothing to do.
        MissingExtraError: If a package of the extra `compress` is not installed.
        RunError: If the run has no trained network.
        CompressionError: If fine-tuning fails.
    """
    stages = _stages(qat, sparsity, steps)
    for package in PACKAGES:
        if importlib.util.find_spec(package) is None:
            purpose = "Quantization-aware training" if qat else "Pruning"
            raise MissingExtraError(DISTRIBUTIONS.get(package, package), "compress", purpose)
    network = run.load_network()
    request = {
        "run": str(run.folder.resolve()),
        "stages": stages,
        "sparsity": sparsity,
        "steps": steps,
        # The peak of Adam's, which decays by a cosine.
        "learning_rate": run.config.training.learning_rate,
    }
    with working_folder() as folder:
        write_json(folder / REQUEST_FILE, request)
        _work(folder, tell)
        with np.load(folder / WEIGHTS_FILE) as stored:
            arrays = {key: stored[key] for key in stored.files}
        flatbuffer = (folder / FLATBUFFER_FILE).read_bytes() if qat else None
    names = [key.removesuffix("/kernel") for key in arrays if key.endswith("/kernel")]
    set_dense_weights(
        network, {name: (arrays[f"{name}/kernel"], arrays[f"{name}/bias"]) for name in names}
    )
    if flatbuffer is not None:
        check_int8(read_graph(flatbuffer))
    return Compressed(network, flatbuffer)


def check_int8(graph: Graph) -> None:
    """Refuse a graph that is not int8 from its input to its output.

    Raises:
        CompressionError: If an operator is not in `ALLOWED_OPERATORS`, or an input, output or
            intermediate result is not int8.
    """
    foreign = sorted({operator.name for operator in graph.operators} - ALLOWED_OPERATORS)
    if foreign:
        raise CompressionError(
            f"The converted network has operators that it must not have: {', '.join(foreign)}. "
            f"Expected only: {', '.join(sorted(ALLOWED_OPERATORS))}."
        )
    used = {*graph.inputs, *(index for item in graph.operators for index in item.outputs)}
    types = sorted({graph.tensors[index].dtype.name for index in used})
    if types != ["int8"]:
        raise CompressionError(
            f"The converted network is not int8 throughout. Received: {', '.join(types)}"
        )


def _stages(qat: bool, sparsity: float | None, steps: int) -> list[str]:
    """Names of the stages in order; checks the arguments."""
    if not qat and sparsity is None:
        raise ConfigError("Nothing to do: ask for quantization-aware training or for a sparsity.")
    if sparsity is not None and not 0 < sparsity < 1:
        raise ConfigError(f"Expected a sparsity between 0 and 1. Received: {sparsity}")
    if steps < 1:
        raise ConfigError(f"Expected 1 or more fine-tuning steps. Received: {steps}")
    return (["prune"] if sparsity is not None else []) + (["qat"] if qat else [])


def _work(folder: Path, tell: Tell) -> None:
    """Run the worker on a folder to its end; none survives an interruption."""
    environment = {"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ, "TF_USE_LEGACY_KERAS": "1"}
    # -P: a file in the working folder must not stand in for a module.
    command = [sys.executable, "-P", "-m", "edge_ik_tools.compress.worker", str(folder)]
    with (folder / "stderr.txt").open("w+", encoding="utf-8", errors="replace") as stderr:
        worker = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=stderr, env=environment, encoding="utf-8"
        )
        try:
            assert worker.stdout is not None  # noqa: S101 - narrows the type
            with worker.stdout as lines:
                for line in lines:
                    message = json.loads(line)
                    if "error" in message:
                        raise CompressionError(message["error"])
                    tell(Done(**message["progress"]))
            code = worker.wait()
        finally:
            _end(worker)
        if code != 0:
            stderr.seek(0)
            raise CompressionError(
                f"Fine-tuning ended with exit code {code}. Its last words:\n"
                f"{stderr.read()[-LAST_WORDS:].strip()}"
            )


def _end(worker: subprocess.Popen[str]) -> None:
    """End a process that may still run."""
    if worker.poll() is None:
        worker.terminate()
        try:
            worker.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
