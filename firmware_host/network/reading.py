"""A network's operators reduced to steps, or a sentence that says why one cannot be."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.errors import ModelFileError
from firmware_host.network.arithmetic import AnyArray, IntArray, logistic_table, quantize_multiplier
from firmware_host.network.flatbuffer import Graph, Operator, Tensor
from firmware_host.network.steps import (
    Add,
    FloatStep,
    FullyConnected,
    Logistic8,
    Logistic16,
    Mul,
    Step,
)
from firmware_host.network.tensors import (
    MOST_FLOAT,
    affine,
    check_constant,
    weight_scales,
    width_of,
)

SUPPORTED = ("FULLY_CONNECTED", "LOGISTIC", "MUL", "ADD")
ACTIVATIONS = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT")
INT32_BIAS_TYPE = 2  # TensorType.INT32 in `quantized_bias_type`

# A 32-bit accumulator keeps this much room for rounding and the zero point.
INT32_ROOM = 2**31 - 2**16
# Of integer weights under floats; single precision has its reciprocal too.
LEAST_SCALE = 1e-30
# TFLite refuses a bias whose scale is further than this from that of W x, in output steps.
BIAS_SCALE_TOLERANCE = 0.02
# Output steps of one step of W x; LiteRT's kernels end the process beyond. Trained networks
# have some thousandths, and a row of zeros may have none.
LEAST_FACTOR, FACTOR_LIMIT = 2.0**-32, 2.0**8
# The 64-bit requantization of TFLite is defined below this magnitude.
INT48_LIMIT = 2**47


def read_step(graph: Graph, operator: Operator, litert: bool = False) -> Step:
    """One operator reduced to its constants, or a ModelFileError that says why not."""
    name = operator.name
    if name not in SUPPORTED:
        raise ModelFileError(
            f"The model contains the operator {name}. Supported are {', '.join(SUPPORTED)}."
        )
    least, most = {"FULLY_CONNECTED": (2, 3), "LOGISTIC": (1, 1)}.get(name, (2, 2))
    # Every operator here has its optional input, the bias, at the end.
    present = operator.inputs[:-1] if operator.inputs[-1:] == (-1,) else operator.inputs
    if not least <= len(present) <= most or min(present) < 0 or len(operator.outputs) != 1:
        raise ModelFileError(
            f"The TFLite model is damaged: {name} has {len(present)} inputs and "
            f"{len(operator.outputs)} outputs."
        )
    inputs = [graph.tensors[index] for index in present]
    output = graph.tensors[operator.outputs[0]]
    operands = inputs[:1] if name == "FULLY_CONNECTED" else inputs
    for tensor in (*operands, output):
        if tensor.dtype != graph.tensors[graph.inputs[0]].dtype:
            raise ModelFileError(
                f"{name} mixes {tensor.dtype.name} with the type of the model's input."
            )
    if output.data is not None or all(tensor.data is not None for tensor in operands):
        raise ModelFileError(f"The TFLite model is damaged: {name} computes a constant.")
    for tensor in inputs:
        check_constant(tensor)
    if name != "FULLY_CONNECTED":
        for tensor in operands:
            # Constants may be one number for all; all else has the output's width.
            if width_of(tensor) != width_of(output) and (
                tensor.data is None or width_of(tensor) != 1
            ):
                raise ModelFileError(
                    f"{name} combines {width_of(tensor)} numbers into {width_of(output)}."
                )
    if name == "FULLY_CONNECTED":
        return _fully_connected(operator, inputs, output, litert)
    if name == "LOGISTIC":
        return _logistic(operator, inputs[0], output)
    return _elementwise(operator, (inputs[0], inputs[1]), output)


def _fully_connected(
    operator: Operator, inputs: list[Tensor], output: Tensor, litert: bool
) -> Step:
    source, filters = inputs[:2]
    bias = inputs[2] if len(inputs) > 2 else None
    n_in, n_out = width_of(source), width_of(output)
    weights = filters.data
    if weights is None or weights.shape != (n_out, n_in):
        raise ModelFileError(
            f"FULLY_CONNECTED needs constant weights of shape {(n_out, n_in)}. "
            f"Received: {filters.shape}"
        )
    offsets = None if bias is None else bias.data
    if bias is not None and (offsets is None or offsets.shape != (n_out,)):
        raise ModelFileError(f"FULLY_CONNECTED needs a constant bias of {n_out} numbers.")
    if operator.options.get("weights_format"):
        raise ModelFileError("FULLY_CONNECTED has shuffled weights, which are not supported.")
    if output.dtype == np.float32:
        return _float_fully_connected(operator, filters, bias, litert)
    if filters.dtype != np.int8:
        raise ModelFileError(
            f"FULLY_CONNECTED has {filters.dtype.name} weights. Expected: int8 weights."
        )
    wide = output.dtype == np.int16 and (
        operator.options.get("quantized_bias_type") != INT32_BIAS_TYPE
        if bias is None
        else bias.dtype != np.int32
    )
    if bias is not None and bias.dtype != (np.int64 if wide else np.int32):
        raise ModelFileError(f"FULLY_CONNECTED has a bias of type {bias.dtype.name}.")
    input_scale, input_zero = affine(source)
    output_scale, output_zero = affine(output)
    scales = weight_scales(filters, n_out)
    # The product must be in double precision, for one scale as for many.
    factors = input_scale * np.resize(scales, n_out).astype(np.float64) / output_scale
    _check_bias_scale(bias, input_scale, scales, output_scale)
    multiplier, shift = _multipliers(factors)
    plain = np.zeros(n_out, np.int64) if offsets is None else offsets.ravel().astype(np.int64)
    folded, largest = _folded_bias(weights, plain, input_zero, np.iinfo(output.dtype))
    if wide:
        _check_range("a sum of FULLY_CONNECTED", largest, INT48_LIMIT)
        if np.any(shift >= 8):
            raise ModelFileError("FULLY_CONNECTED has a scale that 64-bit kernels cannot hold.")
        _check_range("a result of FULLY_CONNECTED", largest * factors, INT32_ROOM)
    else:
        _check_range("a sum of FULLY_CONNECTED", np.ldexp(largest, np.maximum(shift, 0)))
    if litert:
        _check_factors(factors)
    return FullyConnected(
        (operator.inputs[0],),
        operator.outputs[0],
        weights,
        folded,
        multiplier,
        shift,
        wide,
        output_zero,
        *_activation_range(operator, output),
        output.dtype,
    )


def _check_factors(factors: npt.NDArray[np.float64]) -> None:
    """Refuse factors (n_out,) of W x that LiteRT's kernels end the process over."""
    if not np.all((factors == 0) | ((factors >= LEAST_FACTOR) & (factors < FACTOR_LIMIT))):
        raise ModelFileError("FULLY_CONNECTED has an output scale out of all proportion to W x.")


