"""The benchmark end to end: the firmware as a process of this machine, over a damaged line."""

import hashlib
import json
import random
import struct

import numpy as np
import pytest

from edge_ik_tools.board import client as client_module
from edge_ik_tools.board.client import BoardClient
from edge_ik_tools.board.errors import AnswerError, NoAnswerError, RefusedError, WrongFirmwareError
from edge_ik_tools.board.figures import JOINT_TOLERANCE, board_tables
from edge_ik_tools.board.framing import Message, encode_frame
from edge_ik_tools.board.protocol import Question
from edge_ik_tools.board.serial_bench import serial_bench
from firmware_host.errors import ConfigError, ModelFileError
from firmware_host.model_file import read_model
from firmware_host.progress import Done
from firmware_host.solver import Status

TARGETS = 40
# Of the columns of the table of answers: target, joints, two residuals, status.
JOINT, RESIDUAL, STATUS = 3, 5, 7


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    monkeypatch.setattr(client_module, "AFTER_DAMAGE", 0.02)


def run(model, line, **options):
    return serial_bench(model, line.url, TARGETS, **{"timeout": 0.5, **options})


@pytest.fixture
def changed_board(tmp_path, write_by_heart, build_host_board, start_board, line):
    """Function of changes to the firmware: a line with it at the other end."""
    boards = []

    def start(**changes):
        board = build_host_board(write_by_heart(tmp_path / "firmware", **changes))
        boards.append(start_board([board]))
        line.connect(boards[-1].__enter__())
        return line

    yield start
    line.close()
    for board in boards:
        board.__exit__(None, None, None)


def test_every_answer_is_compared_with_the_host_s(planar_model, board_line):
    told = []
    found = run(planar_model, board_line, tell=told.append)
    values = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert values["agrees"] is True
    assert values["targets"] == TARGETS
    assert values["board"]["name"] == "planar"
    assert values["board"]["model_hash"] == values["model"]["hash"]
    assert (values["board"]["joints"], values["board"]["target"]) == (2, 3)
    compared = values["comparison"]
    assert 0 < compared["max_joint_difference_rad"] <= values["joint_tolerance_rad"] == 2e-5
    assert (compared["differing"], compared["status_differing"]) == (0, 0)
    assert compared["limit_violations"] == 0
    assert compared["max_residual_error_m"] < 1e-6
    assert 0 <= compared["solved"] < 1  # the network is a random one
    for part in ("network", "total"):
        cycles, times = values["cycles"][part], values["us"][part]
        assert 0 <= cycles["min"] <= cycles["median"] <= cycles["max"]
        # This board counts nanoseconds.
        assert times["max"] == pytest.approx(1e-3 * cycles["max"])
    line = values["line"]
    times = line["round_trip_us"]
    assert 0 < times["p50"] <= times["p99"] <= times["max"]
    assert (line["retries"], line["bad_crc"], line["malformed"]) == (0, 0, 0)
    assert line["board"] == {"whole": TARGETS + 1, "bad_crc": 0, "malformed": 0}
    assert any("40 targets" in sentence for sentence in told if isinstance(sentence, str))
    counts = [done.count for done in told if isinstance(done, Done)]
    assert counts == list(range(40))


def test_the_generated_solver_gives_the_host_s_answers(
    planar_model, tmp_path, write_generated, build_host_board, start_board, line
):
    name = write_generated(tmp_path, planar_model)
    with start_board([build_host_board(tmp_path, name)]) as board:
        line.connect(board)
        found = run(planar_model, line)
        line.close()
    assert found.comparison.agrees
    assert found.board.name == name
    assert 0 < found.comparison.max_joint_difference_rad < JOINT_TOLERANCE


def test_a_damaged_line_costs_retries_and_no_answer(planar_model, board_line):
    def changed(frame):
        at = len(frame) // 2
        return frame[:at] + bytes((frame[at] % 255 + 1,)) + frame[at + 1 :]

    questions = {5: changed, 9: lambda f: f[:6], 14: lambda f: f[3:], 20: lambda f: b""}
    answers = {7: changed, 13: lambda f: f[:-4], 22: lambda f: b"\x05garbage" + f}
    board_line.to_board = lambda number, frame: questions.get(number, bytes)(frame)
    board_line.to_host = lambda number, frame: answers.get(number, bytes)(frame)
    found = run(planar_model, board_line)
    assert found.comparison.agrees
    assert found.line.retries == 6
    assert (found.line.bad_crc, found.line.malformed) == (1, 2)
    damaged = found.line.board.bad_crc + found.line.board.malformed
    assert damaged == 3
    assert found.line.round_trip.max > 1e3


@pytest.mark.slow
def test_no_answer_is_wrong_on_a_line_with_three_bad_bytes_in_a_thousand(
    planar_model, tmp_path, write_generated, build_host_board, start_board, line
):
    rng = random.Random(1)

    def damaged(_, frame):
        made = bytearray()
        for byte in frame:
            chance = rng.random()
            if chance < 0.001:
                continue
            made.append(byte ^ 1 << rng.randrange(8) if chance < 0.002 else byte)
            if chance > 0.999:
                made.append(rng.randrange(256))
        return bytes(made)

    line.to_board = line.to_host = damaged
    name = write_generated(tmp_path, planar_model)
    with start_board([build_host_board(tmp_path, name)]) as board:
        line.connect(board)
        found = serial_bench(planar_model, line.url, 300, timeout=0.2, retries=30)
        line.close()
    assert found.comparison.agrees
    assert found.line.retries > 10
    assert found.line.bad_crc > 0
    assert found.line.board.bad_crc > 0


