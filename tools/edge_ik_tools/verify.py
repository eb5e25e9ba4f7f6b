"""What an exported network must pass before it is written, and what is measured of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_ik.data.targets import TargetSet
from edge_ik.evaluation import Evaluation, evaluate_seeds
from edge_ik_tools.convert import ALLOWED_OPERATORS, Format
from edge_ik_tools.random_inputs import random_inputs
from edge_ik_tools.tflm.arena import measure_arena
from firmware_host.errors import EdgeIkError, ModelFileError
from firmware_host.network.flatbuffer import Graph, read_graph
from firmware_host.network.interpreter import Interpreter
from firmware_host.network.runtimes import available_runtimes, open_interpreter
from firmware_host.progress import Tell, untold
from firmware_host.solving.seeding import Predict, Seeder
from firmware_host.spec import ModelSpec

# Random inputs on which the runtimes are compared.
COMPARED_INPUTS = 2000
# Answers to orientations change faster with the target, most of all near singularities,
# and rounding shows more: factors of the largest and the mean difference allowed.
ORIENTATION_SHARES = (4.0, 2.0)


class VerificationError(EdgeIkError):
    """An exported network does not do what the trained one does; it is not written."""


@dataclass(frozen=True)
class Verification:
    """What was measured of an exported network.

    Attributes:
        evaluation: Error figures through the default runtime.
        operators: How often each operator occurs.
        max_difference: Largest difference of a sine or cosine to the float network.
        mean_difference: Mean of those differences.
        runtimes: For each runtime that ran it, the share of output values that differ
            from the reference interpreter on random inputs, and by how many units at most.
        arena_bytes: Tensor arena that TFLite Micro needs on this machine, or None if it
            is not installed or cannot run the format.
    """

    evaluation: Evaluation
    operators: Mapping[str, int]
    max_difference: float
    mean_difference: float
    runtimes: Mapping[str, Mapping[str, float]]
    arena_bytes: int | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {**asdict(self), "evaluation": self.evaluation.to_dict()}


def verify(
    flatbuffer: bytes,
    target: Format,
    spec: ModelSpec,
    float_predict: Predict,
    targets: TargetSet,
    features: npt.NDArray[np.float32],
    tell: Tell = untold,
) -> Verification:
    """Check an exported network and measure it.

    Args:
        flatbuffer: The network.
        target: Its format, with the bounds it must hold.
        spec: Its robot.
        float_predict: The trained network.
        targets: What the error figures are measured on.
        features: (N, k) normalized features that outputs are compared on.
        tell: Called with how far it is.

    Raises:
        VerificationError: If an operator is not allowed, input or output are of another
            type, an output is too far from the trained network's, or exact runtimes
            disagree.
    """
    operators = _checked_operators(read_graph(flatbuffer), target)
    usable = [name for name in target.runtimes if name in available_runtimes()]
    if not usable:
        raise VerificationError(
            f"No runtime that can check the {target.name} network is installed. Expected one "
            f"of: {', '.join(target.runtimes)}."
        )
    try:
        interpreters = {name: open_interpreter(flatbuffer, name) for name in usable}
    except ModelFileError as error:
        raise VerificationError(f"The {target.name} network cannot be used: {error}") from error
    predict = interpreters[usable[0]].run
    difference = np.abs(predict(features) - float_predict(features))
    largest, mean = float(difference.max()), float(difference.mean())
    shares = ORIENTATION_SHARES if spec.task.has_orientation else (1.0, 1.0)
    most, usual = shares[0] * target.max_difference, shares[1] * target.mean_difference
    if not (largest <= most and mean <= usual):
        raise VerificationError(
            f"The {target.name} network differs from the trained one by up to {largest:.3g}, "
            f"{mean:.3g} in the mean. Expected at most {most:g} and {usual:g}."
        )
    agreement = _agreement(interpreters, target) if "reference" in usable else {}
    return Verification(
        evaluation=evaluate_seeds(Seeder(spec, predict), targets, tell=tell),
        operators=dict(operators),
        max_difference=largest,
        mean_difference=mean,
        runtimes=agreement,
        arena_bytes=measure_arena(flatbuffer) if "tflite-micro" in usable else None,
    )


def _checked_operators(graph: Graph, target: Format) -> Counter[str]:
    """How often each operator occurs; refuses what is not to be in a format."""
    operators = Counter(operator.name for operator in graph.operators)
    foreign = sorted(set(operators) - ALLOWED_OPERATORS)
    if foreign:
        raise VerificationError(
            f"The {target.name} network has operators that microcontrollers lack: "
            f"{', '.join(foreign)}. Expected only: {', '.join(sorted(ALLOWED_OPERATORS))}."
        )
    ends = {graph.tensors[index].dtype.name for index in (*graph.inputs, *graph.outputs)}
    if ends != {target.activations}:
        raise VerificationError(
            f"The {target.name} network takes or gives another type. Expected "
            f"{target.activations}. Received: {', '.join(sorted(ends))}"
        )
    return operators


def _agreement(
    interpreters: Mapping[str, Interpreter], target: Format
) -> dict[str, dict[str, float]]:
    """Differences of each runtime to the reference on random inputs."""
    reference = interpreters["reference"]
    inputs = random_inputs(reference, COMPARED_INPUTS, np.random.default_rng(0))
    expected = reference.run_raw(inputs).astype(np.float64)
    result = {}
    for name, interpreter in interpreters.items():
        difference = np.abs(interpreter.run_raw(inputs).astype(np.float64) - expected)
        result[name] = {
            "differing_share": float((difference > 0).mean()),
            "max_units": float(difference.max()),
        }
    micro = result.get("tflite-micro")
    if target.activations != "float32" and micro and micro["max_units"] > 0:
        raise VerificationError(
            "TFLite Micro and the reference interpreter disagree on "
            f"{100 * micro['differing_share']:.2f}% of the {target.name} network's outputs. "
            "Expected none to differ."
        )
    return result
