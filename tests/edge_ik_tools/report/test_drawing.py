"""Pictures: their descriptions, as plotly takes them, and as files."""

import base64
import json
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_ik_tools.report.drawing import for_plotly, palette, words
from edge_ik_tools.report.drawing.album import album, common_pictures
from edge_ik_tools.report.drawing.arrays import CODES, Arrays
from edge_ik_tools.report.drawing.files import write_pictures
from edge_ik_tools.report.drawing.for_matplotlib import draw_picture
from edge_ik_tools.report.drawing.numbers import numbers
from edge_ik_tools.report.drawing.pictures import (
    FAINT,
    Axis,
    Bars,
    Line,
    Panel,
    Picture,
    Rule,
    Varying,
)
from edge_ik_tools.report.drawing.scales import ERRORS, MOST_TICKS, logarithmic
from edge_ik_tools.report.measuring.elsewhere import AblationRow, Elsewhere, FrontRow
from edge_ik_tools.report.page.page import GROUNDS
from firmware_host.progress import Done

LARGEST_PICTURE = 300_000  # bytes, as a README may hold


def spoken(millimetres):
    return [words.length(value / 1e3) for value in millimetres.tolist()]


def read(arrays, node):
    """What the page's script makes of an array."""
    if isinstance(node, list):
        return np.array(node, dtype=float)
    stored = arrays.table[node["$"]]
    values = np.frombuffer(base64.b64decode(stored["b"]), dtype=f"<{stored['t']}")
    if "code" in node:
        low, each = node["code"]
        logs = np.where(values == 0, np.nan, low + (values.astype(float) - 1) * each)
        found = spoken(10**logs) if node["told"] else logs
        return np.reshape(found, stored["s"])
    if "told" in node:
        return spoken(values)
    return np.log10(values) if "log" in node else values


def resolved(node, state, arrays):
    """A description as the script resolves it, in the light palette."""
    if isinstance(node, str):
        if node == "@errors":
            return list(zip(palette.ERROR_STOPS, palette.ERROR_LIGHT, strict=True))
        found = re.fullmatch(r"@([a-z]+[0-9]*)(~[0-9.]+)?", node)
        return palette.LIGHT[found[1]] if found else node
    if isinstance(node, list):
        return [resolved(part, state, arrays) for part in node]
    if not isinstance(node, dict):
        return node
    if "$" in node:
        return read(arrays, node)
    if "vary" in node:
        places = [state[key] for key in node["vary"]]
        return resolved(node["of"][np.ravel_multi_index(places, node["places"])], state, arrays)
    return {key: resolved(part, state, arrays) for key, part in node.items()}


@given(st.lists(st.floats(1e-9, 1e6), min_size=1, max_size=60))
def test_arrays_keep_single_precision(values):
    arrays = Arrays()
    np.testing.assert_allclose(read(arrays, arrays.number(values)), values, rtol=6e-7)
    logs = read(arrays, arrays.number(values, log=True))
    np.testing.assert_allclose(logs, np.log10(values), atol=1e-6)


def test_an_array_is_carried_once():
    arrays = Arrays()
    values = np.arange(100.0)
    first, second = arrays.number(values), arrays.number(values, log=True)
    assert first["$"] == second["$"]
    assert arrays.number(values + 1)["$"] != first["$"]
    assert len(arrays.table) == 2


@given(st.lists(st.floats(1e-3, 100.0), min_size=4, max_size=4))
def test_a_map_keeps_its_colours_to_a_code(values):
    arrays = Arrays()
    table = np.array([*values, math.nan, 1e-9]).reshape(2, 3)
    logs = read(arrays, arrays.cells(table, ERRORS, told=False))
    step = 5 / CODES
    np.testing.assert_allclose(logs.ravel()[:4], np.log10(values), atol=step / 2 + 1e-6)
    assert math.isnan(logs[1, 1])
    assert logs[1, 2] == pytest.approx(-3)


@given(st.lists(st.floats(1e-12, 1e12), min_size=1, max_size=20), st.booleans())
def test_a_logarithmic_axis_holds_its_numbers(values, millimetres):
    axis = logarithmic("x", [values], millimetres)
    assert axis.low <= min(values) * (1 + 1e-5)
    assert axis.high >= max(values) * (1 - 1e-5)
    assert 2 <= len(axis.ticks) <= MOST_TICKS
    assert len({text for _, text in axis.ticks}) == len(axis.ticks)


