"""The same firmware on an emulated Cortex-M4, its UART on a socket or a pseudo-terminal."""

import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_ik_tools.board.client import BoardClient
from edge_ik_tools.board.errors import NoAnswerError, WrongFirmwareError
from edge_ik_tools.board.firmware import write_board_firmware
from edge_ik_tools.board.serial_bench import serial_bench
from edge_ik_tools.emulate.build import link_program
from edge_ik_tools.emulate.cores import find_core

pytestmark = pytest.mark.slow

TARGETS = 40
# The machine that QEMU emulates.
BOARD = Path(__file__).with_name("board_mps2.c")
CORE = find_core("cortex-m4")
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wdouble-promotion", "-Wshadow", "-Werror")


@pytest.fixture(scope="module")
def toolchain(tools_for):
    return tools_for(CORE)


@pytest.fixture(scope="module")
def build_image(toolchain):
    """Build the firmware for the emulated board; function of a folder of generated C."""

    def build(folder, name):
        write_board_firmware(folder, name)
        board = folder / "board"
        own = [board / "edge_ik_bench_main.c", board / "edge_ik_link.c", BOARD]
        objects = [
            toolchain.compile(
                CORE,
                source,
                folder / f"{source.stem}.o",
                include=[folder, board],
                options=WARNINGS if source in own else (),
            )
            for source in (*own, folder / f"{name}.c")
        ]
        return link_program(toolchain, CORE, objects, folder / "board.elf")

    return build


@pytest.fixture(scope="module")
def image(tmp_path_factory, write_by_heart, build_image):
    return build_image(write_by_heart(tmp_path_factory.mktemp("emulated")), "planar")


@pytest.fixture(scope="module")
def emulate(toolchain):
    """Context manager: the emulator with an image, its UART where QEMU is told."""

    @contextmanager
    def run(image, serial):
        command = [
            *(toolchain.emulator, "-machine", CORE.machine, "-icount", "shift=0"),
            *("-semihosting-config", "enable=on,target=native"),
            *("-display", "none", "-monitor", "none", "-serial", serial, "-kernel", image),
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield process
                assert process.poll() is None, "the firmware took a fault"
            finally:
                process.kill()

    return run


@pytest.fixture
def board(emulate, image, line):
    """A line to the emulated board; QEMU connects to it."""
    with emulate(image, line.listen_for_board()):
        yield line
        line.close()


def test_the_emulated_board_gives_the_host_s_answers(planar_model, board):
    values = serial_bench(planar_model, board.url, TARGETS).to_dict()
    assert values["agrees"] is True
    assert values["board"]["counter_hz"] == CORE.timer_hz
    assert (values["line"]["retries"], values["line"]["board"]["whole"]) == (0, TARGETS + 1)
    # An instruction is a nanosecond, 40 of them a tick, and a look-up takes some hundreds.
    for part in ("network", "total"):
        assert 0 < values["us"][part]["min"] <= values["us"][part]["max"] < 100


def test_a_damaged_line_costs_retries_and_no_answer(planar_model, board):
    def changed(frame):
        return frame[:7] + bytes((frame[7] % 255 + 1,)) + frame[8:]

    questions = {5: changed, 9: lambda f: f[:6], 14: lambda f: f[3:], 20: lambda f: b""}
    answers = {7: changed, 13: lambda f: f[:-4], 22: lambda f: b"\x05garbage" + f}
    board.to_board = lambda number, frame: questions.get(number, bytes)(frame)
    board.to_host = lambda number, frame: answers.get(number, bytes)(frame)
    found = serial_bench(planar_model, board.url, TARGETS)
    assert found.comparison.agrees
    assert found.line.retries == 6
    assert (found.line.bad_crc, found.line.malformed) == (1, 2)
    assert found.line.board.bad_crc + found.line.board.malformed == 3


def test_silence_ends_in_a_sentence(planar_model, board):
    board.to_board = lambda number, frame: b""
    with pytest.raises(NoAnswerError, match="not one byte came"):
        serial_bench(planar_model, board.url, TARGETS, timeout=0.2, retries=1)


def test_another_model_on_the_board_is_named(
    planar_model, tmp_path, write_by_heart, build_image, emulate, line
):
    image = build_image(write_by_heart(tmp_path, model_hash="0123456789abcdef"), "planar")
    with emulate(image, line.listen_for_board()):
        with pytest.raises(WrongFirmwareError, match="0123456789abcdef"):
            serial_bench(planar_model, line.url, TARGETS)
        line.close()


def test_the_emulated_board_works_behind_a_pseudo_terminal(planar_model, emulate, image):
    with emulate(image, "pty") as process:
        # char device redirected to /dev/pts/3 (label serial0)
        port = process.stdout.readline().split()[4]
        assert serial_bench(planar_model, port, TARGETS).comparison.agrees
        with BoardClient(port) as client:
            # Two sessions on one board: the first ended, and the second knows nothing of it.
            assert client.hello().name == "planar"
            # QEMU looks once a second whether its terminal is open, so hello may be asked twice.
            assert TARGETS + 5 <= client.counters().whole <= TARGETS + 7


def test_the_reference_model_solves_on_the_emulated_board(
    planar_model, source_root, tmp_path, write_generated, build_image, emulate
):
    model = source_root / "artifacts/arm3/arm3-int8.tflite"
    name = write_generated(tmp_path, model)
    with emulate(build_image(tmp_path, name), "pty") as process:
        port = process.stdout.readline().split()[4]
        found = serial_bench(model, port, 300)
        with pytest.raises(WrongFirmwareError) as caught:
            serial_bench(planar_model, port, 1)
    assert found.comparison.agrees
    assert found.comparison.solved == 1
    assert 0 < found.seed.median < found.solve.median
    assert caught.value.received == found.board.model_hash
    assert caught.value.expected in str(caught.value)