def _check_bias_scale(
    bias: Tensor | None, input_scale: float, scales: npt.NDArray[np.float32], output_scale: float
) -> None:
    """Refuse a bias in other steps than W x, where that has one scale for all rows."""
    if bias is not None and bias.quantization is not None:
        weight_scales(bias, width_of(bias))
    if bias is None or scales.size > 1:
        return
    if abs(input_scale * float(scales[0]) - affine(bias)[0]) / output_scale > BIAS_SCALE_TOLERANCE:
        raise ModelFileError("FULLY_CONNECTED has a bias of another scale than W x.")


def _folded_bias(
    weights: AnyArray, bias: IntArray, input_zero: int, limits: np.iinfo[Any]
) -> tuple[IntArray, IntArray]:
    """The bias (n_out,) with the input's zero point folded in, and the largest sums (n_out,)."""
    absolute = np.abs(weights.astype(np.int16)).sum(axis=1, dtype=np.int64)
    reach = max(limits.max - input_zero, input_zero - limits.min)
    _check_range("a bias", np.abs(bias.astype(np.float64)), INT48_LIMIT)
    folded = bias - input_zero * weights.sum(axis=1, dtype=np.int64)
    return folded, absolute * reach + np.maximum(np.abs(bias), np.abs(folded))


def _logistic(operator: Operator, source: Tensor, output: Tensor) -> Step:
    where = (operator.inputs[0],), operator.outputs[0]
    if output.dtype == np.float32:
        return FloatStep(*where, _float_logistic)
    scale, zero_point = affine(source)
    levels, expected_zero = (256, -128) if output.dtype == np.int8 else (32768, 0)
    if affine(output) != (1 / levels, expected_zero):
        raise ModelFileError(
            f"LOGISTIC needs the output scale 1/{levels} and zero point {expected_zero}. "
            f"Received: {affine(output)}"
        )
    if output.dtype == np.int8:
        return Logistic8(*where, logistic_table(scale, zero_point))
    if zero_point != 0:
        raise ModelFileError(f"LOGISTIC needs the int16 zero point 0. Received: {zero_point}")
    return Logistic16(*where, *_logistic16_constants(scale))


def _logistic16_constants(scale: float) -> tuple[int, int]:
    """Multiplier and shift that bring an int16 input to units of 1 / (3 * 4096)."""
    log2 = np.log(np.float32(scale)) * (np.float32(1) / np.log(np.float32(2)))
    if abs(log2 + 12) < 1e-3:
        return 3, 0
    multiplier, shift = scale * 4096.0 * 3.0, 0
    while multiplier <= 32767.0 / 2.0 and shift <= 30:
        multiplier, shift = multiplier * 2.0, shift + 1
    if multiplier >= 32768:
        raise ModelFileError(f"LOGISTIC cannot take the int16 input scale {scale:g}: too large.")
    return int(multiplier), shift


