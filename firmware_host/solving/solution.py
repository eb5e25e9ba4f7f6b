"""What the solver gives back: joints, and what was measured of them."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar, overload

import numpy as np
import numpy.typing as npt

from firmware_host.chain import FloatArray
from firmware_host.servos import IntArray
from firmware_host.solving.mistakes import advice
from firmware_host.spec import ModelSpec


class Status(enum.Enum):
    """How a solve ended; in the order of the C enumeration.

    Unreachable means not reached in the steps taken: a few more led from the best answer
    toward the nearest posture there is, which is within 5% of the least distance for most
    targets out of reach. A target outside the workspace never can be reached. Limited means
    on the way to an answer, as far as `max_step` lets joints move; only `track` says so.
    """

    SOLVED = "solved"
    """The target is reached within tolerance."""
    UNREACHABLE = "unreachable"
    """It is not, in the steps taken."""
    BAD_TARGET = "bad target"
    """It has a number that is not finite; the joints are those of the home posture."""
    LIMITED = "limited"
    """The joints are on their way, as far as `max_step` lets them move."""


# In the order of the C enumeration.
STATUSES = tuple(Status)


class Found(NamedTuple):
    """What a solve of one target has led to, and what was measured of it.

    Firmware gives a plain tuple of the same, in this order.

    Attributes:
        q: n doubles, the joints within the limits [rad, m].
        given: k doubles, the target's components; then n more, the present joints, if known.
        distance: Between the tool at q and the target [m].
        angle: Between their orientations [rad]; 0 where a target has none.
        seed_distance: The distance for the network alone [m].
        status: Index of the status in `STATUSES`.
        steps: Refinement steps taken from each seed.
        branch: Number of the branch that the seed was for, or -1.
        tried: Seeds that were refined.
        restarts: How many of them were drawn at random.
    """

    q: bytes
    given: bytes
    distance: float
    angle: float
    seed_distance: float
    status: int
    steps: int
    branch: int = -1
    tried: int = 1
    restarts: int = 0


T = TypeVar("T")


class Told(Generic[T]):
    """An attribute that is computed when it is first asked for, and cannot be set."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self.compute = compute
        self.name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, solution: None, owner: type) -> Told[T]: ...

    @overload
    def __get__(self, solution: Any, owner: type) -> T: ...

    def __get__(self, solution: Any, owner: type) -> Any:
        """The attribute's value, or of the class the attribute itself."""
        if solution is None:
            return self
        known = solution._known
        if self.name not in known:
            known[self.name] = self.compute(solution)
        return known[self.name]


