"""Commands that are killed at any moment lose nothing, and the next leaves nothing over.

EDGE_IK_KILLS=50 kills each command so often, at random moments of all that it takes, and
prints what the kills met (with `-s`); that takes an hour. Without it, trainings are killed at
chosen moments (`test_training.py`), and what writes files before each of its steps
(`killed_at_every_step`).
"""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from edge_ik.lock import LOCK_FILE
from edge_ik.run import (
    CHECKPOINT_FILE,
    HISTORY_FILE,
    TENSORBOARD_FOLDER,
    Run,
)
from edge_ik.run_folder import RUN_FILE

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

KILLS = int(os.environ.get("EDGE_IK_KILLS", "0"))
RNG_SEED = 13
PATIENCE = 300.0
# A training of many heads, with everything that a run folder may have.
TINY = (
    *("--arm", "leg3", "--heads", 2, "--width", 8, "--epochs", 4, "--batch-size", 32),
    *("--set", "data.pool=1000", "--set", "training.validation_targets=200"),
    *("--set", "training.steps_per_epoch=10", "--set", "training.steps_per_execution=10"),
)


# Runs commands, each in a process forked from one that has imported everything.
SERVER = """
import json, os, sys
import edge_ik.training
import edge_ik_tools.board.firmware
import edge_ik_tools.c99.folder
import edge_ik_tools.emulate.counts
import edge_ik_tools.export
from edge_ik.cli import main

for line in iter(sys.stdin.readline, ""):
    process = os.fork()
    if process == 0:
        log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream, opened in ((0, os.open(os.devnull, os.O_RDONLY)), (1, log), (2, log)):
            os.dup2(opened, stream)
        main(json.loads(line))
    print(process, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
"""


