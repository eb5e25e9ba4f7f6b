"""What an operator asks of its tensors: width, numbers, scales; or a sentence on what is wrong."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from firmware_host.errors import ModelFileError
from firmware_host.network.flatbuffer import Tensor

# Numbers of one value between layers; 256 heads of 32 joints have 16,640.
MAX_WIDTH = 65_536
# Weights of trained networks are below 100.
MOST_FLOAT = 1e6


def width_of(tensor: Tensor) -> int:
    """Give n of an activation (1, n); a constant may have the shape (n,) or () as well."""
    count, constant = math.prod(tensor.shape), tensor.data is not None
    shapes = [(1, count), (count,), ()] if constant else [(1, count)]
    if tensor.shape not in shapes or not 1 <= count <= MAX_WIDTH:
        raise ModelFileError(
            f"Tensor '{tensor.name}' has a shape that is not supported. Expected (1, n), and n up "
            f"to {MAX_WIDTH:,}. Received: {tensor.shape}"
        )
    return count


def check_constant(tensor: Tensor) -> None:
    """Refuse a constant whose numbers are none, or too large to be computed with."""
    if tensor.data is None or tensor.dtype != np.float32:
        return
    # The largest without a copy: what is not a number is neither.
    if not (tensor.data.max(initial=0) <= MOST_FLOAT and tensor.data.min(initial=0) >= -MOST_FLOAT):
        raise ModelFileError(
            f"Tensor '{tensor.name}' has numbers that are not finite, or larger than "
            f"{MOST_FLOAT:g}."
        )


def affine(tensor: Tensor) -> tuple[float, int]:
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


def weight_scales(tensor: Tensor, n_out: int) -> npt.NDArray[np.float32]:
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