class IkSolution:
    """One answer, judged on what is returned.

    What is told of it is computed when it is first asked for. Nothing of it can be set, and it
    equals itself alone. It can be pickled and copied.

    Args:
        spec: The robot and its task.
        found: The answer.
        seconds: How long it took.
    """

    __slots__ = ("_found", "_known", "_seconds", "_spec")

    def __init__(self, spec: ModelSpec, found: Found, seconds: float) -> None:
        self._spec = spec
        self._found = found
        self._seconds = seconds
        self._known: dict[str, Any] = {}

    @Told
    def q(self) -> FloatArray:
        """(n,) joints within the limits [rad, m]."""
        return np.frombuffer(self._found[0]).copy()

    @Told
    def q_all(self) -> FloatArray:
        """(s,) every moving joint [rad, m], those that follow others too, as `Chain.segments`."""
        return np.array(self._spec.chain.q_all(self._joints))

    @Told
    def position_error_m(self) -> float:
        """Distance between the tool at q and the target [m]."""
        return self._found[2]

    @Told
    def status(self) -> Status:
        """Solved, unreachable with the best configuration met, or limited."""
        return STATUSES[self._found[5]]

    @Told
    def within_limits(self) -> bool:
        """Whether every joint limit holds."""
        return bool(self._spec.chain.within_limits(self._joints))

    @Told
    def in_workspace(self) -> bool | None:
        """Whether the target lies where the network was trained; None if that is not known.

        To a twentieth of the reach.
        """
        workspace, task = self._spec.workspace, self._spec.task
        if workspace is None:
            return None
        return workspace.contains_one(self._spec.chain, task.position(self._target.tolist()))

    @Told
    def seed_error_m(self) -> float:
        """The distance to the target for the network alone [m]."""
        return self._found[4]

    @Told
    def steps(self) -> int:
        """Refinement steps taken from each seed."""
        return self._found[6]

    @Told
    def microseconds(self) -> float:
        """Time the solve took."""
        return self._seconds * 1e6

    @Told
    def rotation_error_rad(self) -> float | None:
        """Angle between the tool's orientation, or axis, and the target's [rad].

        None where a target has no orientation.
        """
        return self._found[3] if self._spec.task.has_orientation else None

    @Told
    def branch(self) -> int:
        """Number of the branch whose seed led here; -1 if no network's seed did."""
        return self._found[7]

    @Told
    def tried(self) -> int:
        """Seeds that were refined."""
        return self._found[8]

    @Told
    def restarts(self) -> int:
        """How many of them were drawn at random."""
        return self._found[9]

    @Told
    def joint_step(self) -> float | None:
        """Largest angle that a joint must travel from `q_near` [rad]; None without it.

        A prismatic joint travels in characteristic lengths.
        """
        near = self._near
        return None if near is None else float(self._spec.chain.travel(self._joints, near))

    @Told
    def near_within_limits(self) -> bool | None:
        """Whether `q_near` holds every limit; None without it."""
        near = self._near
        return None if near is None else bool(self._spec.chain.within_limits(near))

    @Told
    def advice(self) -> tuple[str, ...]:
        """Sentences on what was probably mistaken in the call, and on servos.

        Such as millimetres, or a servo whose range does not reach its joint; the status is of q
        all the same.
        """
        spec, reached = self._spec, self.status is not Status.UNREACHABLE
        sentences = advice(spec.chain, spec.task.placed(self._target), self._near, reached)
        return (*sentences, *(() if spec.servos is None else spec.servos.held_back(self._joints)))

    @Told
    def servo(self) -> IntArray | None:
        """(n,) commands of the servos at q, clipped to their ranges [us, ticks].

        None of a model without servos.
        """
        return self._spec.servo(self._joints)

    @property
    def _joints(self) -> FloatArray:
        """`q` as it was found, whatever became of the array that was given out."""
        return np.frombuffer(self._found[0])

    @property
    def _target(self) -> FloatArray:
        """(k,) the target's components."""
        return np.frombuffer(self._found[1], count=self._spec.task.size)

    @property
    def _near(self) -> FloatArray | None:
        """(n,) the present joints [rad, m], if they are known."""
        near = np.frombuffer(self._found[1])[self._spec.task.size :]
        return near if len(near) else None

    def __reduce__(self) -> tuple[Any, ...]:
        return _told_before, ({name: getattr(self, name) for name in ATTRIBUTES},)

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={getattr(self, name)!r}" for name in ATTRIBUTES)
        return f"IkSolution({told})"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values; metres and radians."""
        return {
            "q": self.q.tolist(),
            "q_all": self.q_all.tolist(),
            "status": self.status.value,
            "reachable": self.status is Status.SOLVED,
            "position_error_m": self.position_error_m,
            "rotation_error_rad": self.rotation_error_rad,
            "seed_error_m": self.seed_error_m,
            "within_limits": self.within_limits,
            "in_workspace": self.in_workspace,
            "branch": self.branch,
            "tried": self.tried,
            "restarts": self.restarts,
            "joint_step_rad": self.joint_step,
            "near_within_limits": self.near_within_limits,
            "steps": self.steps,
            "microseconds": self.microseconds,
            "advice": list(self.advice),
            "servo": None if self.servo is None else self.servo.tolist(),
        }


# Names of what is told of a solution, in order.
ATTRIBUTES = tuple(name for name, value in vars(IkSolution).items() if isinstance(value, Told))


def _told_before(known: dict[str, Any]) -> IkSolution:
    """A solution of which everything is told, without the robot that it is of."""
    solution = IkSolution.__new__(IkSolution)
    solution._known = known
    return solution


@dataclass(frozen=True, eq=False)
class IkBatch:
    """Answers to N targets; the fields of `IkSolution`, one row a target.

    Attributes:
        q: (N, n) joints within the limits [rad, m]; the home posture, or that of
            `q_near`, for a bad target.
        q_all: (N, s) where every moving joint is [rad, m].
        position_error_m: (N,) [m]; NaN for a bad target.
        status: (N,) of `Status`.
        within_limits: (N,) whether every joint limit holds.
        in_workspace: (N,) or None if that is not known.
        seed_error_m: (N,) [m]; NaN for a bad target.
        steps: Refinement steps taken for each seed.
        microseconds: Time that all of them took.
        rotation_error_rad: (N,) [rad], NaN for a bad target; None where a
            target has no orientation.
        branch: (N,) number of the branch whose seed led here; -1 if no network's seed did.
        tried: (N,) seeds that were refined.
        restarts: (N,) how many of them were drawn at random.
        near_within_limits: (N,) whether `q_near` holds every limit; None without it.
        servo: (N, n) commands of the servos at q [us, ticks]; None of a model without servos.
    """

    q: FloatArray
    q_all: FloatArray
    position_error_m: FloatArray
    status: npt.NDArray[np.object_]
    within_limits: npt.NDArray[np.bool_]
    in_workspace: npt.NDArray[np.bool_] | None
    seed_error_m: FloatArray
    steps: int
    microseconds: float
    rotation_error_rad: FloatArray | None
    branch: npt.NDArray[np.int_]
    tried: npt.NDArray[np.int_]
    restarts: npt.NDArray[np.int_]
    near_within_limits: npt.NDArray[np.bool_] | None = None
    servo: IntArray | None = None
