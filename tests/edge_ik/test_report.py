"""Tables in millimetres and degrees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_ik.report import FIGURES, evaluation_table, figure_cell, millimetres, rows_table


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


def figures(value):
    return {name: value for name, _, _ in FIGURES}


def test_the_evaluation_has_a_column_a_step_and_a_row_a_figure():
    metrics = {
        "network": figures(0.004),
        "refined": {"1": figures(0.001), "2": figures(0.0)},
        "reference": {"rmse_m": 0.009},
    }
    table = evaluation_table(metrics, "title")
    headers = [str(column.header) for column in table.columns]
    assert headers == ["", "reference", "network", "+1 DLS", "+2 DLS"]
    assert table.row_count == len(FIGURES)
    assert list(table.columns[1].cells) == ["9"] + ["-"] * (len(FIGURES) - 1)
    assert next(iter(table.columns[2].cells)) == "4"


def test_numbers_stand_to_the_right():
    table = rows_table("title", ["name", "value"], [("a", "1"), ("b", "2")])
    assert [column.justify for column in table.columns] == ["left", "right"]
    assert table.row_count == 2