def test_an_axis_of_no_numbers_is_one_all_the_same():
    assert logarithmic("x", [[0.0, math.nan], []]).high > 0


@pytest.mark.parametrize(
    ("metres", "text"),
    [
        (0.0123, "12.3 mm"),
        (5e-6, "5 µm"),
        (2e-9, "2 nm"),
        (9.97e-8, "99.7 nm"),
        (1.33e-15, "< 1 nm"),
        (0.0, "0 mm"),
        (math.inf, "-"),
        (0.99949, "999 mm"),
        (0.9996, "1 m"),
        (15.006, "15 m"),
        (987_654.3, "987,654 m"),
    ],
)
def test_lengths_have_units_that_fit(metres, text):
    assert words.length(metres) == text


@pytest.mark.parametrize(
    ("degrees", "text"), [(0.0, "0°"), (9.61e-5, "< 0.001°"), (0.0998, "0.0998°"), (179.96, "180°")]
)
def test_angles_are_told_in_degrees(degrees, text):
    assert words.angle(math.radians(degrees)) == text


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (4.25, "4.25 µs"),
        (126.4, "126 µs"),
        (999.7, "1 ms"),
        (13_544.0, "13.5 ms"),
        (2.5e6, "2.5 s"),
    ],
)
def test_times_have_units_that_fit(microseconds, text):
    assert words.duration(microseconds) == text


def test_what_the_pointer_shows_has_its_unit(pictures):
    """And lengths are words: no axis of millimetres is told as a bare number."""
    for picture in pictures:
        for panel in picture.panels:
            for trace in for_plotly.plotly_panel(panel, Arrays())["traces"]:
                shown = trace.get("hovertemplate", "")
                for name, axis in (("x", panel.x), ("y", panel.y)):
                    assert not (axis.unit and f"%{{{name}" in shown), (picture.name, shown)
    errors = next(each for each in pictures if each.name == "errors")
    first = for_plotly.plotly_panel(errors.panels[0], Arrays())["traces"][0]
    assert first["hovertemplate"].startswith("%{customdata}, %{y:.4g}%<extra>")


def test_names_lose_what_all_of_them_say():
    assert words.short_names(["shoulder_pan_joint", "elbow_joint"]) == ("shoulder_pan", "elbow")
    assert words.short_names(["arm_1", "arm_2"]) == ("1", "2")
    assert words.short_names(["joint", "joint_joint"]) == ("joint", "joint_joint")
    assert words.short_names(["only_joint"]) == ("only_joint",)


@given(st.text(max_size=300), st.integers(5, 40))
def test_a_label_is_short_and_in_one_line(text, longest):
    label = words.label(text, longest)
    assert len(label) <= longest
    assert label.isprintable()


@pytest.fixture(scope="module")
def pictures(shipped_record, heads_record):
    elsewhere = Elsewhere(
        ablation=(
            AblationRow("everything", {"rmse_m": 0.004, "max_m": 0.02}, "", None),
            AblationRow("no gate", {"rmse_m": 0.006, "max_m": 0.03}, "rmse_m", 3),
        ),
        front=(
            FrontRow(1, 8, 1, 2600.0, 5000, 0.001, meets=False),
            FrontRow(2, 12, 2, 4600.0, 6500, 0.0, meets=True),
        ),
        goal=0.9999,
    )
    records = (shipped_record, heads_record)
    return (
        *album(heads_record).pictures,
        *album(shipped_record).pictures,
        *common_pictures(records, elsewhere),
    )


def test_every_picture_says_how_to_read_it(pictures):
    assert {picture.name for picture in pictures} >= {
        *("workspace", "cuts", "errors", "joints", "branches-map", "branches", "worst"),
        *("path-space", "path", "compare", "ablation", "front"),
    }
    for picture in pictures:
        assert picture.title
        assert picture.reading.endswith(".")
        for panel in picture.panels:
            # A picture without units cannot be read.
            assert panel.x.label or panel.x.categories or panel.marks
        for slider in picture.sliders:
            assert 0 <= slider.start < len(slider.stops)


