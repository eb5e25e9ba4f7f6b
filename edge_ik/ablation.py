"""What each part of the training is worth: train without it, on several seeds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from edge_ik import preparation, training
from edge_ik.checkpoint import read_history
from edge_ik.config import Config, config_from_dict
from edge_ik.evaluation import evaluate_run
from edge_ik.run import METRICS_FILE, RUN_FILE, Run
from firmware_host.errors import RunError

# Each variant takes one part away; the last figure is the one the part is there for.
VARIANTS: dict[str, tuple[dict[str, Any], str]] = {
    "everything": ({}, "rmse_m"),
    "no hard mining": ({"mining.enabled": False}, "max_m"),
    "fixed weights": ({"loss.balance": False}, "rmse_m"),
    "no gate": ({"network.gate": False}, "rmse_m"),
    "no residual": ({"network.residual": False}, "rmse_m"),
}
COMPARED = ("rmse_m", "p95_m", "max_m", "joint_error_mean_deg", "focus_rmse_m")


@dataclass(frozen=True)
class Trial:
    """One training of the comparison.

    Attributes:
        variant: A name in `VARIANTS`.
        rng_seed: Its seed.
        figures: The error figures of the network alone, by name.
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
    tell: Callable[[str], None],
) -> Iterator[Trial]:
    """Train and measure every variant on every seed.

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
        for variant, (changes, _) in VARIANTS.items():
            run_folder = folder / f"{variant.replace(' ', '-')}-{rng_seed}"
            tell(f"{variant}, seed {rng_seed}")
            changed = _changed(config, {**changes, "training.rng_seed": rng_seed})
            run = _trained(changed, run_folder)
            metrics = _measured(run, targets)
            seconds = read_history(run)[-1]["seconds"]
            yield Trial(variant, rng_seed, metrics["network"], seconds)


def summarize(trials: list[Trial]) -> dict[str, dict[str, Any]]:
    """Mean figures by variant, and on how many seeds the part that is missing helps.

    Returns:
        For each variant the means of `COMPARED`; but for the first also `judged_by`
        and `worse_without`, the number of seeds where taking the part away raises
        that figure.
    """
    summary: dict[str, dict[str, Any]] = {}
    whole = {trial.rng_seed: trial for trial in trials if trial.variant == "everything"}
    for variant, (changes, judged_by) in VARIANTS.items():
        own = [trial for trial in trials if trial.variant == variant]
        summary[variant] = {
            name: float(np.mean([trial.figures[name] for trial in own])) for name in COMPARED
        }
        if changes:
            summary[variant]["judged_by"] = judged_by
            summary[variant]["worse_without"] = sum(
                trial.figures[judged_by] > whole[trial.rng_seed].figures[judged_by] for trial in own
            )
    return summary


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
        if run.config != config:
            raise RunError(
                f"'{folder}' holds a trial of another configuration. Choose another folder "
                "with --out, or remove it."
            )
    else:
        run, source = preparation.start(config, folder)
    training.train(run, source)
    return run


def _measured(run: Run, targets: int) -> dict[str, Any]:
    """The run's figures, from its folder if they are there."""
    path = run.folder / METRICS_FILE
    if path.is_file():
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if stored["targets"] == targets:
            return stored
    return evaluate_run(run.folder, targets)
