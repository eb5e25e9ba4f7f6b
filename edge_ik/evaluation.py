"""The error figures, one definition for training, evaluation and exported models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge_ik import __version__
from edge_ik.answering import Answering, RefinedHere, answering, answers_by_steps
from edge_ik.data.focus import FocusCircle
from edge_ik.data.targets import BranchTargets, TargetSet, unseen_targets
from edge_ik.figures import ErrorFigures, describe_rest, error_figures
from edge_ik.run import METRICS_FILE, Run
from firmware_host.errors import ModelFileError
from firmware_host.files import check_writable, write_json
from firmware_host.problem import IkProblem
from firmware_host.progress import Done, Tell, untold
from firmware_host.solver import IkSolver
from firmware_host.solving.seeding import Seeder
from firmware_host.spec import Branch, mean_heads
from firmware_host.tolerances import Tolerance

REFINE_STEPS = 3
# With an orientation, or joints to spare, the figures of the last steps still differ.
FURTHER_STEPS = 6
# What can be done where the figures of a run cannot be kept in it.
COPIED = "copy the run to another place"


@dataclass(frozen=True)
class BranchEvaluation:
    """Figures of one branch on targets of its own, from one seed and by so many steps alone.

    Attributes:
        network: Figures of the network alone.
        refined: Figures by number of steps.
        targets: Number of targets.
    """

    network: ErrorFigures
    refined: dict[int, ErrorFigures]
    targets: int

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "network": self.network.to_dict(),
            "refined": _by_steps(self.refined),
            "targets": self.targets,
        }


@dataclass(frozen=True)
class Evaluation:
    """Error figures of a network alone and after each number of refinement steps.

    Attributes:
        solved: Share of everything the arm reaches that is answered to within tolerance, as
            the solver answers by default.
        steps: The refinement steps of that.
        targets: Number of targets.
        any_branch: Figures of branch "any" by number of steps on everything the arm reaches,
            of what a solver of so many steps answers: where it does not reach a target, it takes
            `NEAREST_STEPS` more. 0 is the network alone, by the head that it trusts most.
        tried: Seeds refined for a target, in the mean, with the default steps.
        rest: Where the targets lie that are not solved; see `describe_rest`.
        one_branch: Figures of the branch that a network of one head was trained in.
    """

    solved: float
    steps: int
    targets: int
    any_branch: dict[int, ErrorFigures]
    tried: float
    rest: dict[str, float]
    one_branch: BranchEvaluation | None = None

    @property
    def network(self) -> ErrorFigures:
        """Figures of the network alone."""
        return self.any_branch[0]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        values: dict[str, Any] = {
            "solved": self.solved,
            "steps": self.steps,
            "targets": self.targets,
            "any_branch": _by_steps(self.any_branch),
            "tried": self.tried,
            "rest": self.rest,
        }
        if self.one_branch is not None:
            values["one_branch"] = self.one_branch.to_dict()
        return values


def _by_steps(figures: Mapping[int, ErrorFigures]) -> dict[str, Any]:
    return {str(steps): found.to_dict() for steps, found in figures.items()}


def most_steps(problem: IkProblem) -> int:
    """Steps that figures are told for: those of the last still differ where more is to settle."""
    further = problem.task.has_orientation or problem.spare_joints
    return FURTHER_STEPS if further else REFINE_STEPS


def evaluate_seeds(
    seeder: Seeder, targets: TargetSet, steps: int | None = None, tell: Tell = untold
) -> Evaluation:
    """`evaluate_answers` of a network that is refined here.

    Args:
        seeder: The network with its problem.
        targets: As there.
        steps: As there.
        tell: As there.
    """
    return evaluate_answers(RefinedHere(seeder), targets, steps, tell)


def evaluate_answers(
    answers: Answering, targets: TargetSet, steps: int | None = None, tell: Tell = untold
) -> Evaluation:
    """Measure a network alone and refined, answering in any branch.

    Args:
        answers: What answers.
        targets: What to solve.
        steps: Largest number of refinement steps, at least the problem's usual number; by
            default `most_steps`.
        tell: Called with how far it is.

    Returns:
        Figures after 0, 1, ..., `steps` steps; each error is recomputed by forward
        kinematics on the clamped joints.
    """
    problem = answers.spec.problem
    usual = problem.default_steps
    anywhere: dict[int, ErrorFigures] = {}
    tried, solved = 1.0, np.ones(len(targets.q), dtype=bool)
    most = most_steps(problem) if steps is None else max(steps, usual)
    for taken, found in enumerate(answers_by_steps(answers, targets.target, most, tell)):
        q, errors = found.q, problem.errors(found.q, targets.target)
        anywhere[taken] = error_figures(problem, q, errors, np.zeros(0), None)
        if taken == usual:
            tried = float(found.tried.mean())
            solved = problem.is_solved(q, targets.target) & problem.chain.within_limits(q)
    if targets.one_branch is not None:
        tell(Done("Solving, the branch of the home posture"))
    return Evaluation(
        solved=float(solved.mean()),
        steps=usual,
        targets=len(targets.q),
        any_branch=anywhere,
        tried=tried,
        rest=describe_rest(problem, targets.q[~solved]),
        one_branch=None
        if targets.one_branch is None
        else evaluate_branch(answers, targets.one_branch, steps),
    )


def validate(seeder: Seeder, targets: TargetSet) -> tuple[float, ErrorFigures]:
    """The share solved by default, and the figures of the network alone: less than all."""
    answers, problem = RefinedHere(seeder), seeder.spec.problem
    seeds = answers.alone(targets.target).q
    alone = error_figures(problem, seeds, problem.errors(seeds, targets.target), np.zeros(0), None)
    q = answers.anywhere(targets.target, problem.default_steps).q
    return float(problem.is_solved(q, targets.target).mean()), alone


def evaluate_branch(
    answers: Answering, targets: BranchTargets, steps: int | None = None
) -> BranchEvaluation:
    """Measure the first head on targets of its own branch; arguments as in `evaluate_answers`."""
    problem = answers.spec.problem
    everything = np.concatenate([targets.target, targets.focus])
    count = len(targets.target)
    figures = []
    most = most_steps(problem) if steps is None else steps
    for q in answers.in_branch(everything, 0, most):
        distance, angle = problem.errors(q, everything)
        own = distance[:count], angle[:count]
        figures.append(error_figures(problem, q[:count], own, distance[count:], targets.q))
    return BranchEvaluation(figures[0], dict(enumerate(figures[1:], start=1)), count)


def evaluate_run(
    folder: Path, count: int, tolerance: Tolerance | None = None, tell: Tell = untold
) -> dict[str, Any]:
    """Measure a run's best network and write its `metrics.json`.

    Args:
        folder: The run folder.
        count: Number of unseen targets.
        tolerance: How near to a target counts as solved; 1 mm and 0.1 degrees without it.
        tell: Called with how far it is.

    Returns:
        The figures of `Evaluation.to_dict`, with what was measured.

    Raises:
        RunError: If the folder is not a run, or has no trained network yet.
        WriteError: If it cannot be written to.
    """
    from edge_ik.predictor import predictor

    run = Run.load(folder)
    check_writable(folder, COPIED)
    network = run.load_network()
    spec = run.spec.with_tolerance(tolerance)
    seeder, targets = Seeder(spec, predictor(network)), evaluation_targets(run, count)
    found = evaluate_seeds(seeder, targets, tell=tell)
    metrics = {
        **found.to_dict(),
        "tolerance": spec.problem.told_tolerance,
        **_described(run.branches),
        "robot": run.chain.name,
        "parameters": network.count_params(),
        "format": "float32",
        "runtime": "keras",
        "config_hash": run.config.hash(),
        "version": __version__,
    }
    write_json(folder / METRICS_FILE, metrics)
    return metrics


def _described(branches: tuple[Branch, ...]) -> dict[str, Any]:
    """What the heads answer; of several, how many of them lead to a target."""
    values: dict[str, Any] = {"branches": [asdict(branch) for branch in branches]}
    if len(branches) > 1:
        values["mean_heads"] = mean_heads(branches)
    return values


def evaluation_targets(run: Run, count: int) -> TargetSet:
    """The targets that a run's final figures are measured on, unseen in training."""
    return unseen_targets(
        run.problem,
        np.array(run.home),
        run.one_branch,
        run.focus,
        count,
        run.config.training.rng_seed,
    )


