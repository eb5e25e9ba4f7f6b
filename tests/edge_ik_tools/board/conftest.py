"""Boards that are processes, and serial lines that can be damaged."""

import hashlib
import os
import socket
import subprocess
import threading
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from edge_ik_tools.board.firmware import write_board_firmware
from edge_ik_tools.board.framing import FrameParser
from edge_ik_tools.board.protocol import STATUSES
from edge_ik_tools.board.serial_bench import HOST_RUNTIME
from edge_ik_tools.c99.source import Firmware
from firmware_host.bench.targets import bench_targets
from firmware_host.model_file import read_model
from firmware_host.solver import IkSolver

HERE = Path(__file__).parent
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wdouble-promotion", "-Wshadow", "-Werror")
STRICT = ("-pedantic", *WARNINGS)
SANITIZED = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
TARGETS = 40
STEPS = 3

HEADER = """
#include <stdint.h>
#define {N}_JOINTS {joints}
#define {N}_TARGET {target}
#define {N}_STEPS {steps}
#define {N}_TOLERANCE 1e-3f
#define {N}_MODEL_HASH "{model_hash}"
typedef enum {{ {N}_SOLVED = 0, {N}_UNREACHABLE = 1, {N}_BAD_TARGET = 2 }} {n}_status;
typedef struct {{ float residual; float seed_residual; int32_t steps; }} {n}_info;
{n}_status {n}_solve(const float target[{target}], float q[{joints}], {n}_info *info);
{n}_status {n}_seed(const float target[{target}], float q[{joints}]);
"""

SOURCE = """
#include "{n}.h"
#include <math.h>
static const float table[{rows}][{columns}] = {{
{numbers}
}};
{n}_status {n}_solve(const float target[{target}], float q[{joints}], {n}_info *info) {{
    int row, i;
    for (row = 0; row < {rows} - 1; row++) {{
        for (i = 0; i < {target} && table[row][i] == target[i]; i++) {{
        }}
        if (i == {target}) {{
            break;
        }}
    }}
    for (i = 0; i < {joints}; i++) {{
        q[i] = table[row][{target} + i];
    }}
    info->residual = table[row][{target} + {joints}];
    info->seed_residual = table[row][{target} + {joints} + 1];
    info->steps = {steps};
    return ({n}_status)table[row][{target} + {joints} + 2];
}}
{n}_status {n}_seed(const float target[{target}], float q[{joints}]) {{
    {n}_info info;
    return {n}_solve(target, q, &info);
}}
"""


@pytest.fixture(scope="session")
def answers_by_heart(planar_model):
    """The host's answers (N, target + joints + 3): target, q, two residuals, status."""
    solver = IkSolver.load(planar_model, HOST_RUNTIME, STEPS)
    targets = bench_targets(solver, TARGETS).astype(np.float32)
    host = solver.solve_batch(targets)
    status = [STATUSES.index(value) for value in host.status]
    # Inward, so that rounding to float32 cannot leave the limits.
    lower = np.nextafter(solver.chain.lower.astype(np.float32), np.float32(np.inf))
    upper = np.nextafter(solver.chain.upper.astype(np.float32), np.float32(-np.inf))
    q = np.clip(host.q.astype(np.float32), lower, upper)
    return np.column_stack([targets, q, host.position_error_m, host.seed_error_m, status]).astype(
        np.float32
    )


@pytest.fixture(scope="session")
def write_by_heart(planar_model, answers_by_heart):
    """Write C with the generator's interface that has its answers from a table.

    The function takes the folder, and may be given another hash or a change of the table.
    """

    def write(folder, *, model_hash=None, table=None, joints=2):
        table = answers_by_heart if table is None else table
        digest = hashlib.sha256(read_model(planar_model)[0]).hexdigest()[:16]
        values = {
            "n": "planar",
            "N": "PLANAR",
            "joints": joints,
            "target": table.shape[1] - joints - 3,
            "steps": STEPS,
            "model_hash": model_hash or digest,
            "rows": len(table),
            "columns": table.shape[1],
            "numbers": ",\n".join("{" + ", ".join(map(number, row)) + "}" for row in table),
        }
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "planar.h").write_text(HEADER.format(**values))
        (folder / "planar.c").write_text(SOURCE.format(**values))
        return folder

    def number(value):
        return f"{value:.9e}f" if np.isfinite(value) else "NAN"

    return write


@pytest.fixture(scope="session")
def write_generated():
    """Write the C generated from a model; function of the folder and the file, gives the name."""

    def write(folder, model):
        firmware = Firmware.load(model)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{firmware.name}.h").write_text(firmware.header())
        (folder / f"{firmware.name}.c").write_text(firmware.source())
        return firmware.name

    return write


