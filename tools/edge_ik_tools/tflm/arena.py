"""How much memory TensorFlow Lite Micro needs for a network's tensors."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import Any

from edge_ik_tools.tflm.probe import ALIGNMENT, next_size
from firmware_host.errors import ModelFileError
from firmware_host.network.flatbuffer import Graph, read_graph

# No network for a microcontroller needs as much [bytes].
LARGEST_ARENA = 2**26
# Kernels for Arm cores with vectors keep one 32-bit sum for each row of weights, and
# those for Arm cores a longer record for each FULLY_CONNECTED than the host's.
KERNEL_SUM = 4
KERNEL_RECORD = 64
# For the bound: 1.3 to 1.6 times what was measured of networks of 4 to 8 dense layers.
INTERPRETER = 1024  # the allocator, and what describes input and output
PER_OPERATOR = 384  # a node, its constants, and what describes its result
PER_ROW = 8  # a multiplier and a shift


@dataclass(frozen=True)
class Arena:
    """Size of a tensor arena, and where it comes from.

    Attributes:
        size: Bytes to reserve.
        measured: Bytes that were needed on the host, with its pointers of 8 bytes; None
            if nothing was measured and `size` is computed.
        margin: Bytes in `size` that were added to what was measured or computed.
        how: One sentence on that.
    """

    size: int
    measured: int | None
    margin: int
    how: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return asdict(self)


def arena_for(flatbuffer: bytes, provenance: Mapping[str, Any]) -> Arena:
    """The arena to reserve for a network.

    What the model file records comes first, so that the answer is the same wherever it
    is asked; then a measurement, where the package `tflite-micro` is installed; then a bound.

    Args:
        flatbuffer: The network, without an archive behind it.
        provenance: Of the model file; `arena_bytes` in it, or in its `metrics`, is used.
    """
    graph = read_graph(flatbuffer)
    margin = _margin(graph)
    recorded = _recorded(provenance)
    if recorded is not None:
        measured, when = recorded, "when the model was exported"
    elif find_spec("tflite_micro"):
        measured, when = measure_arena(flatbuffer), "when this folder was written"
    else:
        bound = arena_bound(graph)
        how = "Nothing was measured: this is a bound, computed from the network's tensors."
        return Arena(_aligned(bound + margin), None, margin, how)
    how = (
        f"{measured} bytes were needed on a host of 8-byte pointers, measured {when}; a core of "
        f"4-byte pointers needs less. {margin} bytes are a margin for Arm's kernels."
    )
    return Arena(_aligned(measured + margin), measured, margin, how)


def measure_arena(flatbuffer: bytes) -> int:
    """Smallest tensor arena [bytes], to 16, in which TFLite Micro loads a network.

    Measured with the host's build of the package `tflite-micro`: pointers are 8 bytes there
    and 4 on a Cortex-M, and its tensors are larger than those of a build for microcontrollers,
    which needed 90 to 95% of it for four networks on the same host.
    """
    too_small, enough = 0, 0
    while next_size(too_small, enough) is not None:
        if too_small >= LARGEST_ARENA:
            raise ModelFileError(
                f"TFLite Micro does not load the network in {too_small:,} bytes of memory."
            )
        for line in _probed(flatbuffer, too_small, enough):
            size, _, fits = line.partition(" ")
            # A process that the library has ended leaves its last line open.
            too_small, enough = (too_small, int(size)) if fits == "1" else (int(size), enough)
    return enough


def _probed(flatbuffer: bytes, too_small: int, enough: int) -> list[str]:
    """What the search between two sizes wrote, to its end or to the library's."""
    command = [sys.executable, "-m", "edge_ik_tools.tflm.probe", str(too_small), str(enough)]
    ran = subprocess.run(command, input=flatbuffer, capture_output=True, check=False)
    lines = ran.stdout.decode().splitlines()
    if not lines:
        raise ModelFileError(
            f"TFLite Micro cannot be asked for its memory: {ran.stderr.decode()[-500:]}"
        )
    return lines


def arena_bound(graph: Graph) -> int:
    """More bytes than the reference kernels need, computed without running anything.

    Every operator's record, a multiplier and a shift for each row of weights, and all
    computed tensors at once, although some of them can share memory.
    """
    computed = sum(
        _aligned(math.prod(tensor.shape) * tensor.dtype.itemsize)
        for tensor in graph.tensors
        if tensor.data is None
    )
    operators = PER_OPERATOR * len(graph.operators)
    return _aligned(INTERPRETER + operators + PER_ROW * sum(_rows(graph)) + computed)


def _margin(graph: Graph) -> int:
    rows = _rows(graph)
    return _aligned(KERNEL_SUM * sum(rows) + KERNEL_RECORD * len(rows))


def _rows(graph: Graph) -> list[int]:
    """Rows of weights of each FULLY_CONNECTED."""
    return [
        graph.tensors[operator.inputs[1]].shape[0]
        for operator in graph.operators
        if operator.name == "FULLY_CONNECTED"
    ]


def _recorded(provenance: Mapping[str, Any]) -> int | None:
    metrics = provenance.get("metrics")
    for place in (metrics, provenance):
        value = place.get("arena_bytes") if isinstance(place, Mapping) else None
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return None


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
