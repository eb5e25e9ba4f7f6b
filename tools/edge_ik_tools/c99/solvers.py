"""The public functions of a firmware: one branch or several, positions or orientations too.

The templates have the C; here are the numbers and the words that they ask for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edge_ik_tools.c99 import fixed, kinematics, segments
from edge_ik_tools.c99.literals import float_list, float_literal, initializer
from edge_ik_tools.c99.lowering import Program
from edge_ik_tools.c99.rounding import Rounding
from edge_ik_tools.templates import filled
from firmware_host.fixed_point.robot import FixedRobot
from firmware_host.joints import CONTINUOUS
from firmware_host.names import c_comment
from firmware_host.solving.following import TRACK_JUMP, TRACK_STEPS
from firmware_host.solving.seeding import BEYOND, LAST
from firmware_host.spec import ModelSpec
from firmware_host.tasks.plane_angle import PlaneAngle
from firmware_host.tolerances import (
    FARTHEST_JOINT,
    FARTHEST_TARGET,
    FARTHEST_TURN,
    FULL_TURN,
    SAME_ANSWER,
    TARGET_ROTATION,
    Tolerance,
)

# What is told of a target that is none; beyond any distance [m] and angle [rad] there can be.
NO_DISTANCE = "2e19f"
NO_ANGLE = "4.0f"
# Joints that are so many turns away still take steps of a microradian [turns].
FEW_TURNS = 4


@dataclass(frozen=True, eq=False)
class Solvers:
    """What is public of a firmware, and what else depends on its task and branches.

    Attributes:
        name: What every public name begins with.
        spec: The robot and its task.
        program: The network's layers.
        steps: Refinement steps.
        restarts: Seeds drawn at random, at most, where no branch reaches the target.
        tries: Branches tried at most, where there are several.
    """

    name: str
    spec: ModelSpec
    program: Program
    steps: int
    restarts: int
    tries: int

    @property
    def branches(self) -> int:
        """How many branches there are to choose from, 1 or more."""
        return self.spec.heads

    @property
    def plain(self) -> bool:
        """Whether it solves positions in one branch: nothing to choose, nothing to turn."""
        return not self.choice and not self.spec.task.has_orientation

    @property
    def choice(self) -> bool:
        """Whether there are several seeds to try."""
        return self.branches > 1 or self.restarts > 0

    @property
    def target_words(self) -> str:
        """What a target's numbers are."""
        words = self.spec.task.component_words
        return f"{words}; see the function below" if self.rotation or self.angle else words

    @property
    def rotation(self) -> bool:
        """Whether a target has a whole rotation, which can be given as a quaternion."""
        return self.spec.task.is_whole

    @property
    def angle(self) -> bool:
        """Whether a target has an angle, which can be given in radians."""
        return isinstance(self.spec.task.orientation, PlaneAngle)

    def values(self) -> dict[str, object]:
        """What the templates of the header and the source ask for."""
        task = self.spec.task
        return {
            "name": self.name,
            "NAME": self.name.upper(),
            # What solvers are written in; `fixed` has other words for it.
            "real": "float",
            "square": "float",
            "report": f"{self.name}_info",
            "told": "root",
            "told_place": "root",
            "fixed": False,
            "farthest_square": "FLT_MAX",
            "farthest_real": "FLT_MAX",
            "angle_of_chord": "angle_of_chord",
            **self.tolerance(),
            "off_unit": float_literal(2 * TARGET_ROTATION),
            "farthest": float_literal(FARTHEST_TARGET),
            "same_answer": float_literal(SAME_ANSWER),
            "few_turns": float_literal(FEW_TURNS),
            "track_steps": TRACK_STEPS,
            "track_jump": float_literal(TRACK_JUMP),
            "turning": int(task.has_orientation),
            "rotation": self.rotation,
            "and_rotation": ", and a rotation" if self.rotation else "",
            "angle": self.angle,
            "angle_word": task.orientation.word if isinstance(task.orientation, PlaneAngle) else "",
            "places": len(task.place),
            "coordinates": task.coordinates,
            "place_squared": " + ".join(f"p[{k}] * p[{k}]" for k in range(len(task.place))),
            "angle_squared": " + ".join(
                f"p[{k}] * p[{k}]" for k in range(len(task.place), task.size)
            ),
            "directing": bool(task.directions),
            "choice": int(self.choice),
            "plain": self.plain,
            "branches": self.branches,
            "several": self.branches > 1,
            "restarts": self.restarts,
            "tries": self.tries,
            "target_kind": task.describe(),
            "target_words": self.target_words,
            "bad_words": self._bad_words(),
            "bad_info": ", ".join(self._bad_info()),
            "branch_list": self._branch_list() if self.branches > 1 else "",
            **self._outputs(),
            **self._turns(),
        }

    def functions(self, values: Mapping[str, object]) -> str:
        """The public functions, and what they alone need; `values` are those of all templates."""
        if self.plain:
            names = ["solve_plain.c.in"]
        else:
            names = ["solve_common.c.in", "solve_any.c.in" if self.choice else "solve_one.c.in"]
        names += ["solve_near.c.in", "track.c.in"]
        return "\n".join(filled("c99", name, values) for name in names).rstrip()

    def shared(self, values: Mapping[str, object]) -> str:
        """The public functions that are the same whatever the solver computes with."""
        names = ["track_start.c.in"]
        if values["micro"]:
            names.append("micro_start.c.in")
        if self.rotation:
            names.append("pose.c.in")
        if self.angle:
            names.append("angle.c.in")
        return "\n".join(filled("c99", name, values) for name in names).rstrip()

    def fixed_values(self, robot: FixedRobot, less_zero: str) -> dict[str, object]:
        """What depends on task and branches and is otherwise in integers."""
        untold = self.spec.problem.untold_joints if self.branches > 1 else ()
        distances = 3 if self.spec.task.has_orientation else 2
        counts = ["0"] + (["-1", "0", "0"] if self.choice else [])
        return {
            "bad_info": ", ".join(["MOST"] * distances + counts),
            "bad_millionths": ", ".join(["4294967295u"] * distances + counts),
            "ends_beyond": " + ".join(
                fixed.ends_beyond(robot, joint, less_zero) for joint in untold
            ),
        }

    def tolerance(self) -> dict[str, object]:
        """What counts as solved, in floats."""
        tolerance, turning = self.spec.problem.tolerance, self.spec.task.has_orientation
        own = Rounding.of(self.spec.problem, self.steps)
        least = Tolerance.above_rounding(own.distance, own.angle)
        square = f"{self.name.upper()}_TOLERANCE * {self.name.upper()}_TOLERANCE"
        return {
            "tolerance_squared": square,
            "place_tolerance_squared": square,
            "tolerance": float_literal(tolerance.position),
            "rotation_tolerance": float_literal(tolerance.rotation),
            "chord": "SQUARED_CHORD",
            "exported_chord": float_literal(tolerance.squared_chord),
            "tolerance_words": tolerance.words(turning),
            "least_tolerance": least.words(turning),
        }

    def _bad_words(self) -> str:
        words = f"not a number, infinite or further than {float_literal(FARTHEST_TARGET)} m"
        if self.spec.task.has_orientation:
            words += ", or no orientation"
        return words + (", or no branch" if self.branches > 1 else "")

    def _bad_info(self) -> list[str]:
        """What is told of a bad target, in the order of the structure's fields."""
        angles = [NO_ANGLE] if self.spec.task.has_orientation else []
        numbers = [NO_DISTANCE, *angles, NO_DISTANCE, "0"]
        return numbers + (["-1", "0", "0"] if self.choice else [])

    def _branch_list(self) -> str:
        """A line for each branch: its number, its name and its shares."""
        branches = self.spec.branches
        longest = max(len(branch.name) for branch in branches)
        return "\n".join(
            c_comment(
                f"   {index:>3} {branch.name:<{longest}} {branch.wins:6.1%} of joint space, "
                f"leads to {branch.reaches:6.1%}"
            )
            for index, branch in enumerate(branches)
        )

    def _outputs(self) -> dict[str, object]:
        """Where in the network's output what stands."""
        own = self.spec.problem.outputs.size
        words = "the sine of each joint, then the cosine of each"
        if not self.spec.chain.circular.all():
            words = "of each joint its sine, or its place between its limits; then cosines"
        if self.branches > 1:
            words = f"of each branch {words}; then how promising each is"
        integer, problem = self.program.dtype != np.float32, self.spec.problem
        untold = problem.untold_joints if self.branches > 1 else ()
        return {
            "untold": bool(untold),
            "ends_beyond": " + ".join(
                segments.ends_beyond(self.spec.problem, joint) for joint in untold
            ),
            "beyond": float_literal(BEYOND),
            # More than any two promises are apart.
            "last": 2**17 if integer else float_literal(LAST),
            "branch_outputs": own,
            "decoded": own if self.branches > 1 else "OUTPUT_ROOM",
            "output_words": words,
            "promise_type": "int32_t" if integer else "float",
        }

    def _turns(self) -> dict[str, object]:
        """The limits of each joint, and which of them may turn further than once."""
        chain = self.spec.chain
        lower, upper = kinematics.limits32(chain)
        lines = [
            filled(
                "c99",
                "nearest_turn.c.in",
                {
                    "continuous": joint.kind == CONTINUOUS,
                    "joint": k,
                    "lower": float_literal(lower[k]),
                    "upper": float_literal(upper[k]),
                },
            )
            for k, joint in enumerate(chain.joints)
            if chain.circular[k]
            and (joint.kind == CONTINUOUS or joint.upper - joint.lower >= 2 * math.pi + FULL_TURN)
        ]
        # Rounded to the nearest: of a joint on its limit, single precision may say a little more.
        endless = np.array([-kinematics.OUT_OF_REACH, kinematics.OUT_OF_REACH])
        limits = np.where(chain.continuous, endless[:, None], [chain.lower, chain.upper])
        farthest = np.where(chain.continuous, FARTHEST_TURN, FARTHEST_JOINT)
        wound = f", and so does one that turns without end beyond {FARTHEST_TURN:g} rad"
        return {
            "farthest_joints": float_list(farthest) if chain.continuous.any() else "",
            "farthest_joint": "farthest_joints[i]"
            if chain.continuous.any()
            else float_literal(FARTHEST_JOINT),
            "and_wound": wound if chain.continuous.any() else "",
            "limits": ", ".join(map(initializer, limits.T.tolist())),
            "ranges": ", ".join(initializer(pair) for pair in zip(lower, upper, strict=True)),
            "micro_limits": fixed.micro_limits(
                [
                    (-math.inf, math.inf) if turns else (low, high)
                    for turns, low, high in zip(
                        chain.continuous, chain.lower.tolist(), chain.upper.tolist(), strict=True
                    )
                ]
            ),
            "track_limits": ", ".join(
                initializer(endless if turns else pair)
                for turns, *pair in zip(chain.continuous, lower, upper, strict=True)
            ),
            "turns_further": bool(lines),
            "nearest_turns": "".join(lines).rstrip(),
        }
