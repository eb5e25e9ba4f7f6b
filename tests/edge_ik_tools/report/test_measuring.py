"""Records of sections: places, errors, branches, worst targets."""

import dataclasses
import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from edge_ik.cli import main
from edge_ik_tools.report.measuring import verdict
from edge_ik_tools.report.measuring.answers import answer
from edge_ik_tools.report.measuring.branches import measure_branches
from edge_ik_tools.report.measuring.errors import LEAST, QUANTILES, distribution
from edge_ik_tools.report.measuring.following import follow
from edge_ik_tools.report.measuring.record import Asked, measure
from edge_ik_tools.report.measuring.records import plain
from edge_ik_tools.report.measuring.workspace import CELLS, measure_workspace
from edge_ik_tools.report.measuring.worst import singular_values, worst_targets
from firmware_host.errors import ModelFileError
from firmware_host.limits import nearest_limit
from firmware_host.solver import IkSolver
from firmware_host.tasks import make_task
from firmware_host.tasks.targets import checked_target
from firmware_host.tolerances import SAME_ANSWER, SOLVED_POSITION, SOLVED_ROTATION

# As the fixtures' records are measured.
FEW = Asked(targets=1500, points=300, cuts=5)


def silent(_):
    """Nobody is told."""


def test_the_same_model_and_seed_give_the_same_record(shipped, shipped_record):
    again = plain(measure(shipped, FEW, silent))
    text = json.dumps(plain(shipped_record), allow_nan=False)
    assert json.dumps(again) == text


@pytest.mark.parametrize("record", ["shipped_record", "heads_record"])
def test_a_record_is_json(record, request):
    values = plain(request.getfixturevalue(record))
    assert json.loads(json.dumps(values, allow_nan=False)) == values


def test_a_cell_of_a_cut_shows_the_worst_target_in_it(heads):
    answered = answer(heads.solver, 600, 2)
    found = measure_workspace(answered, heads.solver.home, 100, 4)
    assert [cuts.axis for cuts in found.cuts] == [2, 1, 0]
    assert len(found.place) == 100
    for cuts in found.cuts:
        left, right = cuts.sides
        place, error = answered.place, answered.last.error
        told = cuts.worst[-1]
        assert told.shape == (4, CELLS, CELLS)
        for number, row, column in np.argwhere(~np.isnan(told))[::37]:
            inside = (
                (place[:, cuts.axis] >= cuts.edges[number])
                & (place[:, cuts.axis] < cuts.edges[number + 1])
                & (place[:, left] >= cuts.columns[column])
                & (place[:, left] < cuts.columns[column + 1])
                & (place[:, right] >= cuts.rows[row])
                & (place[:, right] < cuts.rows[row + 1])
            )
            assert told[number, row, column] == error[inside].max()
        assert np.nanmax(told) == error.max()


def test_a_workspace_in_a_plane_has_one_cut(planar_model):
    from edge_ik_tools.report.measuring.subject import open_model

    solver = open_model(planar_model, planar_model.name).solver
    answered = answer(solver, 100, 0)
    (cuts,) = measure_workspace(answered, solver.home, 50).cuts
    assert cuts.axis == 2
    assert cuts.worst[0].shape == (1, CELLS, CELLS)


@given(st.lists(st.floats(0, 1e3, allow_subnormal=False), min_size=1, max_size=60))
def test_a_distribution_counts_every_target(values):
    errors = np.array(values)
    found = distribution(errors)
    assert found.share.sum() == pytest.approx(1)
    assert found.edges[0] <= max(errors.min(), LEAST) * (1 + 1e-9)
    assert found.edges[-1] >= max(errors.max(), LEAST) * (1 - 1e-9)
    for error, worse in zip(found.error, found.worse, strict=True):
        # Of errors that are alike the last is told, or one before it.
        least = np.maximum(errors, LEAST)
        assert (least > error).mean() < worse + 1e-12
        assert worse <= (least >= error).mean() + 1e-12


def test_joint_errors_are_between_guess_and_answer(shipped, shipped_record):
    answered = answer(shipped.solver, FEW.targets, shipped.origin.rng_seed)
    last = answered.last
    apart = np.abs(last.seed - last.q)[last.solved]
    around = np.minimum(apart, np.abs(2 * np.pi - apart))
    joints = shipped_record.errors.joints
    assert [joint.name for joint in joints] == ["yaw", "shoulder", "elbow"]
    for index, joint in enumerate(joints):
        wanted = np.quantile(around[:, index], QUANTILES)
        np.testing.assert_allclose(joint.quantiles, wanted, atol=1e-9)