@pytest.fixture(scope="session")
def build_host_board(require_tool):
    """Build the firmware as a process of this machine; function of the folder and options."""

    def build(folder, name="planar", options=()):
        gcc = require_tool("gcc", "gcc")
        write_board_firmware(folder, name)
        board = folder / "board"
        ours = [board / "edge_ik_bench_main.c", board / "edge_ik_link.c", HERE / "host_board.c"]
        command = [gcc, "-std=c99", "-O2", *options, f"-I{board}", f"-I{folder}"]
        objects = []
        for source in (*ours, folder / f"{name}.c"):
            # What the generator's C is worth is for the generator's own tests.
            strict = STRICT if source in ours else ()
            objects.append(folder / f"{source.stem}.o")
            compiling = [*command, *strict, "-c", source, "-o", objects[-1]]
            subprocess.run(compiling, check=True)
        out = folder / "host_board"
        subprocess.run([*command, *objects, "-o", out], check=True)
        return out

    return build


@pytest.fixture(scope="session")
def host_board(tmp_path_factory, write_by_heart, build_host_board):
    """The firmware as a process, with the sanitizers watching it."""
    folder = write_by_heart(tmp_path_factory.mktemp("firmware"))
    return build_host_board(folder, options=SANITIZED)


class Line:
    """A serial line as a TCP port on loopback; frames on it can be changed.

    Attributes:
        url: What the host opens.
        to_board: Function of (number, frame) -> bytes for what the host sends.
        to_host: The same for what the board sends.
    """

    def __init__(self):
        self.to_board = lambda number, frame: frame
        self.to_host = lambda number, frame: frame
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"
        self._sockets = [self._listener]
        self._threads = []

    def run(self, function, *sockets):
        """Run a function in a thread until `close`, which ends these sockets too."""
        self._sockets += sockets
        thread = threading.Thread(target=function)
        self._threads.append(thread)
        thread.start()

    def connect(self, board):
        """Carry frames between the host, when it comes, and the board's socket."""

        def carry():
            with suppress(OSError):
                host, _ = self._listener.accept()
                # Otherwise a small frame waits 40 ms for the acknowledgement of the last.
                host.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                back = partial(self._pump, board, host, "to_host")
                self.run(back, host)
                self._pump(host, board, "to_board")

        self.run(carry, board)

    def listen_for_board(self):
        """Let an emulator connect as the board; gives what its option -serial takes."""
        listener = socket.create_server(("127.0.0.1", 0))

        def wait():
            with suppress(OSError):
                board, _ = listener.accept()
                board.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connect(board)

        self.run(wait, listener)
        return f"tcp:127.0.0.1:{listener.getsockname()[1]},nodelay=on"

    def _pump(self, source, sink, way):
        """Cut what comes into frames, each with its zero at either end."""
        number, pending = 0, b""
        with suppress(OSError):
            while data := source.recv(4096):
                pending += data
                while (end := pending.find(b"\0", 1)) > 0:
                    frame, pending = pending[: end + 1], pending[end + 1 :]
                    sink.sendall(getattr(self, way)(number, frame))
                    number += 1
            sink.shutdown(socket.SHUT_WR)

    def close(self):
        for end in self._sockets:
            # Wakes whoever waits for it, which closing alone does not.
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()
        for end in self._sockets:
            end.close()


@pytest.fixture
def line():
    """A line, not connected to a board yet."""
    line = Line()
    yield line
    line.close()


@contextmanager
def process_board(command):
    """A process whose standard input and output are the socket that is returned."""
    ours, its = socket.socketpair()
    with subprocess.Popen(command, stdin=its, stdout=its, stderr=subprocess.PIPE) as process:
        its.close()
        try:
            yield ours
        finally:
            # A connection that ends ends the board; a sanitizer's complaint would be its code.
            ours.close()
            try:
                code = process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            complaint = process.stderr.read().decode(errors="replace")
    assert code == 0, complaint


@pytest.fixture(scope="session")
def start_board():
    """Context manager: a command whose standard input and output are the socket it gives."""
    return process_board


@pytest.fixture
def board_line(line, host_board):
    """A line with the firmware at its other end."""
    with process_board([host_board]) as end:
        line.connect(end)
        yield line
        line.close()


@pytest.fixture
def fake_board(line):
    """Function of reply(message) -> bytes: a line to a board that answers so."""

    def start(reply):
        ours, its = socket.socketpair()

        def serve():
            parser = FrameParser()
            with suppress(OSError):
                while data := its.recv(4096):
                    for message in parser.push(data):
                        its.sendall(reply(message))
            with suppress(OSError):
                its.shutdown(socket.SHUT_RDWR)

        line.run(serve, its)
        line.connect(ours)
        return line

    return start


@pytest.fixture(scope="session")
def start_pty_board():
    """Context manager: a command behind a pseudo-terminal; gives the terminal's path."""

    @contextmanager
    def start(command):
        ours, port = os.openpty()
        with subprocess.Popen(command, stdin=ours, stdout=ours) as process:
            try:
                yield os.ttyname(port)
            finally:
                process.kill()
                os.close(ours)
                os.close(port)

    return start
