"""The fixed-point firmware's solver in plain integers, bit for bit.

What C does with 32 and 64 bits is done here with Python's integers, one target at a time.
Firmware and this must agree in every joint and status; `FixedSolver` is what tests and the
emulated cores compare with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from firmware_host.errors import ConfigError, ModelFileError
from firmware_host.fixed_point.arithmetic import LEAST, MOST, high
from firmware_host.fixed_point.ranges import ANGLE_BITS, UNIT_BITS
from firmware_host.fixed_point.refining import Refiner
from firmware_host.fixed_point.robot import FixedRobot
from firmware_host.network.flatbuffer import Tensor
from firmware_host.network.reference import ReferenceInterpreter
from firmware_host.spec import ModelSpec
from firmware_host.tolerances import FARTHEST_TARGET, TARGET_ROTATION

MILLION = 1_000_000
UNIT = 2**UNIT_BITS
# A millionth in `UNIT_BITS`, with 20 more.
UNITS = round(2.0**20 * UNIT / MILLION)
HALF_TURN = round(math.ldexp(math.pi, ANGLE_BITS))


@dataclass(frozen=True)
class FixedAnswer:
    """What a solve in integers says.

    Attributes:
        status: 0 solved, 1 unreachable, 2 bad target.
        q: (n,) joints in `FixedRobot.joint_bits`; empty for a bad target.
        squared: The squared distance in `FixedRobot.squared_bits`, of a target brought nearer
            if it was too far.
        branch: Whose seed led there.
        tried: Seeds that were refined.
    """

    status: int
    q: tuple[int, ...] = ()
    squared: int = 0
    branch: int = 0
    tried: int = 1


class FixedSolver(Refiner):
    """Solves in integers as firmware without a floating-point unit does.

    Args:
        spec: The robot and its task.
        network: Its network, of int8 or int16.
        steps: Refinement steps; the problem's usual ones without it.
        tries: Branches tried at most; all without it.

    Raises:
        ModelFileError: If the network's numbers are floats.
    """

    def __init__(
        self,
        spec: ModelSpec,
        network: ReferenceInterpreter,
        steps: int | None = None,
        tries: int | None = None,
    ) -> None:
        self.steps = spec.problem.default_steps if steps is None else steps
        self.tries = spec.heads if tries is None else tries
        (first,), (last,) = network.graph.inputs, network.graph.outputs
        source, result = network.graph.tensors[first], network.graph.tensors[last]
        output_scale, self.zero = _scale(result)
        self.network, self.dtype = network, source.dtype
        bits = np.iinfo(source.dtype).bits
        super().__init__(FixedRobot(spec, self.steps, _scale(source), output_scale, bits))

    # ---- Targets

    def solve_um(self, target: Sequence[int]) -> FixedAnswer:
        """Solve for a target in micrometres and millionths, integers of 32 bits."""
        if any(not LEAST <= part <= MOST for part in target):
            raise ConfigError("Expected integers of 32 bits.")
        robot, places = self.robot, len(self.spec.task.place)
        factor, shift = robot.metres
        far, largest = 0, max(map(abs, target[:places]))
        while largest >> far > robot.farthest_micro:
            far += 1
        place = [part * factor >> shift + far for part in target[:places]]
        most = 3 * MILLION // 2
        units = [min(max(part, -most), most) * UNITS >> 20 for part in target[places:]]
        return self._solve_placed(place, units, far)

    def solve(self, target: npt.ArrayLike) -> FixedAnswer:
        """Solve for a target in metres and units, rounded to single precision first."""
        given = np.asarray(target, dtype=np.float32)
        places = len(self.spec.task.place)
        if not np.all(np.isfinite(given)) or np.any(np.abs(given[:places]) > FARTHEST_TARGET):
            return FixedAnswer(2)
        if np.any(np.abs(given[places:]) > 1.5):
            return FixedAnswer(2)
        exponents = (math.frexp(float(part))[1] for part in given[:places])
        far = max(0, *(exponent - self.robot.farthest_power for exponent in exponents))
        place = [fixed(float(part), self.robot.place_bits - far) for part in given[:places]]
        units = [fixed(float(part), UNIT_BITS) for part in given[places:]]
        return self._solve_placed(place, units, far)

    def _solve_placed(self, place: Sequence[int], units: Sequence[int], far: int) -> FixedAnswer:
        """Solve for a place in `FixedRobot.place_bits`, divided by 2^far, and units."""
        robot = self.robot
        if far >= robot.limit_far:
            most = robot.limit_number >> far
            if sum((part >> 15) ** 2 for part in place) > most**2:
                return FixedAnswer(2)
        if not usable(self.spec, units):
            return FixedAnswer(2)
        answer = self._solve([*place, *units])
        if far and answer.status == 0:
            answer = replace(answer, status=1)
        return answer

    # ---- The solve

    def _solve(self, target: list[int]) -> FixedAnswer:
        robot = self.robot
        outputs, moves = self._run(target)
        own = self.spec.problem.outputs.size
        order = self._order(outputs, moves)
        best: FixedAnswer | None = None
        for tried, head in enumerate(order[: self.tries], start=1):
            q, s, c = self._decode(outputs[own * head : own * (head + 1)], moves)
            squared = self._descend(target, q, s, c, self.steps, robot.floor_number)
            solved = self._judged(target, q, squared)
            if best is None or solved or squared < best.squared:
                best = FixedAnswer(int(not solved), tuple(q), squared, head, tried)
            best = replace(best, tried=tried)
            if solved:
                break
        assert best is not None  # noqa: S101 - there is a head
        if best.status and self.steps:
            q = list(best.q)
            squared = self._approach(target, q, best.squared)
            status = int(not self._judged(target, q, squared))
            best = replace(best, status=status, q=tuple(q), squared=squared)
        return best

    def _run(self, target: list[int]) -> tuple[list[int], list[int]]:
        """The network's output less its zero point, and the target's turns and shifts."""
        robot = self.robot
        lowest, highest = robot.numbers
        numbers = [int(number) for number in self._programs["encode"](*target)]
        features = len(self.spec.problem.feature_names)
        x = [
            min(max((high(number, factor) + start) >> bits, lowest), highest)
            for number, (factor, start, bits) in zip(numbers, robot.affine, strict=False)
        ]
        y = self.network.run(np.array([x], dtype=self.dtype))[0]
        return [int(value) - self.zero for value in y], numbers[features:]

    def _order(self, outputs: list[int], moves: list[int]) -> list[int]:
        """The heads, the most promising first."""
        heads, own = self.spec.heads, self.spec.problem.outputs.size
        if heads == 1:
            return [0]
        promise = outputs[own * heads :]
        for joint in self.spec.problem.untold_joints:
            for head in range(heads):
                value = self._joint(outputs[own * head : own * (head + 1)], moves, joint)[0]
                if self.spec.chain.circular[joint]:
                    value = self._near_middle(joint, value)
                lower, upper = self.robot.limits[joint]
                room = self.robot.beyond[joint]
                beyond = value < lower - room or value > upper + room
                promise[head] -= 2**17 * beyond
        return sorted(range(heads), key=lambda head: (-promise[head], head))

    def _joint(self, own: list[int], moves: list[int], joint: int) -> tuple[int, int, int]:
        """A joint as a head says, not within its limits, with sine and cosine if it is circular."""
        robot, at = self.robot, self.spec.problem.outputs.joints[joint]
        if at.cosine is None:
            factor, shift = robot.linear[joint]
            value = robot.middles[joint] + (own[at.first] * factor >> shift)
            if joint in robot.moved:
                value += moves[robot.moved[joint]]
            return value, 0, 0
        a, b = own[at.first], own[at.cosine]
        s, c = self._programs["pointing"](a, b if a or b else 1)
        if joint in robot.moved:
            first = robot.moved[joint]
            s, c = self._programs["turned"](s, c, moves[first], moves[first + 1])
        return self._angle(s, c), s, c

    def _angle(self, s: int, c: int) -> int:
        """The angle of a point of the circle, in the joints' bits."""
        (angle,) = self._programs["angle"](s, abs(c))
        if c < 0:
            angle = (-HALF_TURN if s < 0 else HALF_TURN) - angle
        return int(angle) >> (ANGLE_BITS - self.robot.turn_bits)

    def _decode(self, own: list[int], moves: list[int]) -> tuple[list[int], list[int], list[int]]:
        """The joints that a head says, within their limits, and their places."""
        robot, q, s, c = self.robot, [], [], []
        for joint, circular in enumerate(self.spec.chain.circular.tolist()):
            lower, upper = robot.limits[joint]
            value, sine, cosine = self._joint(own, moves, joint)
            kept = robot.passes[joint] or lower <= value <= upper
            if circular and not kept:
                value = self._near_middle(joint, value)
                kept = lower <= value <= upper
            if not kept:
                value = min(max(value, lower), upper)
                if not robot.mixed:
                    sine, cosine = self._circle(value)
            q.append(value)
            s.append(sine)
            c.append(cosine)
        return (q, *self._placed(q)) if robot.mixed else (q, s, c)


