"""The two files that are the firmware: `NAME.h` and `NAME.c`, from one model file."""

from __future__ import annotations

import hashlib
import math
import shlex
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from edge_ik import __version__
from edge_ik_tools.c99 import fixed, kinematics, segments
from edge_ik_tools.c99.int8 import int8_network
from edge_ik_tools.c99.literals import identifier
from edge_ik_tools.c99.loops import loop_network
from edge_ik_tools.c99.lowering import Program, lower
from edge_ik_tools.c99.rounding import Rounding
from edge_ik_tools.c99.servos import servo_values
from edge_ik_tools.c99.solvers import Solvers
from edge_ik_tools.templates import filled, template_text
from firmware_host.errors import ConfigError
from firmware_host.fixed_point.robot import FixedRobot
from firmware_host.model_file import read_model
from firmware_host.names import c_comment
from firmware_host.solving.checks import checked_counts
from firmware_host.spec import ModelSpec
from firmware_host.tolerances import SOLVED_POSITION, SOLVED_ROTATION, Tolerance

WIDTH = 90
NOT_COUNTED = "Instructions, flash and stack: not measured; `edge-ik bench --target` does."
# What the templates leave open for a network that runs elsewhere: without one, this.
ALONE: Mapping[str, object] = {
    "linkage": "",
    "includes": "",
    "more_defines": "",
    "more_statuses": "",
    "more_functions": "",
    "more_public": "",
    "network": "",
    "without_answer": "if it is bad",
    "micro": True,
    "calling": "Uses no static memory that changes, so it may be called from several threads.",
    "nature": "C99. Needs memcpy and no other function; allocates nothing, calls nothing back, and "
    "has no\n   loop whose length depends on the target.",
}
ARITHMETICS = ("auto", "float", "fixed")
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
        restarts: Seeds drawn at random, at most, where no branch reaches the target.
        tries: Branches that a solve tries at most; all of them without it.
        arithmetic: "float", "fixed" for integers, or "auto" for both in one source, of which a
            compiler takes what suits its core.
        small: Whether flash counts more than speed.
        vectors: Whether it is for a processor whose compilers make vectors of loops.
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
    restarts: int = 0
    tries: int | None = None
    arithmetic: str = "auto"
    small: bool = False
    vectors: bool = False

    @classmethod
    def load(
        cls,
        path: Path,
        name: str | None = None,
        steps: int | None = None,
        restarts: int = 0,
        tries: int | None = None,
        arithmetic: str = "auto",
        small: bool = False,
        tolerance: Tolerance | None = None,
    ) -> Firmware:
        """Read a model file.

        Args:
            path: A `.tflite` that carries its robot.
            name: Name of the firmware; that of the robot without it.
            steps: Refinement steps, 0 to 100; without it 3 for positions, and 4 for targets
                with an orientation.
            restarts: Seeds drawn at random, at most, where no branch reaches the target.
            tries: Branches that a solve tries at most, the most promising; all without it.
            arithmetic: One of `ARITHMETICS`.
            small: Whether functions and loops exist once, for the least flash, rather than
                where they are used, for speed.
            tolerance: How near to a target counts as solved; 1 mm and 0.1 degrees without it.

        Raises:
            ModelFileError: If the file is damaged, or made of what no firmware is made for.
            ConfigError: If the name has nothing that C can use, or a number is out of range.
        """
        flatbuffer, record = read_model(path)
        spec = ModelSpec.from_dict(record).with_tolerance(tolerance)
        program = lower(flatbuffer)
        spec.check_network(program.widths[0], program.widths[-1])
        found = identifier(name or spec.chain.name)
        usual = spec.problem.default_steps
        taken, restarts = checked_counts(usual if steps is None else steps, restarts)
        _check_tries(spec, tries)
        _check_arithmetic(arithmetic, program)
        if arithmetic != "fixed":
            _check_tolerance(spec, taken)
        options = f" --steps {taken}" if taken != usual else ""
        options += f" --restarts {restarts}" if restarts else ""
        options += " --optimize size" if small else ""
        options += f" --name {found}" if name else ""
        options += f" --arithmetic {arithmetic}" if arithmetic != "auto" else ""
        options += _tolerance_options(spec)
        return cls(
            path=path,
            name=found,
            spec=spec,
            program=program,
            steps=taken,
            model_hash=hashlib.sha256(flatbuffer).hexdigest()[:16],
            command=f"edge-ik export {shlex.quote(path.name)} --firmware c99{options}",
            restarts=restarts,
            tries=tries,
            arithmetic=arithmetic,
            small=small,
        )

    def with_steps(self, steps: int) -> Firmware:
        """The same with another number of refinement steps.

        Raises:
            ConfigError: If it is no number from 0 to 100, or the tolerance too small for so many.
        """
        taken, _ = checked_counts(steps, self.restarts)
        if self.arithmetic != "fixed":
            _check_tolerance(self.spec, taken)
        return replace(self, steps=taken)

    @property
    def maker(self) -> str:
        """What generated files say they were made by."""
        return f"edge-ik {__version__} with `{self.command}`"

    def header(self, counts: str = NOT_COUNTED, parts: Mapping[str, object] = ALONE) -> str:
        """The text of `NAME.h`.

        Args:
            counts: What was measured of it, in a sentence.
            parts: What the templates leave open, as in `ALONE`.
        """
        values = self.values(counts, integers=self._has_integers(parts))
        return filled("c99", "name.h.in", {**values, **parts})

    def source(self, counts: str = NOT_COUNTED, parts: Mapping[str, object] = ALONE) -> str:
        """The text of `NAME.c`; arguments as in `header`."""
        integers = self._has_integers(parts)
        values = {**self.values(counts, integers=integers), **parts}
        functions = [self.solvers.functions(values), values["more_public"]]
        if values["micro"]:
            functions.append(filled("c99", "micro_float.c.in", values).rstrip())
        shared = self.solvers.shared(values)
        values |= {
            "support": template_text("c99", "support.c.in").rstrip(),
            "network": parts["network"] or self._network(),
            "robot": filled("c99", "robot.c.in", values).rstrip(),
            "public": "\n\n".join(str(part) for part in functions if part),
            "forward": kinematics.forward(self.spec.chain),
            "shared": shared,
            "fixed_part": self._fixed_part(values) if integers else "",
            "float_part": self.arithmetic != "fixed",
            "either": integers and self.arithmetic == "auto",
        }
        return filled("c99", "name.c.in", values)

    @property
    def uses_fixed(self) -> bool:
        """Whether the solver is there in integers, too."""
        return self.arithmetic != "float" and self.program.dtype != np.float32

    def _has_integers(self, parts: Mapping[str, object]) -> bool:
        """Whether the source has the solver in integers; not where the network runs elsewhere."""
        return self.uses_fixed and not parts["network"]

    @property
    def told_error_um(self) -> str:
        """How far rounding moves the computed place of the tool at most [um], rounded up."""
        return f"{math.ceil(1e7 * self.robot.told_error) / 10:.1f}"

    @cached_property
    def robot(self) -> FixedRobot:
        """What is computed in integers."""
        bits = np.iinfo(self.program.dtype).bits
        scales = self.program.input_scale, self.program.output_scale[0]
        return FixedRobot(self.spec, self.steps, *scales, bits)

    def _fixed_part(self, values: Mapping[str, object]) -> str:
        """The robot and the solver in integers."""
        known = {
            **values,
            "bad_floats": values["bad_info"],
            **fixed.support_values(self.robot),
            **fixed.robot_values(self.robot, str(values["less_zero"])),
            **self.solvers.fixed_values(self.robot, str(values["less_zero"])),
        }
        known["encode_turns"] = str(values["encode_turns"]).replace("float", "int32_t")
        known["decode_turns"] = str(values["decode_turns"]).replace("float", "int32_t")
        parts = [
            filled("c99", name, known).rstrip()
            for name in ("support_fixed.c.in", "robot_fixed.c.in", "fixed_header.c.in")
        ]
        parts.append(self.solvers.functions(known))
        parts += [
            filled("c99", name, known).rstrip()
            for name in ("public_fixed.c.in", "micro_fixed.c.in")
        ]
        return "\n\n".join(parts)

    @property
    def solvers(self) -> Solvers:
        """What is public of it."""
        tries = self.spec.heads if self.tries is None else self.tries
        return Solvers(self.name, self.spec, self.program, self.steps, self.restarts, tries)

    def values(self, counts: str = NOT_COUNTED, *, integers: bool = False) -> dict[str, object]:
        """What templates can ask for of this model.

        Args:
            counts: What was measured of it, in a sentence.
            integers: Whether the solver is there in integers, too.
        """
        chain, program = self.spec.chain, self.program
        joint_names = ", ".join(chain.joint_names)
        features = self.spec.problem.feature_names
        return {
            "entry": self.name,
            **self.solvers.values(),
            **kinematics.robot_values(self.spec, program, self.steps),
            "title": c_comment(f"Inverse kinematics of {chain.name}: {joint_names}."),
            "provenance": self._provenance(counts, integers),
            "joint_names": c_comment(joint_names),
            "model_hash": self.model_hash,
            "small": int(self.small),
            "network_type": TYPES[program.dtype.name],
            "features": program.widths[0],
            "feature_names": ", ".join(features),
            **self._servos(),
            "outputs": program.widths[-1],
            "output_room": -(-program.widths[-1] // 4) * 4,
        }

    def _servos(self) -> dict[str, object]:
        """The functions for the servos, if the robot has some."""
        values = servo_values(self.spec.servos)
        if not values["servos"]:
            return values
        names = {"name": self.name, "NAME": self.name.upper(), "joints": len(self.spec.chain)}
        known = {**names, **segments.unit_words(self.spec.chain), **values}
        return values | {
            "servo_functions": filled("c99", "servo.c.in", known).rstrip(),
            "servo_declarations": filled("c99", "servo.h.in", known).rstrip(),
        }

    def _network(self) -> str:
        if self.program.dtype == np.int8:
            return int8_network(self.program, self.vectors)
        return loop_network(self.program)

    def _provenance(self, counts: str, integers: bool) -> str:
        program = self.program
        what = (
            f"Model {self.model_hash}: {program.dtype.name} network of {program.macs:,} "
            f"multiplications, {program.weight_bytes:,} bytes of weights; "
            f"{self.steps} refinement steps."
        )
        lines = [c_comment(f"Made by {self.maker}."), what, counts]
        if integers:
            where = "Where the core has no floating-point unit, AVRs aside, the"
            lines.append(
                f"{where if self.arithmetic == 'auto' else 'The'} solver works in integers of 32 "
                f"bits; rounding moves the computed place of the tool by at most "
                f"{self.told_error_um} um. Of targets far out of reach it tells the answer's own "
                "distance as seed_residual, too."
            )
        return "\n\n   ".join("\n   ".join(textwrap.wrap(line, WIDTH)) for line in lines)


def _check_tries(spec: ModelSpec, tries: int | None) -> None:
    """A ConfigError if there are not so many branches to try."""
    if tries is not None and not 1 <= tries <= spec.heads:
        raise ConfigError(
            f"Expected tries from 1 to the model's {spec.heads} branches. Received: tries={tries}"
        )


def _check_tolerance(spec: ModelSpec, steps: int) -> None:
    """A ConfigError if floats cannot tell what is solved."""
    own = Rounding.of(spec.problem, steps)
    angle = own.angle if spec.task.has_orientation else None
    spec.problem.tolerance.check_rounding(own.distance, angle, "Single precision")


def _tolerance_options(spec: ModelSpec) -> str:
    """The options of an export that choose a tolerance; none for the usual one."""
    chosen, options = spec.problem.tolerance, ""
    if chosen.position != SOLVED_POSITION:
        options += f" --tolerance {1e3 * chosen.position:.10g}"
    if chosen.rotation != SOLVED_ROTATION and spec.task.has_orientation:
        options += f" --rotation-tolerance {math.degrees(chosen.rotation):.10g}"
    return options


def _check_arithmetic(arithmetic: str, program: Program) -> None:
    """A ConfigError if there is no such arithmetic, or none for the network."""
    if arithmetic not in ARITHMETICS:
        raise ConfigError(
            f"Unknown arithmetic. Expected one of {', '.join(ARITHMETICS)}. "
            f"Received: {arithmetic!r}"
        )
    if arithmetic == "fixed" and program.dtype == np.float32:
        raise ConfigError(
            "Fixed point needs a network of integers. Export the model with --quantize int8 "
            "first, or leave --arithmetic out."
        )
