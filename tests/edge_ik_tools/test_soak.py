"""The script that solves targets by the million: a few thousand here, and answers made wrong."""

import dataclasses
import json

import numpy as np
import pytest
from click.testing import CliRunner

from edge_ik.arms import load_arm
from edge_ik.data.rank import chosen_task
from edge_ik_tools.c99.source import Firmware
from edge_ik_tools.soak.__main__ import loaded, main, soak
from edge_ik_tools.soak.judging import EXAMPLES, Room, Tally, judged
from edge_ik_tools.soak.kinematics import tool_poses, true_errors
from edge_ik_tools.soak.targets import drawn_targets
from firmware_host.kinematics import forward_kinematics
from firmware_host.problem import IkProblem
from firmware_host.solver import Status
from firmware_host.tolerances import Tolerance

COUNT = 2000
ARMS = ["arm3", "so101", "ur5", "palletizer", "cylindrical", "geared", "on a rail", "stanford"]
TASKS = [
    *(("arm3", "position"), ("so101", "axis"), ("ur5", "pose"), ("leg2", "planar")),
    *(("openmanipulator_x", "pitch"), ("so101", "yaw")),
]


@pytest.fixture(scope="module")
def model(source_root):
    return source_root / "artifacts" / "arm3" / "arm3-int8.tflite"


@pytest.fixture(scope="module")
def answered(model):
    """A problem, targets of every kind, and the answers of the reference to them."""
    solver, room = loaded(model, "reference", "float", Tolerance())
    targets = drawn_targets(solver.problem, COUNT, np.random.default_rng(0))
    return solver.problem, targets, solver.solve_batch(solver.task.given(targets)), room


@pytest.mark.parametrize("name", ARMS)
def test_its_kinematics_are_those_of_the_solver(name, other_arms):
    chain = other_arms.get(name) or load_arm(name)
    q = np.random.default_rng(1).uniform(chain.lower, chain.upper, (50, len(chain)))
    rotation, position = tool_poses(chain, q)
    expected = forward_kinematics(chain, q)
    np.testing.assert_allclose(rotation, expected[:, :3, :3], atol=1e-12)
    np.testing.assert_allclose(position, expected[:, :3, 3], atol=1e-12)


@pytest.mark.parametrize(("arm", "task"), TASKS)
def test_its_errors_are_those_of_the_problem(arm, task):
    chain, rng = load_arm(arm), np.random.default_rng(2)
    problem = IkProblem(chain, chosen_task(chain, task))
    q, other = rng.uniform(chain.lower, chain.upper, (2, 200, len(chain)))
    # From micrometres off to anywhere.
    q = other + (q - other) * 10.0 ** rng.uniform(-6, 0, (200, 1))
    targets = problem.reached_by(other)
    for found, expected in zip(
        true_errors(problem, q, targets), problem.errors(q, targets), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("arm", "task"), TASKS)
def test_targets_of_every_kind_are_drawn(arm, task):
    chain = load_arm(arm)
    problem = IkProblem(chain, chosen_task(chain, task))
    targets = drawn_targets(problem, 5000, np.random.default_rng(3))
    assert targets.shape == (5000, problem.task.size)
    far = np.abs(problem.task.placed(targets)).max(axis=1)
    good = np.isfinite(far)
    assert 0 < (~good).sum() < 20
    assert 0.03 < (far[good] > 1.1 * chain.reach).mean() < 0.3
    assert far[good].max() > 100
    again = drawn_targets(problem, 5000, np.random.default_rng(3))
    np.testing.assert_array_equal(targets, again)