def test_plotly_takes_every_picture(pictures):
    from plotly.graph_objects import Figure

    for picture in pictures:
        arrays = Arrays()
        drawn = for_plotly.plotly_picture(picture, arrays)
        json.dumps([drawn, arrays.table], allow_nan=False)
        for panel, described in zip(drawn["panels"], picture.panels, strict=True):
            state = {slider["key"]: slider["start"] for slider in drawn["sliders"]}
            traces = resolved(panel["traces"], state, arrays)
            for trace in traces:
                trace.pop("plain", None)
            # It refuses what plotly.js has no use for.
            figure = Figure(traces, resolved(panel["layout"], state, arrays))
            marks = [mark for mark in described.marks if not isinstance(mark, Rule)]
            assert len(figure.data) == len(marks)


def test_ticks_of_space_are_round_few_and_off_the_ends(pictures):
    """There the words of two axes would stand over each other."""
    spaces = [panel for picture in pictures for panel in picture.panels if panel.z is not None]
    assert spaces
    for panel in spaces:
        for ticks, low, high in zip(panel.ticks(), *panel.box, strict=True):
            assert 2 <= len(ticks) <= 7
            way = ticks[1] - ticks[0]
            assert f"{way:.0e}"[0] in "125"
            np.testing.assert_allclose(np.diff(ticks), way)
            np.testing.assert_allclose(np.round(np.array(ticks) / way), np.array(ticks) / way)
            assert min(ticks[0] - low, high - ticks[-1]) >= 0.08 * (high - low)


@given(st.floats(1e-3, 1e3), st.floats(0.15, 1), st.floats(-1, 1))
def test_a_flat_space_has_ticks_on_every_axis(longest, flat, middle):
    points = np.array([[-1.0, -flat, -0.3], [1.0, flat, 0.3]]) * longest / 2 + middle * longest
    for ticks in Panel(Axis(), Axis(), (Line.of(points),), z=Axis()).ticks():
        assert 2 <= len(ticks) <= 7


@pytest.mark.parametrize(("at", "side"), [(100.0, "top"), (1.0, "bottom")])
def test_words_on_a_line_at_the_top_stand_below_it(at, side):
    axis = Axis("x", log=True, low=1e-4, high=100.0)
    panel = Panel(Axis(), axis, (Rule(at, "tolerance", axis="y"),))
    (words_,) = for_plotly.plotly_panel(panel, Arrays())["layout"]["annotations"]
    assert words_["yanchor"] == side


def test_sliders_change_what_they_name(pictures):
    (picture,) = [each for each in pictures if each.name == "workspace"][:1]
    cloud = picture.panels[0].marks[0]
    assert isinstance(cloud.color, Varying)
    (slider, *others) = picture.sliders
    assert (slider.key, slider.stops[0]) == ("step", "network alone")
    assert {each.key for each in others} == {"cut-x", "cut-y", "cut-z"}
    first = cloud.color.at(picture.start)
    last = cloud.color.at(picture.start | {"step": len(slider.stops) - 1})
    assert np.median(last) < np.median(first)