def evaluate_model(
    path: Path,
    count: int,
    runtime: str | None = None,
    tolerance: Tolerance | None = None,
    tell: Tell = untold,
) -> dict[str, Any]:
    """Measure an exported model on the targets that its run is measured on.

    Args:
        path: The model file.
        count: Number of unseen targets.
        runtime: What runs the network, see `firmware_host.network.runtimes`, or solves as a
            whole: the figures are of that solver's own answers then.
        tolerance: As for `evaluate_run`.
        tell: Called with how far it is.

    Returns:
        The same figures as `evaluate_run`.

    Raises:
        ModelFileError: If the file is damaged or no edge-ik model.
        RuntimeUnavailableError: If the runtime is not installed.
        ConfigError: If the runtime cannot tell what is solved to that tolerance.
    """
    solver = IkSolver.load(path, runtime, tolerance=tolerance)
    provenance = solver.spec.provenance
    try:
        rng_seed = int(provenance["rng_seed"])
        circle = provenance["focus"]
        focus = None if circle is None else FocusCircle.from_dict(circle)
        one_branch = provenance["trained_branches"] == "home"
        described = {
            "parameters": int(provenance["parameters"]),
            "format": str(provenance["quantization"]["format"]),
            "config_hash": str(provenance["config_hash"]),
            "version": str(provenance["version"]),
        }
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"{path} does not say what it was trained on: {type(error).__name__}: {error}."
        ) from error
    targets = unseen_targets(solver.problem, solver.home, one_branch, focus, count, rng_seed)
    found = evaluate_answers(answering(solver), targets, tell=tell)
    return {
        **found.to_dict(),
        "tolerance": solver.problem.told_tolerance,
        **_described(solver.spec.branches),
        "robot": solver.chain.name,
        "runtime": solver.runtime,
        **described,
    }