@pytest.mark.parametrize(("runtime", "arithmetic"), [("reference", "float"), ("firmware", "fixed")])
def test_no_answer_is_wrong(runtime, arithmetic, model, require_tool):
    if runtime == "firmware":
        require_tool("cc", "gcc libc6-dev")
    solver, room = loaded(model, runtime, arithmetic, Tolerance())
    tally = Tally()
    for found in soak(solver, room, COUNT, 7, COUNT // 2):
        tally = tally.plus(found)
    assert tally.wrong == 0, tally.examples
    assert tally.targets == tally.solved + tally.unreachable + tally.bad == COUNT
    assert min(tally.solved, tally.unreachable) > 0.1 * COUNT
    assert tally.told_off_m < room.distance


def test_floats_of_c_are_judged_as_they_round(model):
    firmware = Firmware.load(model, arithmetic="float")
    own, fixed = Room.of(firmware), Room.of(dataclasses.replace(firmware, arithmetic="fixed"))
    assert Room().distance < own.distance < fixed.distance < 1e-5


class TestWrongAnswers:
    """Each promise broken on purpose is counted, and told with what repeats it."""

    def tally(self, answered, **changes):
        problem, targets, answers, room = answered
        assert judged(problem, targets, answers, room).wrong == 0
        return judged(problem, targets, dataclasses.replace(answers, **changes), room)

    def test_joints_beyond_limits_by_the_last_digit(self, answered):
        problem, _, answers, _ = answered
        q, row = answers.q.copy(), int(np.argmax(answers.status == Status.UNREACHABLE))
        q[row, 0] = np.nextafter(problem.chain.upper[0], np.inf)
        tally = self.tally(answered, q=q)
        assert (tally.beyond_limits, tally.not_finite) == (1, 0)
        assert float(tally.examples[0]["q"][0]) == q[row, 0]

    @pytest.mark.parametrize("name", ["q", "q_all", "position_error_m", "seed_error_m"])
    def test_numbers_that_are_none(self, answered, name):
        values = getattr(answered[2], name).copy()
        values[int(np.argmax(answered[2].status == Status.SOLVED))] = np.nan
        assert self.tally(answered, **{name: values}).not_finite == 1

    def test_statuses_that_the_joints_do_not_bear_out(self, answered):
        status = answered[2].status.copy()
        for told, other in (
            (Status.SOLVED, Status.UNREACHABLE),
            (Status.UNREACHABLE, Status.SOLVED),
            (Status.BAD_TARGET, Status.UNREACHABLE),
        ):
            status[np.flatnonzero(answered[2].status == told)[:1]] = other
        tally = self.tally(answered, status=status)
        assert (tally.wrong_statuses, len(tally.examples)) == (3, 3)

    def test_no_more_examples_are_kept_than_people_read(self, answered):
        status = np.full(COUNT, Status.BAD_TARGET, dtype=object)
        tally = self.tally(answered, status=status)
        assert tally.plus(tally).wrong_statuses == 2 * tally.wrong_statuses > EXAMPLES
        assert len(tally.plus(tally).examples) == EXAMPLES


class TestCommand:
    def run(self, model, record, *more):
        chosen = ("--runtime", "reference", "--targets", 600, "--chunk", 200, "--record", record)
        return CliRunner().invoke(main, list(map(str, (model, *chosen, *more))))

    def test_a_run_that_was_ended_goes_on(self, model, tmp_path):
        whole = self.run(model, tmp_path / "whole.json", "--json")
        assert whole.exit_code == 0, whole.output
        values = json.loads((tmp_path / "whole.json").read_text())
        assert values["chunks"] == 3
        # As it stood after the first chunk.
        solver, room = loaded(model, "reference", "float", Tolerance())
        first = next(soak(solver, room, 600, 0, 200))
        part = values | {"chunks": 1, "tally": dataclasses.asdict(first)}
        (tmp_path / "part.json").write_text(json.dumps(part))
        again = self.run(model, tmp_path / "part.json", "--json")
        assert again.stderr.count("of 600") == 2
        ended = json.loads((tmp_path / "part.json").read_text())
        for tally in (values["tally"], ended["tally"]):
            del tally["seconds"]
        assert ended == values

    def test_it_says_what_was_counted(self, model, tmp_path):
        result = self.run(model, tmp_path / "record.json", "--tolerance", 0.5)
        assert "600 targets" in result.stdout
        assert "0 joints beyond limits, 0 answers not finite, 0 wrong statuses" in result.stdout

    @pytest.mark.parametrize("more", [("--rng-seed", 1), ("--tolerance", 0.2)])
    def test_another_run_s_record_is_refused(self, model, tmp_path, more):
        self.run(model, tmp_path / "record.json")
        result = self.run(model, tmp_path / "record.json", *more)
        assert result.exit_code == 1
        assert "is the record of another soak" in result.stderr

    def test_what_is_no_record_and_no_tolerance_is_refused(self, model, tmp_path):
        (tmp_path / "record.json").write_text("[]")
        result = self.run(model, tmp_path / "record.json")
        assert "is no record of a soak" in result.stderr
        assert "above 0" in self.run(model, tmp_path / "other.json", "--tolerance", -1).stderr
