"""From a trained run to verified model files that carry their robot."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_ik import __version__
from edge_ik.arms.servo_toml import read_servos_file
from edge_ik.evaluation import Evaluation, evaluate_seeds, evaluation_targets
from edge_ik.predictor import predictor
from edge_ik.preparation import resume
from edge_ik.run import ELSEWHERE, Run
from edge_ik_tools.compress.finetune import compress
from edge_ik_tools.convert import (
    CALIBRATION_SAMPLES,
    CALIBRATION_SEED_OFFSET,
    Format,
    calibration_features,
    checked_format,
    convert,
)
from edge_ik_tools.verify import Verification, verify
from firmware_host.errors import ConfigError
from firmware_host.files import check_writable, tidy_folder, write_json
from firmware_host.model_file import write_model
from firmware_host.progress import Tell, untold
from firmware_host.servos import Servos
from firmware_host.solving.seeding import Seeder
from firmware_host.spec import ModelSpec
from firmware_host.tasks import POSITION

EXPORT_FOLDER = "export"
EXPORT_FILE = "export.json"
EXPORT_TARGETS = 100_000


@dataclass(frozen=True)
class Exported:
    """One file written.

    Attributes:
        path: The model file.
        format: Name of its format.
        file_bytes: Size of the file.
        flatbuffer_bytes: Size of the network in it.
        verification: What was measured of it.
    """

    path: Path
    format: str
    file_bytes: int
    flatbuffer_bytes: int
    verification: Verification

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "path": str(self.path),
            "format": self.format,
            "file_bytes": self.file_bytes,
            "flatbuffer_bytes": self.flatbuffer_bytes,
            **self.verification.to_dict(),
        }


@dataclass(frozen=True)
class Export:
    """All files of one call, beside the trained network's own figures.

    Attributes:
        trained: Figures of the network in floats, before any conversion.
        files: What was written.
    """

    trained: Evaluation
    files: tuple[Exported, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "version": __version__,
            "trained": self.trained.to_dict(),
            "files": [exported.to_dict() for exported in self.files],
        }


def export(
    folder: Path,
    formats: Sequence[str],
    *,
    qat: bool = False,
    sparsity: float | None = None,
    servos: Path | None = None,
    out: Path | None = None,
    targets: int = EXPORT_TARGETS,
    tell: Tell = untold,
) -> Export:
    """Convert, verify and write a trained run.

    Args:
        folder: The run folder.
        formats: Names in `edge_ik_tools.convert.FORMATS`.
        qat: Fine-tune with quantization simulated; for int8.
        sparsity: Share of the weights to prune to zero, or None.
        servos: TOML file of the servos; None for those of the run, if it has some.
        out: Folder to write into; the run's own `export` without it.
        targets: Unseen targets that each format is measured on.
        tell: Called with a line of progress.

    Raises:
        ConfigError: If a format is unknown or cannot be combined with an option.
        RobotError: If the servos are not those of the robot.
        RunError, WriteError: If the run has no trained network, or nothing can be written.
        VerificationError: If a converted network does not do what the trained, or the
            fine-tuned, one does; nothing is written then.
    """
    wanted = _checked_formats(formats, qat)
    destination = out or folder / EXPORT_FOLDER
    if destination.exists() and not destination.is_dir():
        raise ConfigError(f"Expected a folder to write to. Received a file: '{destination}'")
    check_writable(destination, ELSEWHERE)
    run, source = resume(folder)
    run = _with_servos(run, servos, tell)
    network = run.load_network()
    trained = predictor(network)
    converted_from, tuned = trained, None
    calibration = calibration_features(source, run.config.training.rng_seed)
    if qat or sparsity is not None:
        compressed = compress(run, qat=qat, sparsity=sparsity, tell=tell)
        network, tuned = compressed.network, compressed.flatbuffer
        # Fine-tuning may change the answers; only its conversion must not.
        converted_from = predictor(network)
    spec = _spec(run, network.count_params())
    drawn = evaluation_targets(run, targets)
    made = []
    for target in wanted:
        tell(f"Converting to {target.name}")
        flatbuffer = tuned or convert(network, target, calibration)
        tell(f"Verifying {target.name} on {targets:,} targets")
        measured = verify(flatbuffer, target, spec, converted_from, drawn, calibration, tell)
        made.append((target, flatbuffer, measured))
    tidy_folder(destination, ELSEWHERE)
    files = tuple(_write(destination, run, spec, qat, sparsity, *one) for one in made)
    result = Export(evaluate_seeds(Seeder(run.spec, trained), drawn, tell=tell), files)
    write_json(destination / EXPORT_FILE, result.to_dict())
    return result


def _write(
    folder: Path,
    run: Run,
    spec: ModelSpec,
    qat: bool,
    sparsity: float | None,
    target: Format,
    flatbuffer: bytes,
    measured: Verification,
) -> Exported:
    """Write one model file with its figures."""
    path = folder / _file_name(run, target, qat, sparsity)
    write_model(path, flatbuffer, _with_figures(spec, target, measured, qat, sparsity))
    return Exported(path, target.name, path.stat().st_size, len(flatbuffer), measured)


def _with_servos(run: Run, file: Path | None, tell: Tell) -> Run:
    """The run with the servos of a file, or its own; tells what these do not reach."""
    if file is not None:
        run = dataclasses.replace(run, servos=Servos(run.chain, read_servos_file(file)))
    for sentence in () if run.servos is None else run.servos.warnings():
        tell(sentence)
    return run


def _checked_formats(formats: Sequence[str], qat: bool) -> list[Format]:
    """The formats of names, each once; a ConfigError if QAT cannot be combined with one."""
    wanted = [checked_format(name) for name in dict.fromkeys(formats)]
    if qat and any(target.name != "int8" for target in wanted):
        raise ConfigError(
            "Quantization-aware training is for int8 alone. Expected --quantize int8 with --qat. "
            f"Received: {', '.join(target.name for target in wanted)}"
        )
    return wanted


def _file_name(run: Run, target: Format, qat: bool, sparsity: float | None) -> str:
    """What a model is called, after its robot, its task, its format and how it was made."""
    # A robot's name may hold what a file's name may not.
    name = re.sub(r"[^\w.-]+", "_", run.chain.name)
    name += f"-{run.task.name}" if run.task != POSITION else ""
    suffix = ("-qat" if qat else "") + (f"-pruned{100 * sparsity:.0f}" if sparsity else "")
    return f"{name}-{target.name}{suffix}.tflite"


def _spec(run: Run, parameters: int) -> ModelSpec:
    """The robot and where it was trained, without figures yet."""
    provenance = {
        "version": __version__,
        "config_hash": run.config.hash(),
        "rng_seed": run.config.training.rng_seed,
        "trained_branches": run.config.task.branches,
        "focus": None if run.focus is None else run.focus.to_dict(),
        "parameters": parameters,
    }
    return dataclasses.replace(run.spec, provenance=provenance)


def _with_figures(
    spec: ModelSpec, target: Format, measured: Verification, qat: bool, sparsity: float | None
) -> dict[str, Any]:
    """The record that goes into the file."""
    record = spec.to_dict()
    record["provenance"] |= {
        "quantization": {
            "format": target.name,
            "qat": qat,
            "sparsity": sparsity,
            "calibration_samples": CALIBRATION_SAMPLES,
            "calibration_seed": spec.provenance["rng_seed"] + CALIBRATION_SEED_OFFSET,
        },
        "metrics": measured.evaluation.to_dict() | {"arena_bytes": measured.arena_bytes},
    }
    return record
