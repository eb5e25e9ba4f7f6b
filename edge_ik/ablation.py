"""What each part of the training is worth: train without it, on several seeds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

import keras
import numpy as np

from edge_ik import preparation, training
from edge_ik.checkpoint import read_history
from edge_ik.config import Config, config_from_dict
from edge_ik.evaluation import evaluate_run
from edge_ik.run import METRICS_FILE, Run
from edge_ik.run_folder import RUN_FILE
from edge_ik.sizing import resolved
from firmware_host.errors import RunError
from firmware_host.json_text import read_json
from firmware_host.names import brief
from firmware_host.progress import Tell


@dataclass(frozen=True)
class Variant:
    """A training with one part taken away.

    Attributes:
        changes: Values of the configuration by dotted key, of which one at least differs.
        judged_by: The figure that the part is there for; a name in `COMPARED`.
    """

    changes: dict[str, Any]
    judged_by: str


WHOLE, ALONE = "everything", "no refinement"
# As in the published study; the last for arms with several branches.
VARIANTS: dict[str, Variant] = {
    WHOLE: Variant({}, "solved"),
    "no hard mining": Variant({"mining.share": 0.0}, "max_m"),
    "fixed weights": Variant({"loss.balance": False}, "rmse_m"),
    ALONE: Variant({}, "solved"),
    "no gate": Variant({"network.gate": False}, "rmse_m"),
    "no residual": Variant({"network.residual": False}, "rmse_m"),
    "one head": Variant({"network.heads": 1}, "solved"),
}
# The share of everything the arm reaches that is solved, and how far answers are off; then
# figures of the network alone, in its own branch if it was trained for one.
COMPARED = (
    "solved",
    "answer_rmse_m",
    "rmse_m",
    "p95_m",
    "max_m",
    "joint_error_mean_deg",
    "focus_rmse_m",
)


@dataclass(frozen=True)
class Trial:
    """One training of the comparison.

    Attributes:
        variant: A name in `VARIANTS`.
        rng_seed: Its seed.
        figures: Those of `COMPARED` that there are.
        seconds: How long it trained.
    """

    variant: str
    rng_seed: int
    figures: dict[str, float]
    seconds: float


def ablate(
    config: Config,
    seeds: int,
    folder: Path,
    targets: int,
    tell: Tell,
) -> Iterator[Trial]:
    """Train and measure every variant on every seed.

    A variant that changes nothing is left out: hard mining where there is none, and one head
    against one. Without refinement, the network of the whole is measured alone.

    A trial that is already measured in `folder` is read back, and one that was
    interrupted is resumed, so the comparison can be continued.

    Args:
        config: The configuration that parts are taken away from.
        seeds: Number of seeds, from 0.
        folder: One run folder for each trial goes in here.
        targets: Unseen targets to measure on.
        tell: Called with a line before each trial.

    Raises:
        RunError: If a trial in the folder has another configuration.
    """
    for rng_seed in range(seeds):
        whole: Run | None = None
        for name, variant in VARIANTS.items():
            run_folder = folder / f"{name.replace(' ', '-')}-{rng_seed}"
            if name == ALONE:
                assert whole is not None  # noqa: S101 - narrows the type
                yield _trial(name, whole, targets)
                continue
            if whole is not None and _changed(whole.config, variant.changes) == whole.config:
                continue
            tell(f"{name}, seed {rng_seed}")
            changes = {**variant.changes, "training.rng_seed": rng_seed}
            run = _trained(_changed(config, changes), run_folder)
            whole = run if whole is None else whole
            yield _trial(name, run, targets)


def summarize(trials: list[Trial]) -> dict[str, dict[str, Any]]:
    """Mean figures by variant, and on how many seeds the part that is missing helps.

    Returns:
        For each variant the means of those of `COMPARED` that there are; but for the first
        also `judged_by` and `worse_without`, the number of seeds where taking the part away
        makes that figure worse.
    """
    summary: dict[str, dict[str, Any]] = {}
    whole = {trial.rng_seed: trial.figures for trial in trials if trial.variant == WHOLE}
    for name, variant in VARIANTS.items():
        own = [trial for trial in trials if trial.variant == name]
        if not own:
            continue
        summary[name] = {
            figure: float(np.mean([trial.figures[figure] for trial in own]))
            for figure in COMPARED
            if figure in own[0].figures
        }
        if name != WHOLE:
            judged_by = variant.judged_by
            summary[name]["judged_by"] = judged_by
            summary[name]["worse_without"] = sum(
                _is_worse(judged_by, trial.figures, whole[trial.rng_seed]) for trial in own
            )
    return summary


def _is_worse(name: str, figures: dict[str, float], than: dict[str, float]) -> bool:
    """Whether one of `COMPARED` is worse: less of what is solved, more of an error."""
    difference = figures[name] - than[name]
    return difference < 0 if name == "solved" else difference > 0


def _changed(config: Config, changes: dict[str, Any]) -> Config:
    values = config.to_dict()
    for key, value in changes.items():
        table, name = key.split(".")
        values[table][name] = value
    return config_from_dict(values)


def _trained(config: Config, folder: Path) -> Run:
    """The finished run of a configuration, trained or continued if it must be."""
    keras.backend.clear_session()
    if (folder / RUN_FILE).is_file():
        run, source = preparation.resume(folder)
        if not _is_of(run, config):
            raise RunError(
                f"'{folder}' holds a trial of another configuration. Choose another folder "
                "with --out, or remove it."
            )
    else:
        run, source = preparation.start(config, folder)
    training.train(run, source)
    return run


def _is_of(run: Run, config: Config) -> bool:
    """Whether a run is one of a configuration, of which something may be left to be chosen."""
    branches = run.config.task.branches
    return (
        config.task.branches in ("auto", branches)
        and resolved(config, run.problem, branches == "home") == run.config
    )


def _trial(name: str, run: Run, targets: int) -> Trial:
    """The figures of a trained run as one of `VARIANTS`."""
    metrics = _measured(run, targets)
    seconds = read_history(run)[-1]["seconds"]
    refined = name != ALONE
    return Trial(name, run.config.training.rng_seed, _compared(metrics, refined), seconds)


def _compared(metrics: dict[str, Any], refined: bool) -> dict[str, float]:
    """Those of `COMPARED` that `evaluate_run` measured, with the usual steps or none."""
    everywhere = metrics["any_branch"]
    alone, answer = everywhere["0"], everywhere[str(metrics["steps"] if refined else 0)]
    own = metrics["one_branch"]["network"] if "one_branch" in metrics else alone
    solved = metrics["solved"] if refined else alone.get("solved_1mm_01deg", alone["solved_1mm"])
    values = {**own, "solved": solved, "answer_rmse_m": answer["rmse_m"]}
    return {name: values[name] for name in COMPARED if name in values}


def _measured(run: Run, targets: int) -> dict[str, Any]:
    """The run's figures, from its folder if they are there."""
    path = run.folder / METRICS_FILE
    if path.is_file():
        try:
            stored: dict[str, Any] = read_json(path, finite=False)
            _compared(stored, True)
            if stored["targets"] == targets:
                return stored
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise RunError(
                f"{path} is damaged: {type(error).__name__}: {brief(str(error))}. Delete it, and "
                f"have it written anew with: edge-ik evaluate {quote(str(run.folder))}"
            ) from error
    return evaluate_run(run.folder, targets)
