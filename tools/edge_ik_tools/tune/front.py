"""What a search found: the front of networks that none beats, counted exactly."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge_ik.config import Config
from edge_ik.run import Run
from edge_ik.tables import counted, figure_cell
from edge_ik_tools.tune.counting import Counts, count
from edge_ik_tools.tune.kept import read_kept
from edge_ik_tools.tune.measure import Measured, measure_int8, target_count
from edge_ik_tools.tune.search import Search
from edge_ik_tools.tune.trials import FLATBUFFER_FILE, Trial
from firmware_host.files import write_json, write_text
from firmware_host.progress import Done
from firmware_host.tables import TextRow, TextTable

EXACT_FILE = "exact.json"
FRONT_CSV, FRONT_JSON = "front.csv", "front.json"
# Targets that instructions are counted over.
COUNTED_TARGETS = 500
# Targets of the told share are drawn beside those that trials were judged by.
TOLD_DRAW = 2
# More rows than this are not read.
MOST_ROWS = 12


@dataclass(frozen=True)
class Row:
    """One network of the front.

    Attributes:
        trial: The trial.
        counts: What its firmware takes on the core, exactly.
        measured: What it solves, of targets that no trial was judged by.
        meets: Whether that meets the goal, within the limits.
    """

    trial: Trial
    counts: Counts
    measured: Measured
    meets: bool

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values, flat."""
        return {
            "trial": self.trial.number,
            **asdict(self.trial.size),
            "learning_rate": self.trial.learning_rate,
            **self.counts.to_dict(),
            "solved": self.measured.solved,
            "unsolved": self.measured.unsolved,
            "targets": self.measured.targets,
            "meets": self.meets,
            "stopped": self.trial.stopped,
        }


@dataclass(frozen=True)
class Front:
    """What a search found.

    Attributes:
        rows: The front, the cheapest first.
        trained: How many networks were trained to their end.
        stopped: How many were stopped as hopeless.
        chosen: The cheapest that meets the goal, or None.
    """

    rows: tuple[Row, ...]
    trained: int
    stopped: int
    chosen: Row | None


def undominated(trials: Sequence[Trial], costs: Sequence[tuple[float, float]]) -> list[Trial]:
    """The trials than which none is better in one thing and as good in the others.

    Args:
        trials: The trials.
        costs: Instructions and flash of each.
    """
    points = [(trial, (*cost, trial.unsolved)) for trial, cost in zip(trials, costs, strict=True)]
    return [
        trial
        for index, (trial, own) in enumerate(points)
        if not any(
            all(a <= b for a, b in zip(other, own, strict=True)) and (other != own or place < index)
            for place, (_, other) in enumerate(points)
            if place != index
        )
    ]


def found_front(search: Search, trials: Sequence[Trial]) -> Front:
    """Count and measure the front of a search, and write it into its folder.

    Raises:
        FirmwareBuildError: If the compiler refuses a firmware.
        EmulationError: If a firmware fails.
    """
    costs = [search.predicted(trial.size) for trial in trials]
    best = sorted(
        undominated(trials, costs), key=lambda trial: (search.predicted(trial.size), trial.unsolved)
    )
    if len(best) > MOST_ROWS:
        # Those that meet the goal, and the nearest to it of the others.
        nearest = sorted(best, key=lambda trial: trial.unsolved)[:MOST_ROWS]
        best = [trial for trial in best if trial in nearest]
    if best:
        networks = counted(len(best), "network")
        search.tell(f"Counting {networks} on an emulated {search.core.name}")
    rows: list[Row] = []
    with search.measuring() as tell:
        for trial in best:
            tell(Done(f"Trial {trial.number}", len(rows), len(best), "networks"))
            rows.append(_row(search, trial))
    rows.sort(key=lambda row: (row.counts.instructions, row.counts.flash))
    front = Front(
        tuple(rows),
        sum(not trial.stopped for trial in trials),
        sum(trial.stopped for trial in trials),
        next((row for row in rows if row.meets), None),
    )
    _write(search, front)
    return front