def test_a_line_that_damages_everything_ends_in_a_sentence(planar_model, board_line):
    board_line.to_host = lambda number, frame: frame[:4] + b"?" + frame[5:]
    with pytest.raises(NoAnswerError, match=r"arrived whole.*4 damaged frames") as caught:
        run(planar_model, board_line)
    assert caught.value.attempts == 4


def test_a_board_that_falls_silent_ends_in_a_sentence(planar_model, board_line):
    board_line.to_board = lambda number, frame: frame if number < 10 else b""
    with pytest.raises(NoAnswerError, match="not one byte came"):
        run(planar_model, board_line, timeout=0.1, retries=1)


def test_another_model_on_the_board_is_named(planar_model, changed_board):
    line = changed_board(model_hash="0123456789abcdef")
    with pytest.raises(WrongFirmwareError) as caught:
        run(planar_model, line)
    expected = caught.value.expected
    assert caught.value.received == "0123456789abcdef"
    assert f"Expected: {expected} (planar.tflite)" in str(caught.value)
    assert "Received: 0123456789abcdef (planar)" in str(caught.value)


def test_answers_that_differ_are_counted(planar_model, changed_board, answers_by_heart):
    table = answers_by_heart.copy()
    table[3, JOINT] += 3 * JOINT_TOLERANCE
    table[8, JOINT + 1] -= 0.01
    table[11, STATUS] = 1 - table[11, STATUS]
    table[12, JOINT] = 2.5
    table[20, RESIDUAL] += 0.02
    values = run(planar_model, changed_board(table=table)).to_dict()
    compared = values["comparison"]
    assert values["agrees"] is False
    assert (compared["differing"], compared["status_differing"]) == (3, 1)
    assert compared["limit_violations"] == 1
    assert compared["worst_target"] == pytest.approx(table[12, :3].tolist())
    assert compared["max_residual_error_m"] > 0.0199
    assert "ANSWERS DIFFER" in board_tables(values)[0].title


def test_an_answer_that_is_no_number_is_refused(planar_model, changed_board, answers_by_heart):
    table = answers_by_heart.copy()
    table[2, JOINT] = np.nan
    with pytest.raises(AnswerError, match="Expected: 2 finite joints"):
        run(planar_model, changed_board(table=table))


def test_figures_that_do_not_fit_the_model_are_refused(
    planar_model, changed_board, answers_by_heart
):
    with pytest.raises(AnswerError, match=r"Expected: 2 joints.*Received: 1 and 4"):
        run(planar_model, changed_board(table=answers_by_heart, joints=1))


def test_the_firmware_refuses_what_it_cannot_do(board_line):
    with BoardClient(board_line.url) as client:
        with pytest.raises(RefusedError, match="target of 3 numbers and received 2"):
            client.solve([1, 2])
        for payload in (b"", b"\x03", bytes(13), b"\x03" + bytes(13), bytes(128)):
            with pytest.raises(RefusedError) as caught:
                client.ask(Question.SOLVE, payload, bytes)
            assert caught.value.code in (2, 3)
        for question in (Question.HELLO, Question.COUNTERS):
            with pytest.raises(RefusedError, match="payload of 0 bytes and received 1"):
                client.ask(question, b"x", bytes)
        with pytest.raises(RefusedError, match="type 0x44"):
            client.ask(0x44, b"", bytes)
        assert client.hello().joints == 2


def test_a_target_that_is_no_number_is_sent_as_it_is(board_line, answers_by_heart):
    with BoardClient(board_line.url) as client:
        # A table knows no such target and gives its last row.
        solution = client.solve([np.nan, np.inf, -0.0])
    np.testing.assert_array_equal(solution.q, answers_by_heart[-1, JOINT : JOINT + 2])
    assert solution.status in Status


@pytest.mark.parametrize(
    ("tolerance", "told"), [(1e-3, "edge_ik_board_cycles_hz"), (0.0, "tolerance cannot be one")]
)
def test_a_counter_without_a_frequency_and_no_tolerance_are_refused(
    planar_model, fake_board, tolerance, told
):
    digest = hashlib.sha256(read_model(planar_model)[0]).hexdigest()[:16]
    figures = bytes((1, 2, 3, 3)) + struct.pack("<fI", tolerance, 0)
    stopped = figures + digest.encode() + b"planar"
    line = fake_board(lambda m: encode_frame(Message(m.type | 0x80, m.sequence, stopped)))
    with pytest.raises(AnswerError, match=told):
        run(planar_model, line)


def test_the_tables_show_all_of_it(planar_model, board_line):
    values = run(planar_model, board_line).to_dict()
    tables = board_tables(json.loads(json.dumps(values)))
    for table in tables:
        assert all(len(row) == len(table.columns) for row in table.rows)
    shown = " ".join(cell for table in tables for row in table.rows for cell in row)
    for part in ("2e-05", board_line.url, values["model"]["hash"], "planar.tflite", "1 mm"):
        assert part in shown
    assert tables[0].title.endswith("every answer agrees")


def test_what_cannot_be_measured_is_refused(planar_model, tmp_path):
    with pytest.raises(ConfigError, match="at least one target"):
        serial_bench(planar_model, "/dev/null", 0)
    with pytest.raises(ModelFileError, match="no model file"):
        serial_bench(tmp_path / "none.tflite", "/dev/null")
