"""What is reported of firmware on an emulated core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_ik_tools.emulate.cores import Core, Room
from edge_ik_tools.emulate.cycles import Executed
from edge_ik_tools.emulate.emulators import Unit
from firmware_host.errors import ConfigError


@dataclass(frozen=True)
class Spread:
    """Instructions, or cycles where those are counted, over all targets.

    Attributes:
        min: The fewest.
        median: The median.
        mean: The mean.
        max: The most.
    """

    min: int
    median: float
    mean: float
    max: int

    @classmethod
    def of(cls, counts: npt.NDArray[np.int64]) -> Spread:
        """The spread of counts (N,)."""
        return cls(
            int(counts.min()), float(np.median(counts)), float(counts.mean()), int(counts.max())
        )


@dataclass(frozen=True)
class Baseline:
    """Another way to solve the same targets.

    Attributes:
        counts: What it takes.
        solved: Share of the targets solved, within the limits.
        steps_mean: Mean number of steps taken; 0 where there are none.
        steps_max: Largest number of steps taken.
    """

    counts: Spread
    solved: float
    steps_mean: float = 0.0
    steps_max: int = 0

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            **asdict(self.counts),
            "solved": self.solved,
            "steps_mean": self.steps_mean,
            "steps_max": self.steps_max,
        }


@dataclass(frozen=True)
class PathCost:
    """Instructions of a call along a smooth path.

    Attributes:
        points: Targets of the path.
        track: Instructions of `NAME_track`.
        track_solved: Share of the targets that it solves, judged by forward kinematics here.
        asked: Targets for which it asked the network.
        solve_near: Instructions of `NAME_solve_near`, from its own answer to the one before.
        near_solved: Share of the targets that it solves.
        limit_violations: Answers of either with a joint outside its limits.
        stack_bytes: Most stack that a call of `NAME_track` has written.
    """

    points: int
    track: Spread
    track_solved: float
    asked: int
    solve_near: Spread
    near_solved: float
    limit_violations: int
    stack_bytes: int

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            **asdict(self),
            "track": {**asdict(self.track), "solved": self.track_solved},
            "solve_near": {**asdict(self.solve_near), "solved": self.near_solved},
        }


@dataclass(frozen=True)
class Timing:
    """Cycles and time of a solve.

    Where the emulator counts instructions, cycles are an estimate: the instructions of one
    solve, the longest, are written down and each is given the cycles of its kind; their mean
    holds for the others.

    Attributes:
        clock_hz: The clock [Hz].
        cycles_per_instruction: The mean, or None where cycles are counted.
        median_cycles: Of the whole solve.
        max_cycles: Of the whole solve.
        median_us: Of the whole solve [microseconds].
        max_us: Of the whole solve [microseconds].
        assumptions: Where the cycles come from, and what else is assumed, in words.
    """

    clock_hz: float
    cycles_per_instruction: float | None
    median_cycles: float
    max_cycles: float
    median_us: float
    max_us: float
    assumptions: str

    @classmethod
    def of(
        cls, core: Core, total: Spread, longest: Sequence[Executed], clock_hz: float | None = None
    ) -> Timing | None:
        """Cycles and time, or None where instructions are counted and no timing is known.

        Args:
            core: The core.
            total: What the whole solve takes.
            longest: The instructions of one solve, one by one, where those are counted.
            clock_hz: The clock; the core's usual one without it.

        Raises:
            ConfigError: If the clock is not above 0, or there is no use for it.
        """
        check_clock(core, clock_hz)
        clock = clock_hz or core.clock_hz
        if clock is None:
            return None
        mean, assumptions = None, "Cycles are counted, with no interrupts."
        if core.cycles is not None:
            mean = core.cycles.cycles(longest) / len(longest)
            assumptions = (
                f"an estimate, {mean:.2f} cycles for an instruction in the mean. Cycles: "
                f"{core.cycles.source}. Memory without wait states, no interrupts."
            )
        each = 1.0 if mean is None else mean
        return cls(
            clock_hz=float(clock),
            cycles_per_instruction=mean,
            median_cycles=each * total.median,
            max_cycles=each * total.max,
            median_us=1e6 * each * total.median / clock,
            max_us=1e6 * each * total.max / clock,
            assumptions=assumptions,
        )


def check_clock(core: Core, clock_hz: float | None) -> None:
    """Refuse a clock that is not above 0, or that tells nothing of the core.

    Raises:
        ConfigError: If it is refused.
    """
    if clock_hz is None:
        return
    if core.clock_hz is None:
        raise ConfigError(
            f"Expected no clock for {core.name}: its instructions are counted, and their cycles "
            f"are not published, so that no time follows. Received: clock_hz={clock_hz:g}"
        )
    if not 0 < clock_hz < float("inf"):
        raise ConfigError(f"Expected a clock above 0 Hz. Received: clock_hz={clock_hz:g}")


@dataclass(frozen=True)
class EmulatedBenchmark:
    """One model's firmware on one emulated core.

    The whole solve is the code as it ships. Its stages are counted as functions of their
    own: where the compiler merges them into the solve, they need not add up to it.

    Attributes:
        target: Name of the core.
        part: Name of the chip or board that was asked for and has it, or None of a core.
        machine: The emulated machine, and the versions of compiler and emulator.
        unit: What is counted: instructions, or cycles where the emulator has those exactly.
        encode: From the target to the network's input.
        network: The network.
        decode: From its output to joints, of all branches tried.
        refine: The refinement of all seeds tried.
        total: The whole solve, from its first instruction to the return.
        flash_bytes: Code and constants that `NAME_solve` needs, the compiler's helpers included.
        ram_bytes: Its static variables.
        stack_bytes: Most stack that a solve has written, without interrupts.
        room: Flash and RAM of the part, where the core is one part's, or None.
        timing: Cycles and time, or None where no timing is published.
        targets: Number of targets.
        steps: Refinement steps from each seed.
        tried_mean: Mean number of seeds refined for a target.
        tried_max: Largest number.
        solved: Share solved, judged by forward kinematics on the host.
        limit_violations: Answers with a joint outside its limits.
        max_error_m: Largest distance between tool and target [m].
        max_joint_difference_rad: Largest difference of a joint to the NumPy solver [rad, L], where
            both solve the target and in the same branch.
        other_answers: Targets that both solve in different branches, as promising as each
            other to rounding.
        status_differences: Answers whose status differs from the NumPy solver's.
        network_inputs: Inputs that the network was compared on.
        network_differences: Output values that differ from the reference interpreter;
            for a float network those that differ by more than rounding.
        cold: Damped least squares from the middle of the limits.
        closed_form: The closed form, or None if there is none for this arm.
        path: What following a path takes.
    """

    target: str
    part: str | None
    machine: Mapping[str, str]
    unit: Unit
    encode: Spread
    network: Spread
    decode: Spread
    refine: Spread
    total: Spread
    flash_bytes: int
    ram_bytes: int
    stack_bytes: int
    room: Room | None
    timing: Timing | None
    targets: int
    steps: int
    tried_mean: float
    tried_max: int
    solved: float
    limit_violations: int
    max_error_m: float
    max_joint_difference_rad: float
    other_answers: int
    status_differences: int
    network_inputs: int
    network_differences: int
    cold: Baseline
    closed_form: Baseline | None
    path: PathCost

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        parts = ("encode", "network", "decode", "refine", "total")
        own = asdict(self)
        for name in (*parts, "cold", "closed_form"):
            del own[name]
        return {
            **own,
            "machine": dict(self.machine),
            self.unit: {part: asdict(getattr(self, part)) for part in parts},
            "path": self.path.to_dict(),
            "baselines": {
                "cold_dls": self.cold.to_dict(),
                "closed_form": None if self.closed_form is None else self.closed_form.to_dict(),
            },
        }