def luminance(color):
    """Relative luminance of a colour as CSS writes it (WCAG 2.1)."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return np.dot((0.2126, 0.7152, 0.0722), linear)


def contrast(color, ground, opacity=1.0):
    mixed = [
        round(opacity * int(color[at : at + 2], 16) + (1 - opacity) * int(ground[at : at + 2], 16))
        for at in (1, 3, 5)
    ]
    mine = luminance("#" + "".join(f"{part:02x}" for part in mixed))
    low, high = sorted((mine, luminance(ground)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colors", [palette.LIGHT, palette.DARK], ids=["light", "dark"])
def test_marks_stand_out_from_the_paper(pictures, colors):
    """But for those that a scale colours, and dots on marks."""
    seen = set()
    for mark in (mark for picture in pictures for panel in picture.panels for mark in panel.marks):
        opacity = FAINT if getattr(mark, "faint", False) else getattr(mark, "opacity", 1.0)
        named = mark.colors if isinstance(mark, Bars) else getattr(mark, "color", ())
        named = (named,) if isinstance(named, str) else named
        if isinstance(named, tuple):
            seen |= {(word, opacity) for word in named if word != "paper"}
    seen |= {(word, 1.0) for word in colors if word.startswith(("step", "group"))}
    weak = [each for each in seen if contrast(colors[each[0]], colors["paper"], each[1]) < 3]
    assert {"back", "range", "accent"} <= {word for word, _ in seen}
    assert weak == []


@pytest.mark.parametrize("place", [0, 1], ids=["light", "dark"])
def test_text_is_read_on_every_ground(place):
    colors = (palette.LIGHT, palette.DARK)[place]
    grounds = [colors["paper"], *(GROUNDS[name][place] for name in ("ground", "well", "tint"))]
    for word in ("ink", "muted", "accent", "good", "bad"):
        assert min(contrast(colors[word], ground) for ground in grounds) >= 4.5, word
    assert contrast(colors["fair"], colors["paper"]) >= 4.5


def test_files_of_a_picture_are_small_and_the_same_again(pictures, tmp_path):
    (picture,) = [picture for picture in pictures if picture.name == "errors"][1:]
    paths = [tmp_path / name for name in ("1.png", "1.svg", "2.png", "2.svg")]
    draw_picture(picture, *paths[:2])
    draw_picture(picture, *paths[2:])
    first, lines, second, again = (path.read_bytes() for path in paths)
    assert first.startswith(b"\x89PNG")
    assert b"<svg" in lines[:600]
    assert (first, lines) == (second, again)
    assert len(first) <= LARGEST_PICTURE


def test_numbers_behind_a_picture_are_those_drawn(pictures):
    for picture in pictures:
        values = numbers(picture)
        assert json.loads(json.dumps(values, allow_nan=False)) == values
        assert len(values["panels"]) == len(picture.panels)
    line = Line([1.0, 2.0], [3.0, math.nan], name="a")
    panel = Panel(Axis("x [m]"), Axis("y"), (line, Rule(2.0, "here")))
    (told,) = numbers(Picture("p", "P", "Read it.", (panel,)))["panels"]
    assert told["marks"][0] == {"kind": "line", "name": "a", "x": [1.0, 2.0], "y": [3.0, None]}
    assert told["marks"][1] == {"kind": "rule", "label": "here", "x": 2.0}


# What numbers without a unit are: counts, names of numbers, and what has none.
BARE = re.compile(
    r"|target|training step|learned weight|learning rate|branches tried|how many of them|bytes"
    r"|(instructions|cycles) of a solve, the median"
)


def test_numbers_have_their_units(pictures):
    """In the name of their axis, or in their own: metres and millimetres look alike."""
    for picture in pictures:
        for panel in numbers(picture)["panels"]:
            for axis in "xyz":
                name = panel.get(axis, "")
                assert re.search(r"\[[^]]+\]$", name) or BARE.fullmatch(name), (picture.name, name)
            for mark in panel["marks"]:
                assert "error" not in mark
    (errors,) = [numbers(picture) for picture in pictures if picture.name == "errors"][1:]
    assert errors["panels"][0]["x"] == "distance from the target [mm]"
    (cuts,) = [numbers(picture) for picture in pictures if picture.name == "cuts"][1:]
    assert "error [mm]" in cuts["panels"][0]["marks"][0]


def test_names_in_files_are_letters(hostile_path, tmp_path):
    from edge_ik_tools.report.measuring.record import Asked, measure
    from edge_ik_tools.report.measuring.subject import open_model

    subject = open_model(hostile_path, hostile_path.name)
    record = measure(subject, Asked(targets=60, points=20, cuts=2), lambda _: None)
    told = []
    write_pictures([record], Elsewhere(), tmp_path / "out", told.append)
    assert len([line for line in told if isinstance(line, str)]) == 1
    drawn = [done for done in told if isinstance(done, Done)]
    assert len(drawn) == len(list((tmp_path / "out").glob("*.png")))
    assert all(done.count < done.total for done in drawn)
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"record.json", "errors.png", "errors.svg", "errors.json"} <= written
    units = json.loads((tmp_path / "out" / "record.json").read_text(encoding="utf-8"))["units"]
    assert "metres" in units
    for path in (tmp_path / "out").glob("*.svg"):
        assert "<img" not in path.read_text(encoding="utf-8")
