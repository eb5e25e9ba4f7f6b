"""The runtimes: which can be used, which answers, and what each refuses."""

import importlib.util
import os
import subprocess
import sys
import tempfile

import numpy as np
import pytest

from firmware_host.errors import ConfigError, ModelFileError, RuntimeUnavailableError
from firmware_host.network import runtimes
from firmware_host.network.runtimes import (
    RUNTIMES,
    available_runtimes,
    default_runtime,
    open_interpreter,
)

# Sums of float32 in two orders.
DRIFT = 2e-6


@pytest.mark.parametrize("kind", ["int8_per_channel", "float32"])
@pytest.mark.parametrize("rows", [0, 1, 2, 5, 8, 37])
def test_a_batch_is_its_rows(flatbuffer_of, runtime, kind, rows, monkeypatch):
    monkeypatch.setattr(runtimes, "MAX_BATCH", 16)
    interpreter = open_interpreter(flatbuffer_of(kind), runtime)
    x = np.random.default_rng(rows).normal(size=(rows, 6)).astype(np.float32)
    outputs = interpreter.run(x)
    assert outputs.shape == (rows, 4)
    for row in range(rows):
        np.testing.assert_allclose(
            outputs[row], interpreter.run(x[row : row + 1])[0], rtol=0, atol=DRIFT
        )


def test_says_which_runtime_answers(flatbuffer_of, runtime):
    interpreter = open_interpreter(flatbuffer_of("int16x8"), runtime)
    assert interpreter.runtime.startswith(runtime + " ")
    assert any(character.isdigit() for character in interpreter.runtime)
    assert interpreter.input_shape == (1, 6)
    assert interpreter.output_shape == (1, 4)


def test_loading_writes_nothing(flatbuffer_of, runtime, capfd):
    open_interpreter(flatbuffer_of("int8_per_channel"), runtime).run(np.zeros((3, 6)))
    assert capfd.readouterr() == ("", "")


def test_what_else_the_library_says_is_passed_on(capfd):
    with runtimes._without_banner():
        os.write(2, b"INFO: created\nERROR: no memory\n")
    assert capfd.readouterr().err == "ERROR: no memory\n"


def test_without_room_for_temporary_files_nothing_is_dropped(capfd, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
        with runtimes._without_banner():
            os.write(2, b"INFO: created\n")
    assert capfd.readouterr().err == "INFO: created\n"


def test_the_reference_is_always_available():
    assert available_runtimes()[-1] == "reference"


def test_nothing_is_imported_before_it_is_asked_for():
    modules = [entry.module.partition(".")[0] for entry in RUNTIMES.values()]
    modules.remove("numpy")
    code = (
        "import sys, firmware_host.network.runtimes as face; face.available_runtimes(); "
        f"sys.exit(bool(set(sys.modules) & set({modules!r})))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _without(monkeypatch, *modules):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in modules else find_spec(name)
    )


def test_a_missing_runtime_is_not_replaced(flatbuffer_of, monkeypatch):
    _without(monkeypatch, "ai_edge_litert")
    with pytest.raises(RuntimeUnavailableError) as caught:
        open_interpreter(flatbuffer_of("float32"), "litert")
    assert caught.value.runtime == "litert"
    assert caught.value.package == "ai-edge-litert"
    assert "reference" in caught.value.installed
    assert "litert" not in caught.value.installed
    assert "pip install 'ai-edge-litert', which has wheels for Python" in str(caught.value)


def test_where_none_is_asked_for_the_first_that_is_installed_answers_and_says_so(
    flatbuffer_of, monkeypatch
):
    _without(monkeypatch, "ai_edge_litert", "tflite_runtime")
    assert default_runtime() == "reference"
    assert open_interpreter(flatbuffer_of("float32")).runtime.startswith("reference ")
    monkeypatch.setattr(np, "__version__", "1.26.4")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name != "ai_edge_litert" or None)
    assert default_runtime() == "tflite-runtime"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    assert default_runtime() == "litert"


def test_tflite_runtime_does_not_fit_numpy_2(flatbuffer_of, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(np, "__version__", "2.1.0")
    with pytest.raises(RuntimeUnavailableError, match=r"needs NumPy 1, and NumPy 2\.1\.0 is"):
        open_interpreter(flatbuffer_of("float32"), "tflite-runtime")


def test_a_runtime_that_cannot_be_imported_says_why(flatbuffer_of, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    broken = runtimes.Runtime("ai-edge-litert", "firmware_host.no_such_module", "all")
    monkeypatch.setattr(runtimes, "RUNTIMES", {**RUNTIMES, "litert": broken})
    with pytest.raises(RuntimeUnavailableError, match=r"No module named .firmware_host\.no_such"):
        open_interpreter(flatbuffer_of("float32"))


def test_a_runtime_that_refuses_becomes_a_model_file_error(flatbuffer_of, monkeypatch):
    class Refusing:
        def __init__(self, **_):
            raise ValueError("Op builtin_code out of range")

    module = type(sys)("refusing")
    module.Interpreter = Refusing
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(importlib, "import_module", lambda _: module)
    with pytest.raises(ModelFileError, match="refuses the model: Op builtin_code out of range"):
        open_interpreter(flatbuffer_of("float32"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"runtime": "onnx"}, "Expected one of litert, tflite-runtime, .*runtime='onnx'"),
        ({"runtime": "reference", "threads": 0}, "threads=0"),
    ],
)
def test_options_out_of_range(flatbuffer_of, options, message):
    with pytest.raises(ConfigError, match=message):
        open_interpreter(flatbuffer_of("float32"), **options)


def test_a_damaged_model_never_reaches_the_runtime(flatbuffer_of, runtime):
    flatbuffer = flatbuffer_of("int8_per_channel")
    with pytest.raises(ModelFileError, match="damaged"):
        open_interpreter(flatbuffer[:2000], runtime)
