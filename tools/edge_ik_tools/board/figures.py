"""What the benchmark on a board reports: figures, and the tables that show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from edge_ik_tools.board.protocol import Counters, Hello
from firmware_host.bench.clock import Latency
from firmware_host.tables import TextRow, TextTable, percent

# Between the board's float32 and the host's float64 after the same steps [rad, L].
JOINT_TOLERANCE = 2e-5


@dataclass(frozen=True)
class Cycles:
    """Counts of a board's counter over many solves.

    Attributes:
        min: The fewest.
        median: The median.
        max: The most.
    """

    min: int
    median: float
    max: int

    @classmethod
    def of(cls, counts: Iterable[int]) -> Cycles:
        """The figures of counts, one a solve."""
        values = np.fromiter(counts, dtype=np.int64)
        return cls(int(values.min()), float(np.median(values)), int(values.max()))

    def microseconds(self, counter_hz: int) -> dict[str, float]:
        """The same in microseconds, at the counter's frequency [Hz]."""
        return {name: 1e6 * value / counter_hz for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Comparison:
    """A board's answers beside the host's.

    Attributes:
        max_joint_difference_rad: Largest difference of a joint, over all targets.
        differing: Targets with a joint that differs by more than `JOINT_TOLERANCE`; of a
            model whose answers single precision may rightly place elsewhere (orientations,
            several branches), those called solved that the host's kinematics does not confirm.
        worst_target: The target of the largest difference [m].
        status_differing: Targets whose status is another than the host's.
        max_residual_error_m: Largest difference between the residual that the board tells
            and the distance to the target at the joints that it returned.
        solved: Share of the targets that the board solved.
        limit_violations: Answers outside the joint limits.
        one_answer: Whether each target has one answer, so that every status must be equal.
    """

    max_joint_difference_rad: float
    differing: int
    worst_target: tuple[float, ...]
    status_differing: int
    max_residual_error_m: float
    solved: float
    limit_violations: int
    one_answer: bool = True

    @property
    def agrees(self) -> bool:
        """Whether every answer is the host's, and within the limits."""
        otherwise = self.status_differing if self.one_answer else 0
        return not (self.differing or otherwise or self.limit_violations)


@dataclass(frozen=True)
class LineFigures:
    """How the serial line did.

    Attributes:
        round_trip: From asking to the answer, retries included [microseconds].
        retries: Questions that were asked again.
        bad_crc: Answers that arrived with a wrong checksum.
        malformed: Answers that arrived cut, too long or too short.
        board: What the board counted of the questions during the benchmark.
    """

    round_trip: Latency
    retries: int
    bad_crc: int
    malformed: int
    board: Counters


@dataclass(frozen=True)
class SerialBenchmark:
    """One model on one board.

    Attributes:
        model: Name of the file, and its robot.
        port: The serial port.
        baud_rate: Its bits a second.
        board: What the board says of itself.
        targets: Number of targets.
        comparison: Its answers beside the host's.
        solve: Cycles of the whole solve.
        seed: Cycles of the network alone.
        line: How the serial line did.
    """

    model: Mapping[str, Any]
    port: str
    baud_rate: int
    board: Hello
    targets: int
    comparison: Comparison
    solve: Cycles
    seed: Cycles
    line: LineFigures

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        parts = {"total": self.solve, "network": self.seed}
        return {
            "model": dict(self.model),
            "port": self.port,
            "baud_rate": self.baud_rate,
            "board": asdict(self.board),
            "targets": self.targets,
            "agrees": self.comparison.agrees,
            "joint_tolerance_rad": JOINT_TOLERANCE,
            "comparison": {
                **asdict(self.comparison),
                "worst_target": list(self.comparison.worst_target),
            },
            "cycles": {name: asdict(cycles) for name, cycles in parts.items()},
            "us": {
                name: cycles.microseconds(self.board.counter_hz) for name, cycles in parts.items()
            },
            "line": {
                "round_trip_us": asdict(self.line.round_trip),
                "retries": self.line.retries,
                "bad_crc": self.line.bad_crc,
                "malformed": self.line.malformed,
                "board": asdict(self.line.board),
            },
        }


def board_tables(values: Mapping[str, Any]) -> list[TextTable]:
    """What `SerialBenchmark.to_dict` returns as text.

    Args:
        values: The result of `SerialBenchmark.to_dict`.

    Returns:
        The comparison, the cycles, the line, and the board.
    """
    board, line = values["board"], values["line"]
    labels = {"network": "network alone", "total": f"whole solve, {board['steps']} DLS steps"}
    cycles: list[TextRow] = [
        (
            label,
            *(f"{values['cycles'][part][name]:,.0f}" for name in ("min", "median", "max")),
            *(f"{values['us'][part][name]:,.1f}" for name in ("min", "median", "max")),
        )
        for part, label in labels.items()
    ]
    times = line["round_trip_us"]
    round_trip = ", ".join(f"{name} {times[name]:,.0f}" for name in ("p50", "p99", "max"))
    serial: list[TextRow] = [
        ("port", f"{values['port']}, {values['baud_rate']:,} baud"),
        ("round trip, microseconds", round_trip),
        ("questions asked again", f"{line['retries']:,}"),
        ("damaged answers", _damaged(line)),
        ("damaged questions, says the board", _damaged(line["board"])),
    ]
    itself: list[TextRow] = [
        ("model", f"{board['name']}, {board['model_hash']}"),
        ("file", f"{values['model']['file']} ({values['model']['robot']})"),
        ("joints", str(board["joints"])),
        ("solved means", f"under {1e3 * board['tolerance_m']:g} mm"),
    ]
    verdict = "every answer agrees" if values["agrees"] else "ANSWERS DIFFER"
    return [
        TextTable(
            f"Compared with the host, {values['targets']:,} targets: {verdict}",
            ("", ""),
            _compared(values["comparison"], values["joint_tolerance_rad"]),
        ),
        TextTable(
            f"On the board: cycles at {board['counter_hz'] / 1e6:g} MHz, and microseconds",
            ("", "min", "median", "max", "us min", "us median", "us max"),
            cycles,
        ),
        TextTable("Serial line", ("", ""), serial),
        TextTable("Board", ("", ""), itself),
    ]


def _compared(compared: Mapping[str, Any], tolerance: float) -> list[TextRow]:
    worst = ", ".join(f"{number:.4f}" for number in compared["worst_target"])
    one_answer = compared["one_answer"]
    allowed = f", allowed {tolerance:.0e}" if one_answer else ""
    largest = f"{compared['max_joint_difference_rad']:.2e} rad{allowed}, at [{worst}]"
    return [
        ("largest joint difference", largest),
        (
            "targets that differ by more" if one_answer else "called solved, but are not",
            f"{compared['differing']:,}",
        ),
        ("targets of another status", f"{compared['status_differing']:,}"),
        ("solved", f"{percent(compared['solved'])} %"),
        ("outside the joint limits", f"{compared['limit_violations']:,}"),
        ("error of the residual told", f"{1e3 * compared['max_residual_error_m']:.2g} mm at most"),
    ]


def _damaged(counts: Mapping[str, int]) -> str:
    return f"{counts['bad_crc']:,} with a wrong checksum, {counts['malformed']:,} otherwise"