class Server:
    """Where commands run that are killed; `seconds` is what the last of them had."""

    def __init__(self, folder):
        self.log, self.seconds = folder / "log.txt", 0.0
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(self.log)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )

    def run(self, *arguments, moment=PATIENCE):
        """Run a command until it ends, or kill it at a moment [s]; its exit code."""
        self.process.stdin.write(json.dumps([*map(str, arguments)]).encode() + b"\n")
        process = int(self.process.stdout.readline())
        start = time.perf_counter()
        if not select.select([self.process.stdout], [], [], moment)[0]:
            os.kill(process, signal.SIGKILL)
        code = int(self.process.stdout.readline())
        self.seconds = time.perf_counter() - start
        return code

    def done(self, *arguments):
        """Run a command to its end; give what that took [s]."""
        assert self.run(*arguments) == 0, self.log.read_text(errors="replace")
        return self.seconds

    def end(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.end()


def listed(folder):
    """The files of a folder; TensorBoard has one more for each time that a run goes on."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {str(path) for path in paths if TENSORBOARD_FOLDER not in path.parts}


def state(folder):
    """Everything that a run consists of but for the time that it took."""
    with np.load(folder / CHECKPOINT_FILE) as stored:
        arrays = {name: stored[name] for name in stored.files}
    rows = json.loads(arrays.pop("history").tobytes())
    for row in rows:
        del row["seconds"]
    for number, weights in enumerate(Run.load(folder).load_network().get_weights()):
        arrays[f"best {number}"] = weights
    texts = {
        name: (folder / name).read_text()
        for name in listed(folder)
        if name.endswith((".json", ".toml"))
    }
    table = [line.split(",") for line in (folder / HISTORY_FILE).read_text().splitlines()]
    column = table[0].index("seconds")
    texts[HISTORY_FILE] = str([[*line[:column], *line[column + 1 :]] for line in table])
    return arrays, rows, texts


def assert_same_run(folder, undisturbed):
    """Compare a run with one that nothing happened to."""
    assert listed(folder) == listed(undisturbed)
    (arrays, *rest), (expected, *others) = state(folder), state(undisturbed)
    assert rest == others
    assert arrays.keys() == expected.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, expected[name], name)


def contents(folder):
    """The bytes of each file of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*")}


@pytest.fixture(scope="module")
def trained(server, tmp_path_factory):
    """A training that nothing happens to, and what it takes [s]."""
    folder = tmp_path_factory.mktemp("runs") / "undisturbed"
    return folder, server.done("train", *TINY, "--out", folder)


class Moments:
    """Random moments of a command, over all that it takes, until it was at work in enough.

    Args:
        seconds: What it takes; to be set again, as other work of the machine changes it.
    """

    def __init__(self, seconds):
        self.seconds, self.met = seconds, Counter()
        self.rng = np.random.default_rng(RNG_SEED)

    def __iter__(self):
        number = 0
        while self.met["at work"] < KILLS:
            yield number, self.rng.uniform(0, self.seconds)
            number += 1

    def count(self, code, **met):
        """Note what a kill met, by the exit code of the command."""
        self.met["at work" if code else "after the end"] += 1
        for words, is_so in met.items():
            self.met[words.replace("_", " ")] += bool(is_so and code)

    def tell(self, what):
        """Print what the kills met."""
        counts = ", ".join(f"{count} {name}" for name, count in self.met.items())
        print(f"\n{what}: {counts}")  # noqa: T201


@pytest.mark.skipif(not KILLS, reason="EDGE_IK_KILLS=50 kills commands at random")
@pytest.mark.timeout(3 * KILLS * PATIENCE)
class TestKillsAtRandomMoments:
    def test_a_training(self, server, trained, tmp_path):
        undisturbed, seconds = trained
        moments = Moments(seconds)
        for number, moment in moments:
            folder = tmp_path / str(number) / "run"
            folder.parent.mkdir()
            code = server.run("train", *TINY, "--out", folder, moment=moment)
            is_begun = (folder / RUN_FILE).is_file()
            moments.count(
                code,
                before_its_record=not is_begun,
                after_an_epoch=(folder / CHECKPOINT_FILE).is_file(),
                leaving_a_lock=(folder / LOCK_FILE).exists(),
                leaving_half_a_file=any(".partial" in name for name in listed(folder)),
            )
            again = ("--resume", folder) if is_begun else (*TINY, "--out", folder)
            if code == 0:
                moments.seconds = server.seconds
            took = server.done("train", *again)
            if not is_begun:
                moments.seconds = took
            assert [path.name for path in folder.parent.iterdir()] == ["run"]
            assert_same_run(folder, undisturbed)
            shutil.rmtree(folder.parent)
        moments.tell("training")

    def test_an_export(self, server, trained, tmp_path):
        arguments = ("--quantize", "int8", "--quantize", "float32", "--targets", 500)
        whole = tmp_path / "whole"
        shutil.copytree(trained[0], whole)
        seconds = server.done("export", whole, *arguments)
        expected, trained_files = contents(whole / "export"), listed(trained[0])
        moments = Moments(seconds)
        for number, moment in moments:
            folder = tmp_path / "run"
            # Every other export replaces one that is there.
            shutil.copytree(whole if number % 2 else trained[0], folder)
            code = server.run("export", folder, *arguments, moment=moment)
            found = contents(folder / "export")
            moments.count(code, leaving_half_a_file=any(".partial" in name for name in found))
            for name, data in found.items():
                if not name.startswith("."):
                    assert data.startswith(b"{") or data.endswith(expected[name][-100:])
            moments.seconds = server.done("export", folder, *arguments)
            assert _without_place(contents(folder / "export")) == _without_place(expected)
            assert listed(folder) == trained_files | {f"export/{name}" for name in expected}
            shutil.rmtree(folder)
        moments.tell("export")

    def test_a_firmware_export(self, server, source_root, tmp_path):
        model = tmp_path / "arm3.tflite"
        shutil.copyfile(source_root / "artifacts" / "arm3" / "arm3-int8.tflite", model)
        arguments = ("--firmware", "c99", "--no-count", "--zip", "--board")
        whole = tmp_path / "whole"
        seconds = server.done("export", model, *arguments, "--out", whole)
        expected = contents(whole)
        moments = Moments(seconds)
        for number, moment in moments:
            above = tmp_path / "above"
            above.mkdir()
            out = above / "arm3"
            if number % 2:
                shutil.copytree(whole, out)
                (out / "notes.txt").write_text("mine")
            code = server.run("export", model, *arguments, "--out", out, moment=moment)
            left = {path.name for path in above.iterdir()} - {"arm3", "arm3.zip"}
            moments.count(code, leaving_something_beside=left)
            moments.seconds = server.done("export", model, *arguments, "--out", out)
            assert {path.name for path in above.iterdir()} == {"arm3", "arm3.zip"}
            mine = {"notes.txt": b"mine"} if number % 2 else {}
            assert contents(out) == expected | mine
            shutil.rmtree(above)
        moments.tell("firmware export")


def _without_place(files):
    """The same, with no word of the folder that an export's record names."""
    record = json.loads(files["export.json"])
    for row in record["files"]:
        del row["path"]
    return {**files, "export.json": record}
