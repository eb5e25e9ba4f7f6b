"""The exactness contract: a NumPy interpreter that answers as TFLite Micro does, bit for bit.

It runs networks of FULLY_CONNECTED, LOGISTIC, MUL and ADD in int8, in int16 with int8
weights, and in float32 (float32 is close to TFLite Micro, not equal: sums are taken in
another order). Every model is reduced, once, to a tuple of steps that hold nothing but
integer constants; generated firmware uses the same constants.

The arithmetic is that of the reference kernels of TensorFlow Lite Micro
(`tensorflow/lite/kernels/internal/reference/integer_ops`), built to round twice, and of
gemmlowp's fixed-point logistic function (`gemmlowp/fixedpoint/fixedpoint.h`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.errors import ModelFileError, TargetError
from firmware_host.network.flatbuffer import Graph, Operator, Tensor, read_graph

IntArray = npt.NDArray[np.int64]
AnyArray = npt.NDArray[Any]

SUPPORTED = ("FULLY_CONNECTED", "LOGISTIC", "MUL", "ADD")
DTYPES = (np.dtype(np.int8), np.dtype(np.int16), np.dtype(np.float32))
ACTIVATIONS = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT")
INT32_BIAS_TYPE = 2  # TensorType.INT32 in `quantized_bias_type`

# Rows computed at once: large enough for NumPy, small enough for a cache.
BATCH_ROWS = 4096

# A 32-bit accumulator keeps this much room for rounding and the zero point.
INT32_ROOM = 2**31 - 2**16
# TFLite refuses a bias whose scale is further than this from that of W x, in output steps.
BIAS_SCALE_TOLERANCE = 0.02
# The 64-bit requantization of TFLite is defined below this magnitude.
INT48_LIMIT = 2**47

# sigmoid(i / 24) * 2^16, the table of TFLite's int16 logistic kernel. It is rounded to
# nearest but for these entries, which are one higher.
SIGMOID_TABLE = np.rint(65536 / (1 + np.exp(-np.arange(256) / 24))).astype(np.int64)
# fmt: off
SIGMOID_TABLE[[
    4, 8, 12, 14, 15, 16, 17, 19, 20, 21, 22, 25, 27, 28, 29, 30, 31, 33, 34, 35, 37, 39,
    40, 41, 43, 44, 45, 46, 49, 50, 54, 62, 63, 64, 66, 82, 86, 93, 100, 103, 112, 116,
    135, 255,
]] += 1
# fmt: on
SIGMOID_TABLE.setflags(write=False)


def quantize_multiplier(real: float) -> tuple[int, int]:
    """A real factor as a 31-bit fraction and a power of two.

    Args:
        real: The factor, not negative, computed in double precision.

    Returns:
        (multiplier, shift) with real = multiplier * 2^(shift - 31); (0, 0) when real
        is below 2^-32.
    """
    fraction, shift = math.frexp(real)
    multiplier = math.floor(fraction * 2**31 + 0.5)
    if multiplier == 2**31:
        multiplier //= 2
        shift += 1
    return (0, 0) if shift < -31 else (multiplier, shift)


def doubling_high_mul(a: Any, b: Any) -> Any:
    """round(a * b / 2^31) of 32-bit integers held in 64 bits; halves go up."""
    return (a * b + (1 << 30)) >> 31


def rounding_shift_right(value: Any, exponent: Any) -> Any:
    """round(value / 2^exponent) of integers, exponent >= 0; halves go away from zero."""
    shifted = exponent > 0
    half = np.where(shifted, (1 << exponent) >> 1, 0)
    return (value + half - ((value < 0) & shifted)) >> exponent


def requantize(value: Any, multiplier: Any, shift: Any) -> Any:
    """Give value * multiplier * 2^(shift - 31), rounded twice, as 32-bit TFLite kernels do."""
    scaled = doubling_high_mul(value << np.maximum(shift, 0), multiplier)
    return rounding_shift_right(scaled, np.maximum(-shift, 0))


def requantize_wide(value: Any, multiplier: Any, shift: Any) -> Any:
    """The same for a 64-bit accumulator: a 15-bit multiplier and one rounding, halves up."""
    reduced = np.where(multiplier < 0x7FFF0000, (multiplier + (1 << 15)) >> 16, 0x7FFF)
    total = 15 - shift
    return (value * reduced + (1 << (total - 1))) >> total


def logistic_table(scale: float, zero_point: int) -> npt.NDArray[np.int8]:
    """The int8 logistic function of one input quantization.

    Args:
        scale: Scale of the input.
        zero_point: Zero point of the input.

    Returns:
        (256,) outputs for the inputs -128 to 127, with scale 1/256 and zero point -128.
    """
    multiplier, shift = quantize_multiplier(float(np.float32(scale)) * 2**27)
    q = np.arange(-128, 128) - zero_point
    # From this magnitude on, the input does not fit the fixed-point format: it saturates.
    radius = math.floor(15 * 2**27 / 2.0**shift)
    inside = np.clip(q, -max(radius - 1, 0), max(radius - 1, 0))
    value = requantize(inside, np.int64(multiplier), np.int64(min(shift, 31)))
    table = rounding_shift_right(_fixed_point_logistic(value), np.int64(23)) - 128
    table = np.where(q <= -radius, -128, np.where(q >= radius, 127, table))
    return np.clip(table, -128, 127).astype(np.int8)


def _fixed_point_logistic(value: IntArray) -> IntArray:
    """The logistic function of gemmlowp; 1 is 2^27 in the input and 2^31 in the output."""
    one = 2**31 - 1
    # exp(-|x|): a Taylor polynomial about -1/8 on (-1/4, 0], then one factor a bit.
    a = -np.abs(value)
    quarter = 1 << 25
    fine = (a & (quarter - 1)) - quarter
    x = (fine << 4) + (1 << 28)
    x2 = doubling_high_mul(x, x)
    x3 = doubling_high_mul(x2, x)
    x4_over_4 = rounding_shift_right(doubling_high_mul(x2, x2), np.int64(2))
    cubic = doubling_high_mul(x4_over_4 + x3, 715827883) + x2  # 1/3
    series = x + rounding_shift_right(cubic, np.int64(1))
    exp = 1895147668 + doubling_high_mul(series, 1895147668)  # exp(-1/8)
    remainder = fine - a
    factors = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401)
    for bit, factor in enumerate(factors, start=25):  # exp(-1/4), exp(-1/2), ... exp(-8)
        exp = np.where(remainder & (1 << bit), doubling_high_mul(exp, factor), exp)
    exp = np.where(a == 0, one, exp)
    # 1 / (1 + exp(-|x|)) by Newton's method on half the denominator; 2^29 is 1.
    half_denominator = (exp + one + 1) >> 1
    y = 1515870810 + doubling_high_mul(half_denominator, -1010580540)  # 48/17, -32/17
    for _ in range(3):
        y = y + (doubling_high_mul(y, (1 << 29) - doubling_high_mul(half_denominator, y)) << 2)
    positive = np.minimum(y << 1, one)
    result: IntArray = np.where(value > 0, positive, one - positive)
    return np.where(value == 0, 1 << 30, result)


@dataclass(frozen=True, eq=False)
class FullyConnected:
    """y = clamp(requantize(W x + bias) + output_zero_point).

    Attributes:
        inputs: Index of the input tensor.
        output: Index of the output tensor.
        weights: (n_out, n_in) int8.
        bias: (n_out,) with the input's zero point folded in: bias - zero_point * sum(W).
        multiplier: (n_out,) 31-bit fractions; equal for per-tensor weights.
        shift: (n_out,) their powers of two.
        wide: True if the accumulator has 64 bits (int16 with a 64-bit bias).
        output_zero_point: Added after requantization.
        lower: Smallest output.
        upper: Largest output.
        dtype: Type of the output.
    """

    inputs: tuple[int]
    output: int
    weights: npt.NDArray[np.int8]
    bias: IntArray
    multiplier: IntArray
    shift: IntArray
    wide: bool
    output_zero_point: int
    lower: int
    upper: int
    dtype: np.dtype[Any]

    def __call__(self, x: AnyArray) -> AnyArray:
        """Outputs (batch, n_out) of the inputs x (batch, n_in)."""
        # Sums stay below 2^53, so the product in float64 is exact, and much faster.
        product = x.astype(np.float64) @ self.weights.T.astype(np.float64)
        total = product.astype(np.int64) + self.bias
        scaled = (requantize_wide if self.wide else requantize)(total, self.multiplier, self.shift)
        return _clamped(scaled + self.output_zero_point, self.lower, self.upper, self.dtype)


@dataclass(frozen=True, eq=False)
class Logistic8:
    """y = table[x + 128], the int8 logistic function; `table` is (256,) int8."""

    inputs: tuple[int]
    output: int
    table: npt.NDArray[np.int8]

    def __call__(self, x: AnyArray) -> AnyArray:
        """Outputs (batch, n) of the inputs x (batch, n)."""
        return self.table[x.astype(np.intp) + 128]


@dataclass(frozen=True, eq=False)
class Logistic16:
    """The int16 logistic function: linear interpolation in `SIGMOID_TABLE`.

    Attributes:
        inputs: Index of the input tensor.
        output: Index of the output tensor.
        multiplier: x * multiplier >> shift, rounded, is 3 * 4096 times the real input.
        shift: See `multiplier`.
    """

    inputs: tuple[int]
    output: int
    multiplier: int
    shift: int

    def __call__(self, x: AnyArray) -> AnyArray:
        """Outputs (batch, n) of the inputs x (batch, n)."""
        value = (x.astype(np.int64) * self.multiplier + ((1 << self.shift) >> 1)) >> self.shift
        magnitude = np.abs(value)
        index = np.minimum(magnitude >> 9, 254)
        low = SIGMOID_TABLE[index]
        result = (low << 9) + (magnitude & 511) * (SIGMOID_TABLE[index + 1] - low)
        result = np.where(magnitude >> 9 >= 255, 0x7FFF << 10, result)
        result = np.where(value >= 0, result + 512, (1 << 25) - result + 511)
        return (result >> 10).astype(np.int16)


@dataclass(frozen=True, eq=False)
class Mul:
    """y = clamp(requantize((a - za) * (b - zb)) + output_zero_point)."""

    inputs: tuple[int, int]
    output: int
    zero_points: tuple[int, int]
    multiplier: int
    shift: int
    output_zero_point: int
    lower: int
    upper: int
    dtype: np.dtype[Any]

    def __call__(self, a: AnyArray, b: AnyArray) -> AnyArray:
        """Outputs (batch, n) of the inputs a and b, (batch, n) each."""
        product = (a.astype(np.int64) - self.zero_points[0]) * (
            b.astype(np.int64) - self.zero_points[1]
        )
        scaled = requantize(product, np.int64(self.multiplier), np.int64(self.shift))
        return _clamped(scaled + self.output_zero_point, self.lower, self.upper, self.dtype)


@dataclass(frozen=True, eq=False)
class Add:
    """y = clamp(requantize(a' + b') + output_zero_point), on a common, finer scale.

    a' is requantize((a - za) << left_shift) with the first of `multipliers` and `shifts`,
    b' the same with the second; the sum takes the third.
    """

    inputs: tuple[int, int]
    output: int
    zero_points: tuple[int, int]
    left_shift: int
    multipliers: tuple[int, int, int]
    shifts: tuple[int, int, int]
    output_zero_point: int
    lower: int
    upper: int
    dtype: np.dtype[Any]

    def __call__(self, a: AnyArray, b: AnyArray) -> AnyArray:
        """Outputs (batch, n) of the inputs a and b, (batch, n) each."""
        finer = [
            requantize(
                (value.astype(np.int64) - zero_point) << self.left_shift,
                np.int64(multiplier),
                np.int64(shift),
            )
            for value, zero_point, multiplier, shift in zip(
                (a, b), self.zero_points, self.multipliers[:2], self.shifts[:2], strict=True
            )
        ]
        multiplier, shift = np.int64(self.multipliers[2]), np.int64(self.shifts[2])
        scaled = requantize(finer[0] + finer[1], multiplier, shift)
        return _clamped(scaled + self.output_zero_point, self.lower, self.upper, self.dtype)


@dataclass(frozen=True, eq=False)
class FloatStep:
    """A float32 operator: its function of the input tensors."""

    inputs: tuple[int, ...]
    output: int
    function: Callable[..., AnyArray]

    def __call__(self, *values: AnyArray) -> AnyArray:
        """Outputs (batch, n_out) of the inputs, (batch, n) each."""
        # Weights out of all proportion give infinities, in silence, as in the runtimes.
        with np.errstate(over="ignore", invalid="ignore"):
            return self.function(*values)


Step = FullyConnected | Logistic8 | Logistic16 | Mul | Add | FloatStep


class ReferenceInterpreter:
    """A network as integer arithmetic in NumPy.

    Args:
        flatbuffer: A TFLite model with one input (1, n_in) and one output (1, n_out).

    Attributes:
        graph: The model as read.
        steps: The operators in order, reduced to their constants.

    Raises:
        ModelFileError: If the model is damaged, has an operator, a type or a fused
            activation other than the supported ones, or could overflow an accumulator.
    """

    def __init__(self, flatbuffer: bytes) -> None:
        self.graph = read_graph(flatbuffer)
        if len(self.graph.inputs) != 1 or len(self.graph.outputs) != 1:
            raise ModelFileError(
                "Expected a model of one input and one output. Received: "
                f"{len(self.graph.inputs)} inputs, {len(self.graph.outputs)} outputs"
            )
        (self._input,), (self._output,) = self.graph.inputs, self.graph.outputs
        source = self.graph.tensors[self._input]
        if source.dtype not in DTYPES:
            raise ModelFileError(
                f"The input's type is not supported. Expected int8, int16 or float32. "
                f"Received: {source.dtype.name}"
            )
        self._dtype = source.dtype
        self._n_in = _width(source)
        self._constants = {
            index: tensor.data.reshape(1, -1)
            for index, tensor in enumerate(self.graph.tensors)
            if tensor.data is not None
        }
        self.steps = tuple(_step(self.graph, operator) for operator in self.graph.operators)
        known = {self._input, *self._constants}
        for step, operator in zip(self.steps, self.graph.operators, strict=True):
            if not known.issuperset(step.inputs) or step.output in known:
                raise ModelFileError(
                    f"The TFLite model is damaged: {operator.name} reads a tensor that "
                    "nothing has computed, or computes one twice."
                )
            known.add(step.output)
        if self._output not in known - set(self._constants):
            raise ModelFileError("The TFLite model is damaged: nothing computes its output.")

    def run(self, x: npt.ArrayLike) -> AnyArray:
        """Run the network.

        Args:
            x: (batch, n_in) inputs, of the network's own type.

        Returns:
            (batch, n_out) outputs, of the same type.

        Raises:
            TargetError: If x has another shape or type.
        """
        x = np.asarray(x)
        if x.ndim != 2 or x.shape[1] != self._n_in or x.dtype != self._dtype:
            raise TargetError(
                f"Expected inputs (batch, {self._n_in}) of type {self._dtype.name}. "
                f"Received: {x.shape} of type {x.dtype.name}"
            )
        starts = range(0, max(len(x), 1), BATCH_ROWS)
        return np.concatenate([self._run(x[start : start + BATCH_ROWS]) for start in starts])

    def _run(self, x: AnyArray) -> AnyArray:
        values: dict[int, AnyArray] = {**self._constants, self._input: x}
        for step in self.steps:
            values[step.output] = step(*(values[index] for index in step.inputs))
        return values[self._output]


def _clamped(value: Any, lower: int, upper: int, dtype: np.dtype[Any]) -> AnyArray:
    clamped: AnyArray = np.clip(value, lower, upper).astype(dtype)
    return clamped


def _step(graph: Graph, operator: Operator) -> Step:
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
    if output.data is not None:
        raise ModelFileError(f"The TFLite model is damaged: {name} computes a constant.")
    if name != "FULLY_CONNECTED":
        for tensor in operands:
            # Constants may be one number for all; all else has the output's width.
            if _width(tensor) != _width(output) and (tensor.data is None or _width(tensor) != 1):
                raise ModelFileError(
                    f"{name} combines {_width(tensor)} numbers into {_width(output)}."
                )
    if name == "FULLY_CONNECTED":
        return _fully_connected(operator, inputs, output)
    if name == "LOGISTIC":
        return _logistic(operator, inputs[0], output)
    return _elementwise(operator, (inputs[0], inputs[1]), output)


def _fully_connected(operator: Operator, inputs: list[Tensor], output: Tensor) -> Step:
    source, filters = inputs[:2]
    bias = inputs[2] if len(inputs) > 2 else None
    n_in, n_out = _width(source), _width(output)
    weights = filters.data
    if weights is None or weights.shape != (n_out, n_in):
        raise ModelFileError(
            f"FULLY_CONNECTED needs constant weights of shape {(n_out, n_in)}. "
            f"Received: {filters.shape}"
        )
    offsets = None if bias is None else bias.data
    if bias is not None and (offsets is None or offsets.size != n_out):
        raise ModelFileError(f"FULLY_CONNECTED needs a constant bias of {n_out} numbers.")
    if operator.options.get("weights_format"):
        raise ModelFileError("FULLY_CONNECTED has shuffled weights, which are not supported.")
    if output.dtype == np.float32:
        return _float_fully_connected(operator, filters, bias)
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
    input_scale, input_zero = _affine(source)
    output_scale, output_zero = _affine(output)
    scales = _weight_scales(filters, n_out)
    # The product must be in double precision, for one scale as for many.
    factors = input_scale * np.resize(scales, n_out).astype(np.float64) / output_scale
    if bias is not None and scales.size == 1:
        bias_scale = _affine(bias)[0]
        if abs(input_scale * float(scales[0]) - bias_scale) / output_scale > BIAS_SCALE_TOLERANCE:
            raise ModelFileError("FULLY_CONNECTED has a bias of another scale than W x.")
    multiplier, shift = _multipliers(factors)
    w = weights.astype(np.int64)
    plain = np.zeros(n_out, np.int64) if offsets is None else offsets.ravel().astype(np.int64)
    limits = np.iinfo(output.dtype)
    reach = max(limits.max - input_zero, input_zero - limits.min)
    _check_range("a bias", np.abs(plain.astype(np.float64)), INT48_LIMIT)
    folded = plain - input_zero * w.sum(axis=1)
    largest = np.abs(w).sum(axis=1) * reach + np.maximum(np.abs(plain), np.abs(folded))
    if wide:
        _check_range("a sum of FULLY_CONNECTED", largest, INT48_LIMIT)
        if np.any(shift >= 8):
            raise ModelFileError("FULLY_CONNECTED has a scale that 64-bit kernels cannot hold.")
        _check_range("a result of FULLY_CONNECTED", largest * factors, INT32_ROOM)
    else:
        _check_range("a sum of FULLY_CONNECTED", np.ldexp(largest, np.maximum(shift, 0)))
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


def _logistic(operator: Operator, source: Tensor, output: Tensor) -> Step:
    where = (operator.inputs[0],), operator.outputs[0]
    if output.dtype == np.float32:
        return FloatStep(*where, _float_logistic)
    scale, zero_point = _affine(source)
    levels, expected_zero = (256, -128) if output.dtype == np.int8 else (32768, 0)
    if _affine(output) != (1 / levels, expected_zero):
        raise ModelFileError(
            f"LOGISTIC needs the output scale 1/{levels} and zero point {expected_zero}. "
            f"Received: {_affine(output)}"
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
    (scale_a, zero_a), (scale_b, zero_b) = _affine(inputs[0]), _affine(inputs[1])
    output_scale, output_zero = _affine(output)
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


def _float_fully_connected(operator: Operator, filters: Tensor, bias: Tensor | None) -> FloatStep:
    if filters.dtype != np.float32 or (bias is not None and bias.dtype != np.float32):
        raise ModelFileError("FULLY_CONNECTED mixes float32 with integer weights.")
    weights: AnyArray = np.asarray(filters.data)
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


def _width(tensor: Tensor) -> int:
    """Give n of an activation (1, ..., 1, n); a constant may have any shape of n numbers."""
    count = math.prod(tensor.shape)
    if not tensor.shape or count != tensor.shape[-1] or count == 0:
        if tensor.data is not None and tensor.data.size == 1:
            return 1
        raise ModelFileError(
            f"Tensor '{tensor.name}' has a shape that is not supported. Expected (1, n). "
            f"Received: {tensor.shape}"
        )
    return count


def _affine(tensor: Tensor) -> tuple[float, int]:
    """The one scale and zero point of a tensor."""
    quantization = tensor.quantization
    if quantization is None or quantization.scale.size != 1:
        raise ModelFileError(f"Tensor '{tensor.name}' needs one scale and one zero point.")
    if not (math.isfinite(quantization.scale[0]) and quantization.scale[0] > 0):
        raise ModelFileError(f"Tensor '{tensor.name}' has a scale that is not positive.")
    zero_point = int(quantization.zero_point[0])
    limits = np.iinfo(tensor.dtype)
    if not limits.min <= zero_point <= limits.max:
        raise ModelFileError(f"Tensor '{tensor.name}' has the zero point {zero_point}.")
    return float(quantization.scale[0]), zero_point


def _weight_scales(tensor: Tensor, n_out: int) -> npt.NDArray[np.float32]:
    """(1,) or (n_out,) scales of weights, whose zero points must be 0."""
    quantization = tensor.quantization
    if quantization is None or quantization.scale.size not in (1, n_out):
        raise ModelFileError(f"Weights '{tensor.name}' need one scale, or one for each output.")
    # A row of zeros, which pruning leaves, may come with the scale 0.
    if not np.all(np.isfinite(quantization.scale) & (quantization.scale >= 0)):
        raise ModelFileError(f"Weights '{tensor.name}' have a scale that is negative.")
    if np.any(quantization.zero_point != 0):
        raise ModelFileError(f"Weights '{tensor.name}' have a zero point that is not 0.")
    if quantization.scale.size > 1 and quantization.dimension != 0:
        raise ModelFileError(f"Weights '{tensor.name}' have scales along their inputs.")
    return quantization.scale


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
    lower = _affine(output)[1] if _activation(operator) == "RELU" else int(limits.min)
    return lower, int(limits.max)