def _row(search: Search, trial: Trial) -> Row:
    """A row of the front, read back if it was counted before."""
    folder, settings = search.trial_folder(trial.number), search.settings
    path = folder / EXACT_FILE
    if path.is_file():
        counts, measured = read_kept(
            path, lambda kept: (Counts(**kept["counts"]), Measured(**kept["measured"]))
        )
    else:
        run = Run.load(folder)
        flatbuffer = (folder / FLATBUFFER_FILE).read_bytes()
        counts = count(run.spec, flatbuffer, search.core, COUNTED_TARGETS)
        measured = measure_int8(run, flatbuffer, target_count(settings.goal), TOLD_DRAW)
        write_json(path, {"counts": counts.to_dict(), "measured": measured.to_dict()})
    most_instructions, most_flash = settings.limits
    within = counts.instructions <= most_instructions and counts.flash <= most_flash
    return Row(trial, counts, measured, within and measured.solved >= settings.goal)


def _write(search: Search, front: Front) -> None:
    rows = [row.to_dict() for row in front.rows]
    write_json(search.folder / FRONT_JSON, front_values(search, front))
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    write_text(search.folder / FRONT_CSV, text.getvalue())


def front_values(search: Search, front: Front) -> dict[str, Any]:
    """JSON-ready values of what was found."""
    chosen = front.chosen
    return {
        "settings": search.settings.to_dict(),
        "seconds": search.state.spent,
        "trained": front.trained,
        "stopped": front.stopped,
        "front": [row.to_dict() for row in front.rows],
        "chosen": None if chosen is None else chosen.trial.number,
        "command": None if chosen is None else training_command(search, chosen.trial),
        "run": None if chosen is None else str(search.trial_folder(chosen.trial.number)),
    }


def front_table(search: Search, front: Front) -> TextTable:
    """The front as text."""
    rows: list[TextRow] = [
        (
            f"{row.trial.number}" + (" *" if row is front.chosen else ""),
            f"{row.trial.size.width} x {row.trial.size.blocks}",
            f"{row.trial.size.heads}",
            f"{row.counts.instructions:,.0f}",
            f"{row.counts.longest:,}",
            f"{row.counts.flash:,}",
            figure_cell(row.measured.solved, "%"),
            "yes" if row.meets else "no",
        )
        for row in front.rows
    ]
    counted = {"instructions": "instr.", "cycles": "cycles"}[search.core.unit]
    heads = ("trial", "network", "heads", counted, "longest", "flash", "solved %", "meets")
    goal = figure_cell(search.settings.goal, "%")
    return TextTable(f"Front on an emulated {search.core.name}, goal {goal}%", heads, rows)


def training_command(search: Search, trial: Trial) -> str:
    """The command that trains a trial's network."""
    config: Config = search.base(trial.size).config(trial.size, trial.learning_rate)
    arm, task = config.arm, config.task
    words = ["edge-ik", "train", "--arm", arm.source]
    words += ["--base", arm.base] if arm.base else []
    words += ["--tip", arm.tip] if arm.tip else []
    if arm.tool_offset:
        words += ["--tool-offset", *map(repr, arm.tool_offset)]
    words += ["--task", task.name]
    for option, value in task.make().options().items():
        words += [f"--{option.replace('_', '-')}", value]
    words += ["--branches", task.branches, "--width", str(config.network.width)]
    words += ["--blocks", str(config.network.blocks)]
    words += ["--heads", str(config.network.heads)] if config.network.heads > 1 else []
    words += ["--epochs", str(config.training.epochs)]
    words += ["--learning-rate", repr(config.training.learning_rate)]
    words += ["--rng-seed", str(config.training.rng_seed)]
    return shlex.join([*words, "--out", str(Path("runs") / f"{Path(arm.source).stem}-smallest")])