def fixed(value: float, bits: int) -> int:
    """A number of single precision in a format, rounded down."""
    return math.floor(math.ldexp(value, bits))


def usable(spec: ModelSpec, units: Sequence[int]) -> bool:
    """Whether the units of a target are unit vectors, and across one another."""
    most = math.floor(2 * TARGET_ROTATION * UNIT)
    size = 3 if spec.task.directions else 2
    vectors = [units[k : k + size] for k in range(0, len(units), size)]
    for i, a in enumerate(vectors):
        for j, b in enumerate(vectors[: i + 1]):
            product = sum(x * y for x, y in zip(a, b, strict=True)) >> UNIT_BITS
            if abs(product - (UNIT if i == j else 0)) > most:
                return False
    if len(vectors) < 3:
        return True
    (a1, a2, a3), (b1, b2, b3), c = vectors
    across = (a2 * b3 - a3 * b2, a3 * b1 - a1 * b3, a1 * b2 - a2 * b1)
    return sum((x >> UNIT_BITS) * y for x, y in zip(across, c, strict=True)) > 0


def _scale(tensor: Tensor) -> tuple[float, int]:
    """Scale and zero point of a tensor of integers."""
    if tensor.quantization is None or tensor.dtype == np.float32:
        raise ModelFileError("Fixed point needs a network of int8 or int16, not float32.")
    return float(tensor.quantization.scale[0]), int(tensor.quantization.zero_point[0])
