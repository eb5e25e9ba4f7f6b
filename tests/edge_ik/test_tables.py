"""Tables in millimetres and degrees."""

import io
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from edge_ik.tables import (
    AS_ANSWERED,
    FIGURES,
    STEPS_ALONE,
    counted,
    evaluation_tables,
    figure_cell,
    millimetres,
    rest_line,
    rows_table,
    solved_line,
)
from edge_ik.terminal.screen import Screen
from firmware_host.solving.refine import NEAREST_STEPS


@pytest.mark.parametrize(
    ("metres", "text"),
    [
        (0.0, "0"),
        (1e-10, "0"),
        (2e-9, "0.000002"),
        (1.4e-7, "0.00014"),
        (0.00123456, "1.23"),
        (0.0123456, "12.3"),
        (0.98765, "988"),
        (1.23456, "1235"),
        (0.9997, "1000"),
    ],
)
def test_lengths_are_told_in_millimetres(metres, text):
    assert millimetres(metres) == text


@given(metres=st.floats(1e-9, 100))
def test_a_length_reads_back_to_its_digits(metres):
    text = millimetres(metres)
    assert "e" not in text
    assert float(text) == pytest.approx(1e3 * metres, rel=0.006, abs=5.1e-7)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "mm", "-"),
        (0.0012, "mm", "1.2"),
        (1.0, "%", "100"),
        (0.99999999, "%", "99.999"),
        (0.5, "%", "50.000"),
        (0.123456, "deg", "0.123"),
        (1e-5, "deg", "0"),
        (3, "", "3"),
    ],
)
def test_figures_are_told_in_their_units(value, unit, text):
    assert figure_cell(value, unit) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 blocks"), (1, "1 block"), (2, "2 blocks"), (1000, "1,000 blocks")]
)
def test_things_are_counted(count, text):
    assert counted(count, "block") == text


def figures(value):
    return {name: value for name, _, _ in FIGURES}


@pytest.fixture
def metrics():
    """Of a network of one head, in the names that `evaluate_run` gives."""
    return {
        "robot": "arm3",
        "solved": 0.9951,
        "steps": 3,
        "tried": 1.0,
        "targets": 1000,
        "tolerance": {"position_m": 0.001, "rotation_rad": math.radians(0.1)},
        "any_branch": {str(k): figures(0.004 / 10**k) for k in range(3)},
        "rest": {"near_limits": 0.5, "near_singularities": 0.0, "elsewhere": 0.5},
        "branches": [{"name": "home", "wins": 1.0, "reaches": 1.0}],
        "one_branch": {
            "network": figures(0.002),
            "refined": {"1": figures(0.001)},
            "targets": 1000,
        },
    }


@pytest.fixture
def many(metrics):
    """Of a network of two heads."""
    del metrics["one_branch"]
    branches = [
        {"name": "elbow+", "wins": 0.6, "reaches": 0.9},
        {"name": "branch#1", "wins": 0.4, "reaches": 0.5},
    ]
    return {**metrics, "branches": branches, "tried": 1.25, "mean_heads": 1.4}


def headers(table):
    return [str(column.header) for column in table.columns]


