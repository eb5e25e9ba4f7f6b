"""The page: everything in one file, nothing from elsewhere, names as letters."""

import base64
import dataclasses
import hashlib
import html.parser
import json
import math
import re

import numpy as np
import pytest

from edge_ik.tables import AS_ANSWERED
from edge_ik_tools.report.drawing.album import album
from edge_ik_tools.report.drawing.space import worst_picture
from edge_ik_tools.report.measuring.elsewhere import AblationRow, Elsewhere, FrontRow, core_cost
from edge_ik_tools.report.measuring.record import Asked, measure
from edge_ik_tools.report.measuring.subject import open_model
from edge_ik_tools.report.page.markup import Markup, escaped, script_json, tag
from edge_ik_tools.report.page.page import page, plotly_script
from edge_ik_tools.report.page.sections import elsewhere_sections, what
from firmware_host.errors import MissingExtraError
from firmware_host.installed import install_command

LARGEST = 6e6  # bytes


class Elements(html.parser.HTMLParser):
    """The elements of a page, and the text of scripts."""

    def __init__(self, text):
        super().__init__()
        self.found, self.scripts, self.texts, self._inside = [], [], [], None
        self.feed(text)

    def handle_starttag(self, name, attributes):
        self.found.append((name, dict(attributes)))
        self._inside = name
        if name == "script":
            self.scripts.append("")

    def handle_endtag(self, _):
        self._inside = None

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts[-1] += data
        else:
            self.texts.append(data)


@pytest.fixture(scope="module")
def text(shipped_record):
    return page([shipped_record], Elsewhere(), "edge-ik report model")


@pytest.fixture(scope="module")
def elements(text):
    return Elements(text)


def test_a_page_is_one_file_of_bounded_size(text):
    assert len(text.encode()) <= LARGEST


def test_a_page_asks_nothing_of_a_network(elements):
    names = [name for name, _ in elements.found]
    assert not {"iframe", "object", "embed", "form", "base"} & set(names)
    for name, values in elements.found:
        for key in ("src", "href", "srcset", "action", "poster"):
            assert values.get(key, "data:,") in ("data:,",), (name, key)
        assert not [key for key in values if key.startswith("on")]
    (policy,) = [
        values["content"]
        for name, values in elements.found
        if name == "meta" and values.get("http-equiv") == "Content-Security-Policy"
    ]
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    for script in elements.scripts[1:]:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_a_page_shows_every_section(elements):
    titles = [values["data-title"] for name, values in elements.found if "data-title" in values]
    assert titles == [
        *("Verdict", "Workspace", "Errors", "Quantization", "Branches", "Worst targets"),
        *("Path", "Training", "Provenance", "Cost"),
    ]
    data = json.loads(elements.scripts[0])
    drawn = {picture["name"] for group in data["groups"] for picture in group["pictures"]}
    placed = {values["data-picture"] for _, values in elements.found if "data-picture" in values}
    assert drawn == placed
    assert len(data["groups"][0]["postures"]) == 50


def test_answers_after_steps_are_told_as_what_they_are(text, shipped_record):
    """In the captions of all pictures that a slider or curves show them in, and at the table."""
    drawn = [each for each in album(shipped_record).pictures if AS_ANSWERED in each.reading]
    assert {picture.name for picture in drawn} == {"workspace", "cuts", "errors"}
    assert f"{AS_ANSWERED}</p>" in text


def test_why_there_are_no_curves_is_told(shipped_record):
    record = dataclasses.replace(shipped_record, training="It was changed <after> that.")
    text = page([record], Elsewhere(), "edge-ik report")
    assert "edge-ik report RUN</code> shows them. It was changed &lt;after&gt; that.</p>" in text


def test_an_angle_is_told_where_a_target_has_one(heads_record, shipped_record):
    """Of a target that is off by that alone, too: no millimetre would say that it is solved."""
    turned = dataclasses.replace(heads_record.worst[0], error_m=0.0, angle_rad=math.radians(0.423))
    record = dataclasses.replace(heads_record, worst=(turned,))
    assert "not solved, 0 mm and 0.423° off." in what(record, 0)
    assert "°" not in what(shipped_record, 0)
    assert worst_picture(record.workspace.robot, record.worst).panels[0].marks[0].texts == (
        "1: 0 mm and 0.423°",
    )
    path = dataclasses.replace(heads_record.path, angle=np.radians([0.1, 2.5]))
    text = page([dataclasses.replace(heads_record, path=path)], Elsewhere(), "edge-ik report")
    assert re.search(r"at worst \S+ \S+ and 2.5° off", text)


def test_the_same_records_give_the_same_page(shipped_record, text):
    assert page([shipped_record], Elsewhere(), "edge-ik report model") == text


