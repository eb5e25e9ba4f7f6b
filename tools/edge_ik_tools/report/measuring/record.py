"""Everything that is measured of one model, in one record."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edge_ik import __version__
from edge_ik.config import to_toml
from edge_ik_tools.report.measuring.answers import answer
from edge_ik_tools.report.measuring.branches import Branches, measure_branches
from edge_ik_tools.report.measuring.errors import Errors, measure_errors
from edge_ik_tools.report.measuring.following import Followed, GivenPath, follow
from edge_ik_tools.report.measuring.rounding import Rounding, measure_rounding
from edge_ik_tools.report.measuring.subject import Subject
from edge_ik_tools.report.measuring.training import Training, read_training
from edge_ik_tools.report.measuring.verdict import Verdict, judge
from edge_ik_tools.report.measuring.workspace import Workspace, measure_workspace
from edge_ik_tools.report.measuring.worst import WorstTarget, worst_targets
from firmware_host.progress import Tell

TARGETS, POINTS = 50_000, 2_500


@dataclass(frozen=True)
class Asked:
    """What is measured.

    Attributes:
        targets: Unseen targets to solve.
        points: Of how many of these places are drawn.
        cuts: Slices across each axis of the workspace.
        rng_seed: Seed of the targets; that of the model's training without it, whose targets
            are then those of `edge-ik evaluate`.
        runtime: What runs model files.
        path: A path to follow, checked against the models' tasks.
    """

    targets: int = TARGETS
    points: int = POINTS
    cuts: int = 13
    rng_seed: int | None = None
    runtime: str | None = None
    path: GivenPath | None = None

    def shared_by(self, models: int) -> Asked:
        """The same with fewer places drawn of each, where several models share a page."""
        if models == 1:
            return self
        return replace(
            self, points=max(600, self.points // models), cuts=max(5, self.cuts // models | 1)
        )


@dataclass(frozen=True)
class Provenance:
    """Where a model comes from, and what measured it.

    Attributes:
        robot: Name of the robot.
        task: What a target is, in words.
        base: Link where the chain starts.
        tip: Link where it ends.
        version: The edge-ik that made the model.
        measured_by: The edge-ik that measured it.
        config_hash: Of its configuration.
        config: The configuration itself, as TOML; None where its run folder is not there.
        run: That folder, as a command names it.
        training_seed: Of its training.
        rng_seed: Of the targets that it is measured on.
        runtime: What ran it.
        format: float32, dynamic, int8 or int16x8.
        parameters: Numbers that its operators use.
        heads: Answers that one run of the network gives.
        steps: Refinement steps from each.
        sha256: Of the network's own bytes.
        size_bytes: Of the file.
    """

    robot: str
    task: str
    base: str
    tip: str
    version: str
    measured_by: str
    config_hash: str
    config: str | None
    run: str | None
    training_seed: int
    rng_seed: int
    runtime: str
    format: str
    parameters: int
    heads: int
    steps: int
    sha256: str
    size_bytes: int


@dataclass(frozen=True, eq=False)
class Record:
    """What is measured of one model; the same model and seed always give the same.

    Attributes:
        label: What the model is called.
        source: It, as a command names it.
        exported: The exported model, as a command names it; None of a run folder without one.
        verdict: Whether it holds.
        provenance: Where it comes from.
        workspace: The robot, and how well it answers where.
        errors: How far answers are off.
        rounding: What quantizing cost, or why that cannot be told.
        branches: Which branch answers where; None of a network of one head.
        worst: The worst answers.
        path: A path followed.
        training: How it was trained, or why that is not known.
    """

    label: str
    source: str
    exported: str | None
    verdict: Verdict
    provenance: Provenance
    workspace: Workspace
    errors: Errors
    rounding: Rounding | str
    branches: Branches | None
    worst: tuple[WorstTarget, ...]
    path: Followed
    training: Training | str


def measure(subject: Subject, asked: Asked, tell: Tell) -> Record:
    """Measure one model.

    Args:
        subject: It, opened.
        asked: What is measured.
        tell: Called with a line before each part that takes its time, and how far it is.

    Raises:
        TargetError: If the path is none of the model's task.
        RunError: If the run's history is damaged.
    """
    solver, origin = subject.solver, subject.origin
    rng_seed = origin.rng_seed if asked.rng_seed is None else asked.rng_seed
    tell(f"{subject.label}: solving {asked.targets:,} targets after each step")
    answered = answer(solver, asked.targets, rng_seed, tell)
    tell(f"{subject.label}: following a path")
    given = None if asked.path is None else asked.path.targets
    followed = follow(solver, origin.focus, given)
    twin = subject.twin
    rounding: Rounding | str
    if isinstance(twin, str):
        rounding = twin
    else:
        tell(f"{subject.label}: comparing with the network in other numbers")
        rounding = measure_rounding(twin, asked.targets, asked.points, rng_seed)
    return Record(
        label=subject.label,
        source=str(subject.path),
        exported=None if subject.exported is None else str(subject.exported),
        verdict=judge(answered, followed),
        provenance=_provenance(subject, rng_seed),
        workspace=measure_workspace(answered, solver.home, asked.points, asked.cuts),
        errors=measure_errors(answered, origin.one_branch),
        rounding=rounding,
        branches=measure_branches(solver, answered, asked.points),
        worst=worst_targets(solver, answered, subject.path, asked.runtime),
        path=followed,
        training=subject.run if isinstance(subject.run, str) else read_training(subject.run),
    )


def _provenance(subject: Subject, rng_seed: int) -> Provenance:
    solver, origin, chain = subject.solver, subject.origin, subject.solver.chain
    run = None if isinstance(subject.run, str) else subject.run
    return Provenance(
        robot=chain.name,
        task=f"{solver.task.name}: {solver.task.describe()}",
        base=chain.base,
        tip=chain.tip,
        version=origin.version,
        measured_by=__version__,
        config_hash=origin.config_hash,
        config=None if run is None else to_toml(run.config),
        run=None if run is None else str(run.folder),
        training_seed=origin.rng_seed,
        rng_seed=rng_seed,
        runtime=solver.runtime,
        format=origin.format,
        parameters=origin.parameters,
        heads=solver.spec.heads,
        steps=solver.problem.default_steps,
        sha256=origin.sha256,
        size_bytes=origin.size_bytes,
    )
