"""The files of a TensorFlow Lite Micro firmware, from one model."""

from __future__ import annotations

import hashlib
import textwrap
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edge_ik import __version__
from edge_ik_tools.c99 import kinematics
from edge_ik_tools.c99.literals import float_list, float_literal
from edge_ik_tools.c99.source import ALONE, Firmware
from edge_ik_tools.templates import filled
from edge_ik_tools.tflm.arena import Arena
from firmware_host.names import c_comment, plain
from firmware_host.network.flatbuffer import read_graph

# How the resolver's function for each operator is called.
RESOLVERS = {
    "FULLY_CONNECTED": "AddFullyConnected",
    "LOGISTIC": "AddLogistic",
    "MUL": "AddMul",
    "ADD": "AddAdd",
}
TENSOR_TYPES = {"int8": "kTfLiteInt8", "int16": "kTfLiteInt16", "float32": "kTfLiteFloat32"}
FORMAT_NAMES = {"int8": "int8", "int16": "int16x8", "float32": "float32"}
BYTES_PER_LINE = 16
LINE = 90
# What is known of the answers, by kind of the network's numbers.
EXACTNESS = {
    "i": (
        "With the library's reference kernels, its answers are those of the C99 firmware and of",
        "edge-ik's reference interpreter, bit for bit; optimized kernels may round otherwise.",
    ),
    "f": (
        "Its answers are those of the C99 firmware to rounding: the library computes exponential",
        "functions in another way.",
    ),
}


@dataclass(frozen=True, eq=False)
class TflmSource:
    """A model, ready to be printed as firmware for TensorFlow Lite Micro.

    Attributes:
        firmware: The model as the generator of C99 knows it.
        flatbuffer: The network, without an archive behind it.
        arena: The tensor arena to reserve.
    """

    firmware: Firmware
    flatbuffer: bytes
    arena: Arena

    @property
    def operators(self) -> dict[str, int]:
        """How often each operator occurs, in order of first use."""
        return dict(Counter(op.name for op in read_graph(self.flatbuffer).operators))

    @property
    def sha256(self) -> str:
        """Hash of the network."""
        return hashlib.sha256(self.flatbuffer).hexdigest()

    def texts(self) -> dict[str, str]:
        """The text of each file by its name."""
        name = self.firmware.name
        values = self._values()
        parts = {**ALONE, **self._parts(values)}
        templates = {
            f"{name}_network.h": "name_network.h.in",
            f"{name}_network.cc": "name_network.cc.in",
            f"{name}_model.h": "name_model.h.in",
            f"{name}_model.cc": "name_model.cc.in",
            "main.cc": "main.cc.in",
            "CMakeLists.txt": "CMakeLists.txt.in",
            "README.md": "README.md.in",
        }
        return {
            f"{name}.h": self.firmware.header(parts=parts),
            f"{name}.c": self.firmware.source(parts=parts),
            **{file: filled("tflm", template, values) for file, template in templates.items()},
        }

    def _parts(self, values: Mapping[str, object]) -> dict[str, object]:
        """What the C99 firmware leaves open: a network that may not be ready, or fail."""
        templates = {
            "more_defines": "defines.h.in",
            "more_statuses": "statuses.h.in",
            "more_functions": "functions.h.in",
            "network": "network.c.in",
            "more_public": "checked.c.in",
        }
        return {
            **{part: filled("tflm", file, values).rstrip() for part, file in templates.items()},
            "provenance": values["provenance"],
            "includes": "",
            "linkage": "static ",
            "entry": "solver",
            "without_answer": "without an answer",
            "calling": "There is one interpreter: not to be called from two threads, or from an "
            "interrupt,\n   at once.",
            "nature": "C99. Kinematics and refinement; the network is in "
            f"{self.firmware.name}_network.cc.",
        }

    def _values(self) -> dict[str, object]:
        firmware = self.firmware
        chain, program = firmware.spec.chain, firmware.program
        single = program.dtype.name
        example = firmware.spec.problem.reached_by(kinematics.home32(chain, firmware.spec.home))
        command = firmware.command.replace("--firmware c99", "--firmware tflm")
        return {
            **firmware.values(),
            "robot": c_comment(chain.name),
            "title_words": plain(
                f"Inverse kinematics of {chain.name}: {', '.join(chain.joint_names)}."
            ),
            "maker_words": f"Made by edge-ik {__version__}: `{plain(command)}`",
            "provenance": f"Made by edge-ik {__version__}: {c_comment(command)}",
            "model_bytes": len(self.flatbuffer),
            "model_sha256": self.sha256,
            "model": _hexadecimal(self.flatbuffer),
            "format": FORMAT_NAMES[single],
            "tensor_type": TENSOR_TYPES[single],
            **self._scales(),
            **self._resolver(),
            "arena_bytes": self.arena.size,
            "arena_readme": textwrap.fill(self.arena.how, LINE),
            "arena_comment": textwrap.fill(self.arena.how, LINE, subsequent_indent="   "),
            "exactness": "\n".join(EXACTNESS[program.dtype.kind]),
            "example": float_list(example.tolist()),
        }

    def _scales(self) -> dict[str, object]:
        """Scale and zero point of input and output; TensorFlow Lite Micro has 0 for none."""
        program = self.firmware.program
        ends = {"input": program.input_scale, "output": program.output_scale}
        if program.dtype == np.float32:
            ends = dict.fromkeys(ends, (0.0, 0))
        values: dict[str, object] = {}
        for end, (scale, zero_point) in ends.items():
            values[f"{end}_scale"] = float_literal(scale)
            values[f"{end}_zero_point"] = zero_point
        return values

    def _resolver(self) -> dict[str, object]:
        used = self.operators
        calls = [f"resolver.{RESOLVERS[name]}() == kTfLiteOk" for name in used]
        return {
            "operator_count": len(used),
            "operators": sum(used.values()),
            "operator_names": ", ".join(f"{name} ({count})" for name, count in used.items()),
            "operator_calls": " &&\n           ".join(calls),
        }


def _hexadecimal(data: bytes) -> str:
    """Bytes as the lines between the braces of an array."""
    rows = [data[start : start + BYTES_PER_LINE] for start in range(0, len(data), BYTES_PER_LINE)]
    return "\n".join("    " + ", ".join(f"0x{byte:02x}" for byte in row) + "," for row in rows)
