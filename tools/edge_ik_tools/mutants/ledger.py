"""What became of mutants, kept on disk by batches, and the processes that look at them."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from edge_ik_tools.mutants.looking import Looked
from firmware_host.errors import RunError
from firmware_host.files import tidy_folder, write_text
from firmware_host.progress import Done, Tell, untold

BATCH = 500
# What no mutant may take more of.
SECONDS = 2.0
MEGABYTES = 500.0
LEDGER_FILE = "ledger.jsonl"
COMMAND = (sys.executable, "-P", "-m", "edge_ik_tools.mutants.looking")


@dataclass
class Batch:
    """What became of some mutants in a row.

    Attributes:
        first: Number of the first.
        count: How many.
        taken: How many were taken in one way at least.
        kinds: How many of each kind.
        odd: Those that went wrong, or took too much.
        seconds: The longest.
        megabytes: The most memory.
    """

    first: int
    count: int = 0
    taken: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    odd: list[dict[str, object]] = field(default_factory=list)
    seconds: float = 0.0
    megabytes: float = 0.0

    def add(self, looked: Looked) -> None:
        """Count one."""
        self.count += 1
        self.taken += looked.taken > 0
        kind = looked.kind.partition(" ")[0] or "unknown"
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        self.seconds = max(self.seconds, looked.seconds)
        self.megabytes = max(self.megabytes, looked.megabytes)
        if looked.broken or looked.seconds > SECONDS or looked.megabytes > MEGABYTES:
            self.odd.append(asdict(looked))


class Ledger:
    """The batches that are done, one line each.

    Args:
        folder: Where it is kept.
        identity: What the mutants are made of; a ledger is of one such thing.

    Raises:
        RunError: If the folder holds the ledger of others.
        WriteError: If it cannot be written.
    """

    def __init__(self, folder: Path, identity: dict[str, object]) -> None:
        tidy_folder(folder)
        self.path = folder / LEDGER_FILE
        self.batches: dict[int, Batch] = {}
        if not self.path.is_file():
            write_text(self.path, json.dumps(identity) + "\n")
            return
        first, *lines = self._whole_lines()
        if json.loads(first) != identity:
            raise RunError(f"{self.path} is of other mutants: {first}. Choose another folder.")
        for line in lines:
            batch = Batch(**json.loads(line))
            self.batches[batch.first] = batch

    def _whole_lines(self) -> list[str]:
        """The ledger's lines, without one that was being written when its process was ended."""
        lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
        if not lines[-1].endswith("\n"):
            write_text(self.path, "".join(lines[:-1]))
            return lines[:-1]
        return lines

    def has(self, first: int, count: int) -> bool:
        """Whether so many mutants, from this one on, were looked at."""
        return first in self.batches and self.batches[first].count >= count

    def add(self, batch: Batch) -> None:
        """Keep a batch."""
        self.batches[batch.first] = batch
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(batch)) + "\n")

    def wrong(self) -> list[dict[str, object]]:
        """Those that went wrong or took too much."""
        return [odd for batch in self.batches.values() for odd in batch.odd]

    def summary(self) -> str:
        """How many there were of each kind, and what went wrong."""
        batches = list(self.batches.values())
        kinds: Counter[str] = Counter()
        for batch in batches:
            kinds.update(batch.kinds)
        count, taken = sum(b.count for b in batches), sum(b.taken for b in batches)
        wrong = self.wrong()
        broken = sum(bool(odd["broken"]) for odd in wrong)
        each = ", ".join(f"{number:,} of {kind}" for kind, number in sorted(kinds.items()))
        seconds = max((batch.seconds for batch in batches), default=0.0)
        megabytes = max((batch.megabytes for batch in batches), default=0.0)
        lines = [
            f"{count:,} mutants ({each}):",
            f"{taken:,} taken in some way, {count - taken:,} refused in every;",
            f"{broken} went wrong; {len(wrong) - broken} took more than {SECONDS:g} s or",
            f"{MEGABYTES:g} MB; the longest {seconds:.2f} s, the largest {megabytes:.0f} MB.",
        ]
        for odd in wrong[:20]:
            told = str(odd["broken"]).strip().splitlines()
            lines.append(
                f"  {odd['number']} ({odd['kind']}): {odd['seconds']:.2f} s, "
                f"{odd['megabytes']:.0f} MB {told[0] if told else ''} {told[-1] if told else ''}"
            )
        return "\n".join(lines)


def run(
    models: list[Path],
    count: int,
    seed: int,
    jobs: int,
    folder: Path,
    tell: Tell = untold,
) -> Ledger:
    """Look at the mutants of some models, and keep what became of them.

    Args:
        models: Good model files.
        count: How many mutants.
        seed: Which ones.
        jobs: Processes side by side.
        folder: Where the ledger is kept; what it has is not done again.
        tell: Called with how far it is, after each batch.

    Raises:
        RunError: If the folder holds the ledger of other mutants.
    """
    made_of = [hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in models]
    ledger = Ledger(folder, {"models": made_of, "seed": seed, "batch": BATCH})
    left = [
        first
        for first in range(0, count, BATCH)
        if not ledger.has(first, min(BATCH, count - first))
    ]
    tell(_come(ledger, count))
    began = time.perf_counter()
    with ThreadPoolExecutor(jobs) as pool:
        for done, batch in enumerate(
            pool.map(lambda first: _batch(models, seed, first, min(first + BATCH, count)), left), 1
        ):
            ledger.add(batch)
            rest = (time.perf_counter() - began) / done * (len(left) - done)
            tell(_come(ledger, count, rest))
    return ledger


def _come(ledger: Ledger, count: int, seconds: float | None = None) -> Done:
    """How far it is, of so many mutants, with about so many seconds left; no line without them."""
    looked_at = sum(batch.count for batch in ledger.batches.values())
    wrong = f"{len(ledger.wrong())} wrong"
    line = ""
    if seconds is not None:
        line = f"{looked_at:,} of {count:,}, {wrong}, {seconds / 60:.0f} min left"
    return Done(f"Mutants, {wrong}", looked_at, count, "mutants", line)


def _batch(models: list[Path], seed: int, first: int, last: int) -> Batch:
    """Look at mutants in a row, in as many processes as it takes."""
    batch = Batch(first)
    at = first
    while at < last:
        begun = at
        for looked in _processed(models, seed, at, last):
            batch.add(looked)
            at = looked.number + 1
        if at == begun:
            raise RunError(f"The process that looks at mutant {at} does not begin.")
    return batch


def _processed(models: list[Path], seed: int, first: int, last: int) -> Iterator[Looked]:
    """What a process tells of mutants, and of the one that ended it."""
    asked = {"models": [str(path) for path in models], "seed": seed, "first": first, "last": last}
    with subprocess.Popen(
        [*COMMAND, json.dumps(asked)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None  # noqa: S101 - narrows the type
        begun = None
        for line in process.stdout:
            told = json.loads(line)
            if "begins" in told:
                begun = told["begins"]
            else:
                begun = None
                yield Looked(**told)
        code = process.wait()
    if begun is not None:
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        name = signal.Signals(-code).name if code < 0 else ""
        yield Looked(begun, "unknown", broken=f"ended by {how} {name}")