def test_costs_are_told_where_they_were_counted(shipped_record, emulated, text):
    core = core_cost(emulated)
    counted = page([shipped_record], Elsewhere(cores=[core]), "edge-ik report")
    assert f"{core.total:,.0f}</dd>" not in text
    assert f"<dd>{core.total:,.0f}<small>instructions on cortex-m4" in counted
    assert "were not counted" in text
    assert "were not counted" not in counted


def test_counting_is_told_of_what_can_be_counted(shipped, shipped_record, shipped_path, tmp_path):
    """Of a run that is its exported model, which must be written first where there is none."""
    folder = tmp_path / "run"
    folder.mkdir()
    run = dataclasses.replace(shipped, path=folder)
    assert (shipped.exported, run.exported) == (shipped_path, None)
    record = dataclasses.replace(shipped_record, source=str(folder), exported=None)
    told = str(elsewhere_sections(Elsewhere(), {}, record))
    assert f"<code>edge-ik export {folder}</code> writes" in told
    assert f"<code>edge-ik bench {folder} --target cortex-m4 --json</code>" in told
    assert f"<code>edge-ik report {folder} --cores cortex-m4</code>" in told
    (folder / "export").mkdir()
    model = folder / "export" / "arm3-int8.tflite"
    model.write_bytes(shipped_path.read_bytes())
    assert run.exported == model
    told = str(
        elsewhere_sections(Elsewhere(), {}, dataclasses.replace(record, exported=str(model)))
    )
    assert "edge-ik export" not in told
    assert f"<code>edge-ik bench {model} --target cortex-m4 --json</code>" in told
    assert f"<code>edge-ik report {model} --cores cortex-m4</code>" in told


def test_tables_of_other_commands_are_shown(shipped_record):
    found = Elsewhere(
        ablation=(
            AblationRow("everything", {"solved": 1.0, "rmse_m": 0.004, "max_m": 0.02}, "", None),
            AblationRow("no gate", {"rmse_m": 0.006, "max_m": 0.03}, "rmse_m", 3),
        ),
        front=(FrontRow(7, 12, 2, 4600.0, 6500, 0.0, meets=True),),
        goal=1.0,
    )
    text = page([shipped_record], found, "edge-ik report")
    assert "<td>no gate</td><td>-</td><td>-</td><td>6 mm</td>" in text
    assert "rmse worse on 3 seeds" in text
    assert "<td>7</td><td>12 x 2</td><td>4,600</td><td>6,500 B</td><td>100%</td>" in text


def test_several_models_stand_side_by_side(shipped_record, heads_record):
    text = page([shipped_record, heads_record], Elsewhere(), "edge-ik report a b")
    found = Elements(text)
    articles = [values for name, values in found.found if name == "article"]
    assert [values["data-model"] for values in articles] == ["0", "1"]
    assert "hidden" in articles[1]
    anchors = [values["id"] for name, values in found.found if name == "section"]
    assert len(set(anchors)) == len(anchors)
    assert "compare" in {values.get("data-picture") for _, values in found.found}
    assert len(text.encode()) <= LARGEST


def test_names_of_a_robot_are_letters(hostile_path):
    record = measure(open_model(hostile_path, hostile_path.name), Asked(200, 50, 3), lambda _: None)
    text = page([record], Elsewhere(), f"edge-ik report '{hostile_path}'")
    found = Elements(text)
    assert "img" not in [name for name, _ in found.found]
    assert len(found.scripts) == 3
    assert not [values for _, values in found.found if "onerror" in values]
    # Told as it is, all the same.
    assert any("onerror=alert(1)" in part for part in found.texts)
    data = found.scripts[0]
    assert "<" not in data
    json.loads(data)


def test_markup_is_escaped_unless_it_is_markup():
    assert escaped("<b> & \"'") == "&lt;b&gt; &amp; &quot;&#x27;"
    assert escaped(Markup("<b>")) == "<b>"
    assert tag("p", "<", tag("b", "x"), class_="a", data_key='"', hidden=False) == (
        '<p class="a" data-key="&quot;">&lt;<b>x</b></p>'
    )
    assert escaped("a\x1b\u202e") == "a\\x1b\\u202e"


def test_json_in_a_script_ends_no_script():
    text = script_json({"a": "</script><!--\u2028&"})
    assert not re.search(r"[<>&\u2028]", text)
    assert json.loads(text) == {"a": "</script><!--\u2028&"}


def test_plotly_ends_no_script():
    assert "</script" not in plotly_script()


def test_a_missing_extra_is_told(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "plotly", None)
    with pytest.raises(MissingExtraError, match=re.escape(install_command("report"))):
        plotly_script()
