"""The public functions of a firmware: one branch or several, positions or orientations too."""

from __future__ import annotations

import math
from dataclasses import dataclass
from string import Template

import numpy as np

from edge_ik_tools.c99 import kinematics
from edge_ik_tools.c99.literals import comment, float_literal, template_text
from edge_ik_tools.c99.lowering import Program
from firmware_host.chain import FULL_TURN_TOLERANCE
from firmware_host.solving.branches import SAME_ANSWER
from firmware_host.solving.solution import POSITION_TOLERANCE, ROTATION_TOLERANCE
from firmware_host.spec import ModelSpec
from firmware_host.tolerances import FARTHEST_TARGET
from firmware_host.tasks.targets import ROTATION_TOLERANCE as RIGID_TOLERANCE
from firmware_host.tasks import TOOL_AXES

# What is told of a target that is none [m]; beyond any distance that can be measured.
NO_DISTANCE = "2e19f"


@dataclass(frozen=True, eq=False)
class Solvers:
    """What is public of a firmware, and what else depends on its task and branches.

    Attributes:
        name: What every public name begins with.
        spec: The robot and its task.
        program: The network's layers.
        restarts: Seeds drawn at random, at most, where no branch reaches the target.
    """

    name: str
    spec: ModelSpec
    program: Program
    restarts: int = 0

    @property
    def branches(self) -> int:
        """Aspects to choose from, 1 or more."""
        return max(1, len(self.spec.aspects))

    @property
    def plain(self) -> bool:
        """Whether it solves positions in one branch: nothing to choose, nothing to turn."""
        return not self.choice and not self.spec.target.turns

    @property
    def choice(self) -> bool:
        """Whether there are several seeds to try."""
        return self.branches > 1 or self.restarts > 0

    @property
    def target_words(self) -> str:
        """What a target's numbers are."""
        task = self.spec.target
        words = "x, y, z in the base frame [m]"
        if task.name == "axis":
            words += f", then the unit direction of the tool's {TOOL_AXES[task.tool_axis]} axis"
        if task.name == "pose":
            words += ", then the rotation's three columns; see the function below"
        return words

    def values(self) -> dict[str, object]:
        """What the templates of the header and the source ask for."""
        spec, chain, task = self.spec, self.spec.chain, self.spec.target
        turns = kinematics.turn_count(chain, task)
        texts: dict[str, object] = {
            "name": self.name,
            "NAME": self.name.upper(),
            "joints": len(chain),
            "target_size": len(task.component_names),
            "tolerance": float_literal(POSITION_TOLERANCE),
            "farthest": float_literal(FARTHEST_TARGET),
            "turns": turns,
            "turning": int(task.turns),
            "choice": int(self.choice),
            "choose_call": "        choose(first + branch, x);\n"
            if self.branches > 1
            else "        (void)first;\n",
            "drawn": self._drawn(),
            "restarts": self._restarts(),
            "branches": self.branches,
            "spare": int(kinematics.has_spare(chain, task)),
            "encode_turns": f", float turns[{turns}]" if turns else "",
            "decode_turns": f", const float turns[{turns}]" if turns else "",
            "turns_argument": ", turns" if turns else "",
            "home": ", ".join(map(float_literal, kinematics.home32(chain, spec.home))),
            "turn_back": kinematics.turn_back(chain),
            "target_kind": "position and orientation of the tool"
            if task.name == "pose"
            else "position and axis of the tool"
            if task.turns
            else "position of the tool",
            "target_words": self.target_words,
            "out_of_reach": float_literal(kinematics.OUT_OF_REACH),
            "same_answer": float_literal(SAME_ANSWER),
            "branch_words": comment(
                ":" * bool(spec.aspects)
                + ",".join(f" {index} {name}" for index, name in enumerate(spec.aspects))
            ),
        }
        texts |= {
            "bad_words": self._bad_words(texts["farthest"]),
            "bad_info": ", ".join(self._bad_info()),
            "info_fields": "\n".join(self._info_fields()),
            "and_turned": ", if its orientation is as near" if task.turns else "",
            "more_defines": self._defines(),
            "choose": self._choose(),
            "first_step": self._first_step(),
            "encode_call": f"    float turns[{turns}];\n    encode(target, x, turns);"
            if turns
            else "    encode(target, x);",
            "nearest_turn": self._nearest_turn(),
        }
        kind = "plain" if self.plain else "any" if self.choice else "one"
        pose = task.name == "pose"
        texts["declarations"] = _filled(f"declare_{kind}.h.in", texts) + (
            _filled("declare_pose.h.in", texts) if pose else ""
        )
        if self.plain:
            texts["public"] = _filled("solve_plain.c.in", texts)
            return texts
        texts |= {
            "usable": self._usable(texts),
            "judged": self._judged(),
            "seed_residual": self._seed_residual(),
            "own_seed_residual": ""
            if task.turns
            else "    info->seed_residual = root(seed_squared);\n",
            "solvers": _filled(f"solve_{kind}.c.in", texts)
            + (_filled("pose.c.in", texts) if pose else ""),
        }
        texts["public"] = _filled("solve_branches.c.in", texts)
        return texts

    def _bad_words(self, farthest: object) -> str:
        words = f"not a number, infinite or further than {farthest} m"
        if self.spec.target.turns:
            words += ", or no orientation"
        return words + (", or no branch" if self.branches > 1 else "")

    def _info_fields(self) -> list[str]:
        bad = "above 1e19 if it is bad"
        fields = [f"    float residual; /* distance of the tool from the target [m]; {bad} */"]
        if self.spec.target.turns:
            fields.append("    float rotation_residual; /* angle between the two [rad] */")
        fields += [
            "    float seed_residual; /* distance for the network alone [m] */",
            "    int32_t steps; /* refinement steps taken from each seed */",
        ]
        if self.choice:
            fields += [
                "    int32_t branch; /* whose seed led here; -1 if no network's seed did */",
                "    int32_t tried; /* seeds that were refined */",
                "    int32_t restarts; /* how many of them were drawn at random */",
            ]
        return fields

    def _bad_info(self) -> list[str]:
        numbers = [NO_DISTANCE, *(["4.0f"] if self.spec.target.turns else []), NO_DISTANCE, "0"]
        return numbers + (["-1", "0", "0"] if self.choice else [])

    def _defines(self) -> str:
        prefix = self.name.upper()
        lines = []
        if self.spec.target.turns:
            angle = float_literal(ROTATION_TOLERANCE)
            lines.append(f"#define {prefix}_ROTATION_TOLERANCE {angle} /* [rad] */")
        if self.choice:
            lines.append(f"#define {prefix}_BRANCHES {self.branches}")
            lines.append(f"#define {prefix}_RESTARTS {self.restarts} /* seeds drawn at most */")
        return "".join(f"{line}\n" for line in lines)

    def _choose(self) -> str:
        """The function that tells the network which branch is wanted, if there are several."""
        if self.branches == 1:
            return ""
        first = self.program.widths[0] - self.branches
        scale, zero_point = self.program.input_scale
        levels = [0.0, 1.0]
        if self.program.dtype != np.float32:
            limits = np.iinfo(self.program.dtype)
            # The runtimes' own arithmetic, in single precision.
            real = np.rint(np.array(levels, np.float32) / np.float32(scale)) + np.float32(
                zero_point
            )
            levels = np.clip(real, limits.min, limits.max).tolist()
        off, on = (
            float_literal(level) if self.program.dtype == np.float32 else str(int(level))
            for level in levels
        )
        return (
            "/* The network's inputs that say which branch is wanted. */\n"
            "static void choose(int32_t branch, network_t x[FEATURES])\n"
            "{\n"
            "    for (int32_t i = 0; i < BRANCHES; ++i) {\n"
            f"        x[{first} + i] = i == branch ? {on} : {off};\n"
            "    }\n"
            "}\n\n"
        )

    def _drawn(self) -> str:
        """The function that draws a configuration at random, if any are to be drawn."""
        if not self.restarts:
            return ""
        n = len(self.spec.chain)
        lower, upper = kinematics.limits32(self.spec.chain)
        ranges = ", ".join(
            f"{{{float_literal(low)}, {float_literal(high)}}}"
            for low, high in zip(lower, upper, strict=True)
        )
        return (
            "/* A configuration drawn at random within the limits: the same for every solve. */\n"
            f"static void draw(uint32_t *state, float q[{n}], float s[{n}], float c[{n}])\n"
            "{\n"
            f"    static const float ranges[{n}][2] = {{{ranges}}};\n"
            f"    for (int32_t i = 0; i < {n}; ++i) {{\n"
            "        *state = *state * 1664525u + 1013904223u;\n"
            "        const float share = (float)(*state >> 8) * (1.0f / 16777216.0f);\n"
            "        const float q_drawn = ranges[i][0] + share * (ranges[i][1] - ranges[i][0]);\n"
            "        q[i] = within(q_drawn, ranges[i][0], ranges[i][1]);\n"
            "        sine_cosine(q[i], &s[i], &c[i]);\n"
            "    }\n"
            "}\n\n"
        )

    def _restarts(self) -> str:
        """Statements that try seeds drawn at random after the network's."""
        if not self.restarts:
            return ""
        return (
            "    uint32_t state = 1;\n"
            f"    for (int32_t restart = 1; restart <= {self.restarts} && !solved; ++restart) {{\n"
            f"        {self.name}_info found;\n"
            "        float squared;\n"
            "        draw(&state, seeds[0], s[0], c[0]);\n"
            "        solved = refined(target, seeds[0], s[0], c[0], &found, &squared);\n"
            "        const int32_t tried = best.tried + 1;\n"
            "        if (solved || squared < least) {\n"
            "            least = squared;\n"
            "            found.branch = -1;\n"
            "            best = found;\n"
            "            memcpy(q, seeds[0], sizeof seeds[0]);\n"
            "        }\n"
            "        best.tried = tried;\n"
            "        best.restarts = restart;\n"
            "    }\n"
        )

    def _first_step(self) -> str:
        chain, task = self.spec.chain, self.spec.target
        if not kinematics.has_spare(chain, task):
            return "    (void)step(target, s, c, dq);"
        ones = ", ".join(["1.0f"] * len(chain))
        return (
            f"    static const float free[{len(chain)}] = {{{ones}}};\n"
            "    (void)step(target, s, c, free, dq);"
        )

    def _usable(self, texts: dict[str, object]) -> str:
        task = self.spec.target
        size = texts["target_size"]
        lines = [
            "/* Whether a target is one: finite numbers of a reasonable size"
            + (", and a rotation. */" if task.name == "pose" else ". */"),
            f"static bool usable(const float target[{size}])",
            "{",
            "    const float *const p = target;",
            "    const float squared = p[0] * p[0] + p[1] * p[1] + p[2] * p[2];",
            f"    bool good = squared <= {texts['farthest']} * {texts['farthest']};",
        ]
        columns = {"position": 0, "axis": 1, "pose": 3}[task.name]
        tolerance = float_literal(2 * RIGID_TOLERANCE)
        for a in range(columns):
            for b in range(a + 1):
                product = " + ".join(f"p[{3 + 3 * a + k}] * p[{3 + 3 * b + k}]" for k in range(3))
                off = " - 1.0f" if a == b else ""
                name = f"d{a}{b}"
                lines += [
                    f"    const float {name} = {product}{off};",
                    f"    good = good && {name} <= {tolerance} && {name} >= -{tolerance};",
                ]
        if task.name == "pose":
            # Column x cross column y points along column z, not against it.
            terms = (
                f"p[{9 + k}] * (p[{3 + i}] * p[{6 + j}] - p[{3 + j}] * p[{6 + i}])"
                for k, i, j in ((0, 1, 2), (1, 2, 0), (2, 0, 1))
            )
            lines.append(f"    good = good && {' + '.join(terms)} > 0.0f;")
        return "\n".join([*lines, "    return good;", "}"])

    def _judged(self) -> str:
        n, size = len(self.spec.chain), len(self.spec.target.component_names)
        prefix = self.name.upper()
        head = (
            f"static bool judged(\n    const float target[{size}], const float q[{n}], "
            f"float squared, {self.name}_info *info)\n{{\n"
        )
        if not self.spec.target.turns:
            return (
                "/* Whether the target is reached, and by how much it is not. */\n"
                + head
                + "    (void)target;\n    (void)q;\n"
                "    info->residual = root(squared);\n"
                f"    return squared < {prefix}_TOLERANCE * {prefix}_TOLERANCE;\n}}"
            )
        chord = float_literal((2 * math.sin(ROTATION_TOLERANCE / 2)) ** 2)
        return (
            "/* Whether the joints reach the target, and by how much they do not. */\n"
            + head
            + f"    float s[{n}], c[{n}], parts[2];\n"
            "    (void)squared;\n"
            f"    for (int32_t i = 0; i < {n}; ++i) {{\n"
            "        sine_cosine(q[i], &s[i], &c[i]);\n"
            "    }\n"
            "    measure(target, s, c, parts);\n"
            "    info->residual = root(parts[0]);\n"
            "    info->rotation_residual = angle_of_chord(parts[1]);\n"
            f"    return parts[0] < {prefix}_TOLERANCE * {prefix}_TOLERANCE && "
            f"parts[1] < {chord};\n}}"
        )

    def _seed_residual(self) -> str:
        if not self.spec.target.turns:
            return ""
        return (
            "    float parts[2];\n"
            "    measure(target, s, c, parts);\n"
            "    info->seed_residual = root(parts[0]);\n"
        )

    def _nearest_turn(self) -> str:
        """Statements that give joints which turn further than once the turn nearest to `near`."""
        lower, upper = kinematics.limits32(self.spec.chain)
        lines = []
        for k, joint in enumerate(self.spec.chain.joints):
            if joint.continuous:
                lines.append(f"    q[{k}] += TURN * whole((near[{k}] - q[{k}]) * (1.0f / TURN));")
            elif joint.upper - joint.lower >= 2 * math.pi + FULL_TURN_TOLERANCE:
                low, high = float_literal(lower[k]), float_literal(upper[k])
                lines.append(f"    q[{k}] = nearest_turn(q[{k}], near[{k}], {low}, {high});")
        return "".join(f"{line}\n" for line in lines)


def _filled(template: str, values: dict[str, object]) -> str:
    return Template(template_text(template)).substitute(values)