def test_the_study_is_beside_its_own_robot_alone(shipped_record, heads_record):
    assert shipped_record.errors.study["max_m"] == 0.025
    assert heads_record.errors.study == {}


def test_one_head_has_no_branches(shipped):
    assert measure_branches(shipped.solver, answer(shipped.solver, 20, 0), 20) is None


def test_branches_share_the_targets(heads, heads_record):
    found = heads_record.branches
    answered = answer(heads.solver, FEW.targets, heads.origin.rng_seed)
    assert sum(row.first for row in found.rows) == pytest.approx(1)
    assert sum(row.answers for row in found.rows) == pytest.approx(heads_record.verdict.solved)
    assert found.tried.sum() == pytest.approx(1)
    np.testing.assert_array_equal(found.answered, answered.last.branch[: FEW.points])
    assert found.leading.mean() == pytest.approx(sum(row.reaches for row in found.rows))


def test_different_postures_are_told_from_the_same_twice(heads, heads_record):
    solver, chain = heads.solver, heads.solver.chain
    found = heads_record.branches
    answered = answer(solver, FEW.targets, heads.origin.rng_seed)
    task = solver.task
    for index in range(0, FEW.points, 29):
        target = task.given(answered.target[index][None])[0]
        every = [solver.solve(target, branch=head) for head in range(3)]
        good = [each.q for each in every if each.position_error_m < 1e-3 and each.within_limits]
        good = [
            q for q in good if solver.problem.is_solved(q[None], answered.target[index][None])[0]
        ]
        kept = []
        for q in good:
            if all(chain.travel(q, other) >= SAME_ANSWER for other in kept):
                kept.append(q)
        # Toward the nearest posture a single solve takes more steps where it reached none.
        assert found.leading[index] <= len(good)
        assert found.different[index] <= max(len(kept), found.leading[index])
        if found.leading[index] == len(good):
            assert found.different[index] == len(kept)


def test_the_worst_come_first(heads_record):
    worst = heads_record.worst
    assert len(worst) == 50
    order = [
        (each.solved, -max(each.error_m / SOLVED_POSITION, each.angle_rad / SOLVED_ROTATION))
        for each in worst
    ]
    assert order == sorted(order)


def test_a_command_solves_its_target_again(shipped_record):
    for each in shipped_record.worst[:2]:
        words = shlex.split(each.command)
        assert words[:2] == ["edge-ik", "solve"]
        result = CliRunner().invoke(main, [*words[1:], "--json"])
        assert result.exit_code == 0, result.output
        values = json.loads(result.stdout)
        np.testing.assert_allclose(values["q"], each.q, atol=1e-6)
        assert values["position_error_m"] == pytest.approx(each.error_m, abs=1e-9)


def test_a_command_names_the_whole_pose(heads, heads_record):
    each = heads_record.worst[0]
    words = shlex.split(each.command)
    place, turn = words.index("--target"), words.index("--quaternion")
    numbers = [float(word) for word in (*words[place + 1 : turn], *words[turn + 1 :])]
    again = checked_target(numbers, task=heads.solver.task)
    np.testing.assert_allclose(again, each.target, atol=1e-12)


def test_a_command_names_the_runtime_that_was_asked_for(heads):
    answered = answer(heads.solver, 10, 0)
    (each,) = worst_targets(heads.solver, answered, heads.path, "reference", 1)
    assert each.command.endswith("--runtime reference")


def test_margins_and_singular_values_are_those_of_the_posture(heads_record, heads):
    problem = heads.solver.problem
    q = np.stack([each.q for each in heads_record.worst[:5]])
    chain = problem.chain
    nearest, margins = nearest_limit(chain, q)
    for row, joint, margin in zip(q, nearest, margins, strict=True):
        room = np.minimum(row - chain.lower, chain.upper - row)
        assert margin == room[joint]
        assert (room / chain.scales).min() == pytest.approx(margin / chain.scales[joint])
    assert [each.limit_joint for each in heads_record.worst[:5]] == [
        chain.joint_names[joint] for joint in nearest
    ]
    values = singular_values(problem, q)
    for row, value in zip(q, values, strict=True):
        J = problem.jacobian(*chain.place(row)) * chain.scales / problem.length
        least = np.sqrt(max(np.linalg.eigvalsh(J.T @ J)[0], 0.0))
        assert value == pytest.approx(least, abs=1e-6)


@given(st.integers(1, 3000), st.integers(0, 3000))
def test_the_share_told_is_no_more_than_was_seen(total, missed):
    solved = max(total - missed, 0)
    least = verdict.solved_at_least(solved, total)
    assert 0 <= least <= solved / total
    if solved:
        # Of so few solved in all, so many would be seen with the odds that are left over.
        assert binom.sf(solved - 1, total, least) == pytest.approx(1 - verdict.CONFIDENCE, abs=1e-6)