class TestTables:
    def test_everything_comes_first_with_a_column_a_step_and_a_row_a_figure(self, metrics):
        table, own = evaluation_tables(metrics, "title")
        assert table.title == "title"
        assert headers(table) == ["", "network", "+1 DLS", "+2 DLS"]
        assert table.row_count == len(FIGURES)
        assert next(iter(table.columns[1].cells)) == "4"
        assert own.title == "The home posture's branch alone, 1,000 targets"

    def test_figures_by_steps_say_what_so_many_steps_are(self, metrics):
        table, own = evaluation_tables(metrics, "title")
        assert table.caption == AS_ANSWERED
        assert f"takes {NEAREST_STEPS} more where it does not reach a target" in AS_ANSWERED
        assert own.caption == STEPS_ALONE

    def test_the_study_s_figures_stand_beside_those_of_its_arm_s_branch(self, metrics):
        _, own = evaluation_tables(metrics, "title")
        assert headers(own) == ["", "published study", "network", "+1 DLS"]
        cells = dict(zip(own.columns[0].cells, own.columns[1].cells, strict=True))
        assert cells["position RMSE, mm"] == "9"
        assert cells["position mean, mm"] == "-"

    def test_beside_another_arm_there_is_no_study(self, metrics):
        _, own = evaluation_tables({**metrics, "robot": "leg3"}, "title")
        assert headers(own) == ["", "network", "+1 DLS"]

    def test_more_steps_than_a_solve_takes_are_left_to_programs(self, metrics):
        table, _ = evaluation_tables({**metrics, "steps": 1}, "title")
        assert headers(table) == ["", "network", "+1 DLS"]

    @pytest.mark.parametrize("numbers", [5, 6])
    def test_nothing_is_cut_off_where_a_terminal_is_narrow(self, numbers, monkeypatch):
        monkeypatch.setenv("COLUMNS", "80")
        rows = [(label, *["12.3456"] * numbers) for _, label, _ in FIGURES]
        table = rows_table("title", ["", *["a heading"] * numbers], rows)
        screen = Console(width=80, file=io.StringIO())
        screen.print(table)
        text = screen.file.getvalue()
        assert "…" not in text
        assert max(map(len, text.splitlines())) <= 80
        assert text.count("12.3456") == numbers * len(rows)
        assert ("under 1 mm, 0.1 deg, %" in text) == (numbers == 5)

    @pytest.mark.parametrize("columns", ["0", "1", "10", "30", "40", "79"])
    def test_figures_are_whole_in_any_terminal(self, columns, monkeypatch):
        monkeypatch.setenv("COLUMNS", columns)
        rows = [
            (label, "-360.00 deg", "1234.5678", f"{label}: scale 0.0234542657") for label in "ab"
        ]
        screen = Screen()
        screen.file = io.StringIO()
        screen.print(rows_table("title", ["", "lower", "upper", ""], rows))
        words = screen.file.getvalue().split()
        for figure in ("-360.00", "1234.5678", "0.0234542657"):
            assert words.count(figure) == 2

    def test_a_figure_that_none_has_is_left_out(self, many):
        for found in many["any_branch"].values():
            del found["focus_rmse_m"]
        table, _ = evaluation_tables(many, "title")
        assert table.row_count == len(FIGURES) - 1
        assert "focus path RMSE, mm" not in list(table.columns[0].cells)

    def test_many_heads_have_a_table_of_branches_and_none_of_one(self, many):
        table, branches = evaluation_tables(many, "title")
        assert "published study" not in headers(table)
        assert branches.title == "Branches: 1.40 of 2 reach a target on average"
        assert headers(branches) == ["", "name", "joint space %", "targets reached %"]
        assert list(branches.columns[1].cells) == ["elbow+", "branch#1"]
        assert branches.columns[1].justify == "left"


class TestSentences:
    def test_the_first_is_the_share_of_everything(self, metrics, many):
        line = solved_line(metrics)
        assert line.startswith("Solved: 99.510% of everything the arm reaches, to 1 mm and 0.1 deg")
        assert line.endswith("after 3 DLS steps from one seed.")
        assert "from at most 2 seeds (1.25 in the mean)" in solved_line(many)

    def test_a_position_has_no_angle(self, metrics):
        metrics["tolerance"] = {"position_m": 0.0025}
        assert "to 2.5 mm, limits held" in solved_line(metrics)

    @pytest.mark.parametrize("solved", [1.0, 0.9991, 0.999])
    def test_a_rest_that_is_next_to_nothing_is_passed_over(self, metrics, solved):
        assert rest_line({**metrics, "solved": solved}) is None

    def test_the_rest_is_told_with_where_it_lies(self, metrics):
        line = rest_line(metrics)
        assert line.startswith("Not solved: 0.49% of what the arm reaches; of these ")
        assert "50% near joint limits, 50% elsewhere" in line
        assert "singularities" not in line

    def test_of_one_branch_it_is_said_that_all_can_be_trained(self, metrics):
        assert rest_line(metrics).endswith("edge-ik train --branches all")

    def test_of_all_it_is_said_what_helps(self, many):
        assert "--branches" not in rest_line(many)
        assert {"--goal", "--minutes", "--epochs"} <= options_of(rest_line(many))

    def test_options_that_are_named_are_those_of_train(self, metrics, many):
        from edge_ik.cli import main

        known = {name for option in main.commands["train"].params for name in option.opts}
        for found in (metrics, many, {**metrics, "rest": {}}):
            named = options_of(rest_line(found))
            assert named
            assert named <= known


def options_of(line):
    return set(re.findall(r"--[a-z-]+", line))


def test_numbers_stand_to_the_right():
    table = rows_table("title", ["name", "value"], [("a", "1"), ("b", "2")])
    assert [column.justify for column in table.columns] == ["left", "right"]
    assert table.row_count == 2
