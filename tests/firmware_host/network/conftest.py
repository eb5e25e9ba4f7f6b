"""The fixture models, TFLite Micro's answers to them, and models that were changed."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from firmware_host.network import reference
from firmware_host.network.flatbuffer import read_graph
from firmware_host.network.reference import ReferenceInterpreter
from firmware_host.network.runtimes import RUNTIMES, available_runtimes

MODELS = Path(__file__).parents[1] / "models"


@pytest.fixture(scope="session")
def flatbuffer_of():
    """Function of a kind: the fixture model's bytes."""
    return lambda kind: (MODELS / f"{kind}.tflite").read_bytes()


@pytest.fixture(scope="session")
def golden():
    """Inputs, and what TFLite Micro answered to them."""
    with np.load(MODELS / "golden.npz") as file:
        return dict(file)


@pytest.fixture
def changed(monkeypatch, flatbuffer_of):
    """A reference interpreter of a fixture model whose graph was changed."""

    def change(kind="int8_per_channel", operator=None, tensor=None, **changes):
        graph = read_graph(flatbuffer_of(kind))
        operators, tensors = list(graph.operators), list(graph.tensors)
        if operator is not None:
            operators[operator] = dataclasses.replace(operators[operator], **changes)
        if tensor is not None:
            tensors[tensor] = dataclasses.replace(tensors[tensor], **changes)
        graph = dataclasses.replace(graph, operators=tuple(operators), tensors=tuple(tensors))
        monkeypatch.setattr(reference, "read_graph", lambda _: graph)
        return ReferenceInterpreter(b"")

    return change


@pytest.fixture(params=list(RUNTIMES))
def runtime(request):
    """Each runtime that is installed."""
    if request.param not in available_runtimes():
        pytest.skip(f"{request.param} is not installed, or does not fit this NumPy")
    return request.param