def _elementwise(operator: Operator, inputs: tuple[Tensor, Tensor], output: Tensor) -> Step:
    where = (operator.inputs[0], operator.inputs[1]), operator.outputs[0]
    if output.dtype == np.float32:
        function = np.multiply if operator.name == "MUL" else np.add
        return FloatStep(*where, _float_activated(function, operator))
    (scale_a, zero_a), (scale_b, zero_b) = affine(inputs[0]), affine(inputs[1])
    output_scale, output_zero = affine(output)
    limits = np.iinfo(output.dtype)
    if output.dtype == np.int16 and (zero_a, zero_b, output_zero) != (0, 0, 0):
        raise ModelFileError(f"{operator.name} needs int16 zero points of 0.")
    reach = [max(limits.max - zero, zero - limits.min) for zero in (zero_a, zero_b)]
    lower, upper = _activation_range(operator, output)
    if operator.name == "MUL":
        multiplier, shift = quantize_multiplier(scale_a * scale_b / output_scale)
        _check_range("a product of MUL", math.ldexp(reach[0] * reach[1], max(shift, 0)))
        return Mul(
            *where, (zero_a, zero_b), multiplier, shift, output_zero, lower, upper, output.dtype
        )
    left_shift = 15 if output.dtype == np.int16 else 20
    twice_largest = 2 * max(scale_a, scale_b)
    factors = (
        scale_a / twice_largest,
        scale_b / twice_largest,
        twice_largest / (2**left_shift * output_scale),
    )
    constants = [quantize_multiplier(factor) for factor in factors]
    if any(shift > 0 for _, shift in constants) or factors[2] >= 1:
        raise ModelFileError("ADD has an output scale too small for its inputs.")
    return Add(
        *where,
        (zero_a, zero_b),
        left_shift,
        (constants[0][0], constants[1][0], constants[2][0]),
        (constants[0][1], constants[1][1], constants[2][1]),
        output_zero,
        lower,
        upper,
        output.dtype,
    )


def _float_fully_connected(
    operator: Operator, filters: Tensor, bias: Tensor | None, litert: bool
) -> FloatStep:
    integers = litert and filters.dtype == np.int8
    if not (integers or filters.dtype == np.float32) or (bias and bias.dtype != np.float32):
        raise ModelFileError("FULLY_CONNECTED mixes float32 with integer weights.")
    weights: AnyArray = np.asarray(filters.data)
    if integers:
        scales = weight_scales(filters, len(weights))
        if not np.all((scales == 0) | ((scales >= LEAST_SCALE) & (scales <= MOST_FLOAT / 128))):
            raise ModelFileError(f"Weights '{filters.name}' have a scale out of all proportion.")
        weights = weights * scales[:, None]
    offset: Any = np.float32(0) if bias is None else np.asarray(bias.data).reshape(-1)
    return FloatStep(
        (operator.inputs[0],),
        operator.outputs[0],
        _float_activated(lambda x: x @ weights.T + offset, operator),
    )


def _float_activated(function: Callable[..., AnyArray], operator: Operator) -> Any:
    """The function, followed by the operator's fused activation."""
    if _activation(operator) == "NONE":
        return function
    return lambda *values: np.maximum(function(*values), np.float32(0))


def _float_logistic(x: AnyArray) -> AnyArray:
    # Where TFLite's kernel changes its formula, the change is invisible in float32.
    magnitude = np.exp(-np.abs(x))
    result: AnyArray = np.where(x >= 0, 1 / (1 + magnitude), magnitude / (1 + magnitude))
    return result


def _check_range(what: str, magnitude: Any, limit: float = INT32_ROOM) -> None:
    if not np.all(np.asarray(magnitude, np.float64) < limit):
        raise ModelFileError(f"The model can overflow: {what} may need more bits than it has.")


def _multipliers(factors: npt.NDArray[np.float64]) -> tuple[IntArray, IntArray]:
    pairs = [quantize_multiplier(factor) for factor in factors.tolist()]
    return np.array([m for m, _ in pairs], np.int64), np.array([s for _, s in pairs], np.int64)


def _activation(operator: Operator) -> str:
    """The fused activation: NONE or RELU."""
    code = operator.options.get("fused_activation_function", 0)
    name = ACTIVATIONS[code] if 0 <= code < len(ACTIVATIONS) else f"number {code}"
    if name not in ("NONE", "RELU"):
        raise ModelFileError(
            f"{operator.name} has the fused activation {name}. Supported are NONE and RELU."
        )
    return name


def _activation_range(operator: Operator, output: Tensor) -> tuple[int, int]:
    limits = np.iinfo(output.dtype)
    lower = affine(output)[1] if _activation(operator) == "RELU" else int(limits.min)
    return lower, int(limits.max)
