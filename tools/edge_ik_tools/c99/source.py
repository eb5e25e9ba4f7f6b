"""The two files that are the firmware: `NAME.h` and `NAME.c`, from one model file."""

from __future__ import annotations

import hashlib
import textwrap
from dataclasses import dataclass
from pathlib import Path
from string import Template

import numpy as np

from edge_ik import __version__
from edge_ik_tools.c99 import kinematics
from edge_ik_tools.c99.int8 import int8_network
from edge_ik_tools.c99.literals import comment, float_literal, identifier, template_text
from edge_ik_tools.c99.loops import loop_network
from edge_ik_tools.c99.lowering import Program, lower
from firmware_host.encoding import FARTHEST_TARGET, FEATURE_NAMES
from firmware_host.errors import ConfigError, ModelFileError
from firmware_host.model_file import read_model
from firmware_host.solver import POSITION_TOLERANCE
from firmware_host.spec import ModelSpec

DEFAULT_STEPS = 3
WIDTH = 90
NOT_COUNTED = "Instructions, flash and stack: not measured; `edge-ik bench --target` does."
TYPES = {"int8": "int8_t", "int16": "int16_t", "float32": "float"}


@dataclass(frozen=True, eq=False)
class Firmware:
    """A model, ready to be printed as C.

    Attributes:
        path: The model file.
        name: The C identifier that every public name begins with.
        spec: The robot and its features.
        program: The network's layers.
        steps: Refinement steps.
        model_hash: First 16 hexadecimal digits of the SHA-256 of the network.
        command: The command that makes it, as the header says.
    """

    path: Path
    name: str
    spec: ModelSpec
    program: Program
    steps: int
    model_hash: str
    command: str

    @classmethod
    def load(cls, path: Path, name: str | None = None, steps: int = DEFAULT_STEPS) -> Firmware:
        """Read a model file.

        Args:
            path: A `.tflite` that carries its robot.
            name: Name of the firmware; that of the robot without it.
            steps: Refinement steps, 0 or more.

        Raises:
            ModelFileError: If the file is damaged, or made of what no firmware is made for.
            ConfigError: If the name has nothing that C can use, or steps is negative.
        """
        flatbuffer, record = read_model(path)
        spec = ModelSpec.from_dict(record)
        found = identifier(name or spec.chain.name)
        if steps < 0:
            raise ConfigError(f"Expected refinement steps of 0 or more. Received: steps={steps}")
        options = f" --steps {steps}" if steps != DEFAULT_STEPS else ""
        options += f" --name {found}" if found != identifier(spec.chain.name) else ""
        program = lower(flatbuffer)
        expected = (len(FEATURE_NAMES), 2 * len(spec.chain))
        if (program.widths[0], program.widths[-1]) != expected:
            raise ModelFileError(
                f"The network does not fit its robot. Expected {expected[0]} inputs and "
                f"{expected[1]} outputs for {len(spec.chain)} joints. Received: "
                f"{program.widths[0]} and {program.widths[-1]}"
            )
        return cls(
            path=path,
            name=found,
            spec=spec,
            program=program,
            steps=steps,
            model_hash=hashlib.sha256(flatbuffer).hexdigest()[:16],
            command=f"edge-ik export {path.name} --firmware c99{options}",
        )

    @property
    def maker(self) -> str:
        """What generated files say they were made by."""
        return f"edge-ik {__version__} with `{self.command}`"

    def header(self, counts: str = NOT_COUNTED) -> str:
        """The text of `NAME.h`; `counts` says what was measured of it."""
        return self._filled("name.h.in", counts)

    def source(self, counts: str = NOT_COUNTED) -> str:
        """The text of `NAME.c`; `counts` says what was measured of it."""
        return self._filled("name.c.in", counts)

    def _filled(self, template: str, counts: str) -> str:
        text = Template(template_text(template))
        return text.substitute(self._values(), provenance=self._provenance(counts))

    def _values(self) -> dict[str, object]:
        chain, program = self.spec.chain, self.program
        n = len(chain)
        single = program.dtype.name
        joint_names = ", ".join(chain.joint_names)
        return {
            "name": self.name,
            "NAME": self.name.upper(),
            "title": comment(f"Inverse kinematics of {chain.name}: {joint_names}."),
            "joints": n,
            "joint_names": comment(joint_names),
            "target_size": 3,
            "steps": self.steps,
            "tolerance": float_literal(POSITION_TOLERANCE),
            "model_hash": self.model_hash,
            "farthest": float_literal(FARTHEST_TARGET),
            "network_type": TYPES[single],
            "features": program.widths[0],
            "feature_names": ", ".join(FEATURE_NAMES),
            "outputs": program.widths[-1],
            "output_room": -(-program.widths[-1] // 4) * 4,
            "home": ", ".join(map(float_literal, kinematics.home32(chain, self.spec.home))),
            "turn_back": kinematics.turn_back(chain),
            "support": template_text("support.c.in").rstrip(),
            "network": self._network(),
            "joint_table": kinematics.joint_table(chain),
            "encode": kinematics.encode(chain, self.spec.normalization, program),
            "decode": kinematics.decode(chain, program),
            "kinematics": kinematics.kinematics(chain, self.steps),
            "forward": kinematics.forward(chain),
        }

    def _network(self) -> str:
        if self.program.dtype == np.int8:
            return int8_network(self.program)
        return loop_network(self.program)

    def _provenance(self, counts: str) -> str:
        program = self.program
        weights = sum(dense.weights.nbytes for layer in program.layers for dense in layer.dense)
        what = (
            f"Model {self.model_hash}: {program.dtype.name} network of {program.macs:,} "
            f"multiplications, {weights:,} bytes of weights; {self.steps} refinement steps."
        )
        lines = [comment(f"Made by {self.maker}."), what, counts]
        return "\n\n   ".join("\n   ".join(textwrap.wrap(line, WIDTH)) for line in lines)
