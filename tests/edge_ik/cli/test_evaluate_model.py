"""The command that measures a network, of a model file, which needs no TensorFlow."""

import sys

import pytest

from firmware_host.installed import install_command


@pytest.fixture(autouse=True)
def without_tensorflow(monkeypatch):
    for name in ("tensorflow", "keras"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.tensorflow  # for SciPy
def test_a_model_is_measured(printed, source_root):
    pytest.importorskip("scipy")
    model = source_root / "artifacts" / "leg3" / "leg3-int8.tflite"
    found = printed("evaluate", model, "--targets", 50, "--runtime", "reference")
    assert (found["robot"], found["format"], found["targets"]) == ("leg3", "int8", 50)
    assert found["solved"] == 1.0


def test_the_light_extra_is_named_where_scipy_is_missing(refused, source_root, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "scipy"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "scipy", None)
    for name in ("edge_ik.evaluation", "edge_ik.data.focus", "edge_ik.data.region"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    said = refused("evaluate", source_root / "artifacts" / "leg3" / "leg3-int8.tflite")
    assert install_command("report") in said