@pytest.fixture
def judged(shipped, shipped_record):
    answered = answer(shipped.solver, FEW.targets, 0)

    def judge(missed=0, total=None, off=0, beyond=False):
        last = answered.last
        solved = last.solved.copy()
        solved[:missed] = False
        q = last.q + (10.0 if beyond else 0.0)
        steps = (dataclasses.replace(last, solved=solved, q=q),)
        if total is not None:
            steps = tuple(
                dataclasses.replace(
                    each, **{name: getattr(each, name)[:total] for name in vars(each)}
                )
                for each in steps
            )
        reached = shipped_record.path.solved.copy()
        reached[:off] = False
        path = dataclasses.replace(shipped_record.path, solved=reached)
        targets = answered.target[:total]
        many = dataclasses.replace(answered, steps=steps, target=targets)
        return verdict.judge(many, path)

    return judge


def test_a_verdict_holds_or_says_why_not(judged):
    assert judged().state == "mostly"
    assert "too few" in judged().reasons[0]
    assert judged(missed=10).state == "mostly"
    assert "10 of 1,500 targets are not solved" in judged(missed=10).reasons[0]
    assert judged(missed=100).state == "fails"
    assert judged(beyond=True).state == "fails"
    assert "break a joint limit" in " ".join(judged(beyond=True).reasons)
    assert "3 of 240 targets of the path" in " ".join(judged(off=3).reasons)


def test_a_verdict_is_green_on_targets_enough(shipped, shipped_record):
    answered = answer(shipped.solver, 4000, 0)
    found = verdict.judge(answered, shipped_record.path)
    assert (found.state, found.reasons) == ("holds", ())
    assert found.solved_at_least > verdict.WANTED


def test_the_path_is_the_focus_circle_or_a_loop(shipped_record, heads_record, shipped):
    assert "focus circle" in shipped_record.path.what
    circle = shipped.origin.focus
    away = np.linalg.norm(shipped_record.path.place - circle.center, axis=1)
    np.testing.assert_allclose(away, circle.radius, atol=1e-12)
    np.testing.assert_allclose(
        np.linalg.norm(shipped_record.path.tool - shipped_record.path.place, axis=1),
        shipped_record.path.error,
        atol=1e-9,
    )
    assert "loop" in heads_record.path.what


def test_a_given_path_is_followed(shipped):
    line = np.linspace([0.25, -0.1, 0.2], [0.25, 0.1, 0.2], 30)
    found = follow(shipped.solver, shipped.origin.focus, line)
    np.testing.assert_allclose(found.place, line)
    assert found.solved.all()
    assert found.jumps == ()


def test_a_path_that_jumps_says_where(shipped):
    line = np.array([[0.25, -0.1, 0.2], [0.25, -0.09, 0.2], [-0.2, 0.25, 0.2], [-0.2, 0.24, 0.2]])
    found = follow(shipped.solver, None, line)
    assert found.jumps == (2,)
    assert found.step[2] > found.largest_step


@pytest.mark.parametrize(
    ("task", "arm"),
    [
        ("position", "on a rail"),
        ("axis", "stanford"),
        ("pitch", "on a rail"),
        ("yaw", "stanford"),
        ("planar", "gantry"),
    ],
)
def test_every_task_has_a_record_and_commands(task, arm, other_arms, integer_model):
    chain = other_arms[arm]
    spec, _, network = integer_model(chain, np.random.default_rng(1), make_task(task), branches=2)
    solver = IkSolver(spec, network.run)
    answered = answer(solver, 40, 0)
    worst = worst_targets(solver, answered, Path("m.tflite"), None)
    assert len(worst) == 40
    each = worst[0]
    words = shlex.split(each.command)[3:]
    numbers = [float(word) for word in words if not word.startswith("--")]
    again = checked_target(numbers, task=solver.task)
    np.testing.assert_allclose(again, each.target, atol=1e-12)
    plain(measure_workspace(answered, solver.home, 10, 2))
    plain(follow(solver, None, None))


def test_one_target_is_enough_for_a_record(shipped):
    record = measure(shipped, Asked(targets=1, points=1, cuts=1), silent)
    assert record.verdict.targets == len(record.worst) == 1
    assert record.verdict.state == "mostly"


def test_a_network_of_no_numbers_is_told(heads):
    spec = heads.solver.spec
    solver = IkSolver(spec, lambda rows: np.full((len(rows), spec.outputs), np.nan, np.float32))
    with pytest.raises(ModelFileError, match="no numbers"):
        answer(solver, 5, 0)
