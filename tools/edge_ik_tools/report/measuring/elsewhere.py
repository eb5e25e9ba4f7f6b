"""What other commands measured: read from their JSON, told by its content."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firmware_host.errors import RunError
from firmware_host.names import brief

# What a search leaves in its folder.
FRONT_FILE = "front.json"
MOST_BYTES = 64 * 2**20
PARTS = ("encode", "network", "decode", "refine")


@dataclass(frozen=True)
class CoreCost:
    """What a solve costs on one core.

    Attributes:
        model: What the model is called, where it was counted for the report.
        core: Name of the core, or of the part that was asked for.
        unit: instructions, or cycles.
        parts: Median of each of `PARTS`.
        total: Median of a whole solve.
        longest: The most.
        flash_bytes: Code and constants.
        ram_bytes: Static variables.
        stack_bytes: Most stack of a solve or of tracking.
        targets: Number of targets counted over.
        solved: Share of these solved.
        microseconds: The longest solve [us], or None where no time is told.
        clock_mhz: At which clock.
        baselines: Median of the other ways to solve, by name.
    """

    model: str
    core: str
    unit: str
    parts: dict[str, float]
    total: float
    longest: float
    flash_bytes: int
    ram_bytes: int
    stack_bytes: int
    targets: int
    solved: float
    microseconds: float | None
    clock_mhz: float | None
    baselines: dict[str, float]

    @property
    def name(self) -> str:
        """The core, and the model if it is known."""
        return f"{self.model}, {self.core}" if self.model else self.core


@dataclass(frozen=True)
class PeerRow:
    """One solver among others, on the same targets.

    Attributes:
        name: What it is called.
        solved: Share of the targets solved.
        median_us: Median time of a call [us].
        p99_us: Its 99th percentile [us].
        error_m: Median distance from the target [m].
        note: What to know about it.
    """

    name: str
    solved: float
    median_us: float
    p99_us: float
    error_m: float | None
    note: str


@dataclass(frozen=True)
class Peers:
    """Solvers on the same targets.

    Attributes:
        targets: How many.
        rows: The solvers, the model's own first.
    """

    targets: int
    rows: tuple[PeerRow, ...]


@dataclass(frozen=True)
class AblationRow:
    """A training without one part.

    Attributes:
        name: What is missing.
        figures: Means over the seeds, by name.
        judged_by: The figure that the part is there for, or nothing.
        worse_without: On how many seeds that figure is worse.
    """

    name: str
    figures: dict[str, float]
    judged_by: str
    worse_without: int | None


@dataclass(frozen=True)
class FrontRow:
    """One network of a search's front.

    Attributes:
        trial: Its number.
        width: Width of its layers.
        blocks: Their number.
        instructions: Of a solve, the median.
        flash_bytes: Code and constants.
        unsolved: Share of the targets that are not solved.
        meets: Whether it meets the goal.
    """

    trial: int
    width: int
    blocks: int
    instructions: float
    flash_bytes: int
    unsolved: float
    meets: bool


@dataclass
class Elsewhere:
    """What was measured by other commands.

    Attributes:
        cores: Costs on emulated cores.
        peers: Other solvers.
        ablation: Trainings without one part.
        front: The networks of a search that no other beats.
        goal: The share that was searched for.
    """

    cores: list[CoreCost] = field(default_factory=list)
    peers: Peers | None = None
    ablation: tuple[AblationRow, ...] = ()
    front: tuple[FrontRow, ...] = ()
    goal: float | None = None

    def read(self, path: Path) -> None:
        """Add what a file of JSON tells.

        Raises:
            RunError: If it cannot be read, or is of no command that is known here.
        """
        try:
            if path.stat().st_size > MOST_BYTES:
                raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
            values = json.loads(path.read_text(encoding="utf-8"))
            known = self.add(values) if isinstance(values, Mapping) else False
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise RunError(
                f"The figures in '{path}' cannot be read: {type(error).__name__}: "
                f"{brief(str(error))}."
            ) from error
        if not known:
            raise RunError(
                f"'{path}' holds no figures that a report shows. Expected JSON of edge-ik bench "
                f"with --target or --peers, of edge-ik ablate, or the {FRONT_FILE} of a search."
            )

    def add(self, values: Mapping[str, Any], model: str = "") -> bool:
        """Add the figures of one command; whether they are of one that is known.

        Args:
            values: The JSON that it prints.
            model: What the model is called that they are of.
        """
        readers: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "flash_bytes": lambda found: self.cores.append(core_cost(found, model)),
            "peers": self._add_peers,
            "variants": self._add_ablation,
            "front": self._add_front,
        }
        known = [reader for key, reader in readers.items() if key in values]
        for reader in known:
            reader(values)
        return bool(known)

    def _add_peers(self, values: Mapping[str, Any]) -> None:
        found = values["peers"]
        rows = tuple(
            PeerRow(
                str(name),
                float(row["solved"]),
                float(row["time"]["p50"]),
                float(row["time"]["p99"]),
                None if row["error_m"] is None else float(row["error_m"]),
                str(row["note"]),
            )
            for name, row in found["solvers"].items()
        )
        self.peers = Peers(int(found["targets"]), rows)

    def _add_ablation(self, values: Mapping[str, Any]) -> None:
        self.ablation = tuple(
            AblationRow(
                str(name),
                {key: float(value) for key, value in row.items() if isinstance(value, float)},
                str(row.get("judged_by", "")),
                int(row["worse_without"]) if "worse_without" in row else None,
            )
            for name, row in values["variants"].items()
        )

    def _add_front(self, values: Mapping[str, Any]) -> None:
        self.front = tuple(
            FrontRow(
                int(row["trial"]),
                int(row["width"]),
                int(row["blocks"]),
                float(row["instructions"]),
                int(row["flash"]),
                float(row["unsolved"]),
                bool(row["meets"]),
            )
            for row in values["front"]
        )
        self.goal = float(values["settings"]["goal"])


def core_cost(values: Mapping[str, Any], model: str = "") -> CoreCost:
    """The cost that `bench --target CORE --json` tells of a model."""
    unit = str(values["unit"])
    counts, timing = values[unit], values["timing"]
    baselines = {
        name: float(found["median"])
        for name, found in values["baselines"].items()
        if found is not None
    }
    return CoreCost(
        model=model,
        core=str(values["part"] or values["target"]),
        unit=unit,
        parts={part: float(counts[part]["median"]) for part in PARTS},
        total=float(counts["total"]["median"]),
        longest=float(counts["total"]["max"]),
        flash_bytes=int(values["flash_bytes"]),
        ram_bytes=int(values["ram_bytes"]),
        stack_bytes=max(int(values["stack_bytes"]), int(values["path"]["stack_bytes"])),
        targets=int(values["targets"]),
        solved=float(values["solved"]),
        microseconds=None if timing is None else float(timing["max_us"]),
        clock_mhz=None if timing is None else float(timing["clock_hz"]) / 1e6,
        baselines=baselines,
    )
