"""One face over the runtimes: the same numbers through each, and clear refusals."""

import importlib.util
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_host.errors import ConfigError, ModelFileError, RuntimeUnavailableError, TargetError
from firmware_host.network import interpreter as face
from firmware_host.network.flatbuffer import read_graph
from firmware_host.network.runtimes import RUNTIMES, available_runtimes, open_interpreter

MODELS = Path(__file__).parents[1] / "models"
KINDS = ["int8_per_channel", "int8_per_tensor", "int16x8", "float32"]
# These round twice, and agree with TFLite Micro on every bit.
EXACT = ("tflite-micro", "reference")
# The others round once. Steps of the output; float32 differs by the order of its sums.
DRIFT = {"int8_per_channel": 6, "int8_per_tensor": 6, "int16x8": 12, "float32": 2e-6}


def flatbuffer_of(kind):
    return (MODELS / f"{kind}.tflite").read_bytes()


@pytest.fixture(scope="module")
def golden():
    with np.load(MODELS / "golden.npz") as file:
        return dict(file)


@pytest.fixture(params=list(RUNTIMES))
def runtime(request):
    if request.param not in available_runtimes():
        pytest.skip(f"{request.param} is not installed, or does not fit this NumPy")
    return request.param


@pytest.mark.parametrize("kind", KINDS)
def test_raw_outputs_are_those_of_tflite_micro(runtime, kind, golden):
    interpreter = open_interpreter(flatbuffer_of(kind), runtime)
    outputs = interpreter.run_raw(golden[f"{kind}_inputs"])
    expected = golden[f"{kind}_outputs"]
    assert outputs.dtype == expected.dtype == interpreter.dtype
    difference = np.abs(outputs.astype(float) - expected)
    exact = runtime in EXACT and kind != "float32"
    assert difference.max() <= (0 if exact else DRIFT[kind])
    assert difference.mean() <= (0 if exact else DRIFT[kind] / 6)


@pytest.mark.parametrize("kind", KINDS)
def test_run_is_run_raw_between_quantization_and_dequantization(runtime, kind, golden):
    interpreter = open_interpreter(flatbuffer_of(kind), runtime)
    features = golden["float32_inputs"]
    outputs = interpreter.run(features)
    assert (outputs.shape, outputs.dtype) == ((len(features), 4), np.float32)
    if kind == "float32":
        expected = interpreter.run_raw(features)
    else:
        graph = read_graph(flatbuffer_of(kind))
        source, result = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
        q = interpreter.run_raw(rounded(features, source))
        zero_point = np.float32(result.quantization.zero_point[0])
        expected = (q.astype(np.float32) - zero_point) * result.quantization.scale[0]
    np.testing.assert_array_equal(outputs, expected)


def rounded(features, tensor):
    """The definition of the quantization: float32, halves to even."""
    limits = np.iinfo(tensor.dtype)
    q = np.rint(features / tensor.quantization.scale[0]) + tensor.quantization.zero_point[0]
    return np.clip(q, limits.min, limits.max).astype(tensor.dtype)


@cache
def quantizer_of(kind):
    """An interpreter, and the input tensor that its tables stand for."""
    graph = read_graph(flatbuffer_of(kind))
    interpreter = open_interpreter(flatbuffer_of(kind), "reference")
    return interpreter, graph.tensors[graph.inputs[0]]


@pytest.mark.parametrize("kind", ["int8_per_channel", "int16x8"])
@given(data=st.data())
def test_quantize_is_its_definition(kind, data):
    interpreter, tensor = quantizer_of(kind)
    scale = tensor.quantization.scale[0]
    # Random values, and the neighbours of the half-way points.
    halfway = st.builds(
        lambda k, side: float(np.nextafter(np.float32((k + 0.5) * scale), np.float32(side))),
        st.integers(-300, 300),
        st.sampled_from([-np.inf, 0.0, np.inf]),
    )
    values = st.floats(-(2.0**100), 2.0**100, width=32) | st.floats(-8, 8, width=32) | halfway
    x = np.array([data.draw(st.lists(values, min_size=6, max_size=6))], np.float32)
    np.testing.assert_array_equal(interpreter.quantize(x), rounded(x, tensor))


@pytest.mark.parametrize("table_rows", [0, 1 << 20])
def test_every_level_is_reached_at_its_own_step(table_rows, monkeypatch):
    monkeypatch.setattr(face, "TABLE_ROWS", table_rows)
    interpreter, tensor = quantizer_of("int16x8")
    centre = np.arange(-32768, 32767, dtype=np.float32) + np.float32(0.5)
    x = (centre * tensor.quantization.scale[0])[:, None]
    for side in (-np.inf, np.inf):
        beside = np.nextafter(x, np.float32(side))
        np.testing.assert_array_equal(interpreter.quantize(beside), rounded(beside, tensor))
    np.testing.assert_array_equal(interpreter.quantize(x), rounded(x, tensor))


@pytest.mark.parametrize("kind", ["int8_per_channel", "int16x8"])
def test_few_rows_and_many_mean_the_same_numbers(kind, monkeypatch):
    interpreter, tensor = quantizer_of(kind)
    huge = [-3e38, -1e30, -0.0, 1e30, 3e38]
    x = np.array([[*huge, value] for value in np.linspace(-9, 9, 500)], np.float32)
    levels = np.arange(np.iinfo(tensor.dtype).min, np.iinfo(tensor.dtype).max + 1)
    q = levels.astype(tensor.dtype)[:, None]
    results = []
    for table_rows in (0, 1 << 20):
        monkeypatch.setattr(face, "TABLE_ROWS", table_rows)
        results.append((interpreter.quantize(x), interpreter.dequantize(q)))
    for computed, looked_up in zip(*results, strict=True):
        assert computed.dtype == looked_up.dtype
        np.testing.assert_array_equal(computed, looked_up)


@pytest.mark.parametrize("kind", ["int8_per_channel", "float32"])
@pytest.mark.parametrize("rows", [0, 1, 2, 5, 8, 37])
def test_a_batch_is_its_rows(runtime, kind, rows, monkeypatch):
    monkeypatch.setattr(face, "MAX_BATCH", 16)
    interpreter = open_interpreter(flatbuffer_of(kind), runtime)
    x = np.random.default_rng(rows).normal(size=(rows, 6)).astype(np.float32)
    outputs = interpreter.run(x)
    assert outputs.shape == (rows, 4)
    for row in range(rows):
        np.testing.assert_allclose(
            outputs[row], interpreter.run(x[row : row + 1])[0], rtol=0, atol=DRIFT["float32"]
        )


def test_an_answer_is_not_overwritten_by_the_next(runtime):
    interpreter = open_interpreter(flatbuffer_of("float32"), runtime)
    first = interpreter.run(np.ones((1, 6)))
    kept = first.copy()
    interpreter.run(np.zeros((1, 6)))
    np.testing.assert_array_equal(first, kept)


def test_any_memory_order_and_list_is_taken(runtime):
    interpreter = open_interpreter(flatbuffer_of("int8_per_channel"), runtime)
    x = np.random.default_rng(0).normal(size=(4, 6))
    expected = interpreter.run(x)
    np.testing.assert_array_equal(interpreter.run(np.asfortranarray(x)), expected)
    np.testing.assert_array_equal(interpreter.run(x.tolist()), expected)
    q = interpreter.quantize(x.astype(np.float32))
    np.testing.assert_array_equal(interpreter.run_raw(np.asfortranarray(q)), interpreter.run_raw(q))


def test_says_which_runtime_answers(runtime):
    interpreter = open_interpreter(flatbuffer_of("int16x8"), runtime)
    assert interpreter.runtime.startswith(runtime + " ")
    assert any(character.isdigit() for character in interpreter.runtime)
    assert interpreter.input_shape == (1, 6)
    assert interpreter.output_shape == (1, 4)


def test_loading_writes_nothing(runtime, capfd):
    open_interpreter(flatbuffer_of("int8_per_channel"), runtime).run(np.zeros((3, 6)))
    assert capfd.readouterr() == ("", "")


def test_what_else_the_library_says_is_passed_on(capfd):
    with face._without_banner():
        face.os.write(2, b"INFO: created\nERROR: no memory\n")
    assert capfd.readouterr().err == "ERROR: no memory\n"


def test_the_reference_is_always_available():
    assert available_runtimes()[-1] == "reference"


def test_nothing_is_imported_before_it_is_asked_for():
    modules = [entry.module.partition(".")[0] for entry in RUNTIMES.values()]
    modules.remove("numpy")
    code = (
        "import sys, firmware_host.network.interpreter as face; face.available_runtimes(); "
        f"sys.exit(bool(set(sys.modules) & set({modules!r})))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_missing_runtime_is_not_replaced(monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: None if name == "ai_edge_litert" else find_spec(name),
    )
    for asked in (None, "litert"):
        with pytest.raises(RuntimeUnavailableError) as caught:
            open_interpreter(flatbuffer_of("float32"), asked)
        assert caught.value.runtime == "litert"
        assert caught.value.package == "ai-edge-litert"
        assert "reference" in caught.value.installed
        assert "litert" not in caught.value.installed
        assert "pip install 'ai-edge-litert'" in str(caught.value)


def test_tflite_runtime_does_not_fit_numpy_2(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(np, "__version__", "2.1.0")
    with pytest.raises(RuntimeUnavailableError, match=r"needs NumPy 1, and NumPy 2\.1\.0 is"):
        open_interpreter(flatbuffer_of("float32"), "tflite-runtime")


def test_a_runtime_that_cannot_be_imported_says_why(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    broken = face.Runtime("ai-edge-litert", "firmware_host.no_such_module")
    monkeypatch.setattr(face, "RUNTIMES", {**RUNTIMES, "litert": broken})
    with pytest.raises(RuntimeUnavailableError, match=r"No module named .firmware_host\.no_such"):
        open_interpreter(flatbuffer_of("float32"))


def test_a_runtime_that_refuses_becomes_a_model_file_error(monkeypatch):
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
def test_options_out_of_range(options, message):
    with pytest.raises(ConfigError, match=message):
        open_interpreter(flatbuffer_of("float32"), **options)


@pytest.mark.parametrize("shape", [(6,), (1, 5), (2, 3, 6), ()])
def test_features_of_another_shape_are_refused(runtime, shape):
    interpreter = open_interpreter(flatbuffer_of("int8_per_channel"), runtime)
    with pytest.raises(TargetError, match=r"Expected features of shape \(batch, 6\)"):
        interpreter.run(np.zeros(shape))
    with pytest.raises(TargetError, match=r"Expected inputs \(batch, 6\) of type int8"):
        interpreter.run_raw(np.zeros(shape, np.int8))
    with pytest.raises(TargetError, match=r"Received: .* of type int16"):
        interpreter.run_raw(np.zeros((1, 6), np.int16))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite_are_refused(runtime, value):
    interpreter = open_interpreter(flatbuffer_of("int8_per_channel"), runtime)
    features = np.zeros((2, 6), np.float32)
    features[1, 3] = value
    with pytest.raises(TargetError, match="not finite"):
        interpreter.run(features)


def test_large_features_saturate(runtime):
    interpreter = open_interpreter(flatbuffer_of("int8_per_channel"), runtime)
    large = interpreter.run(np.full((1, 6), 3e38, np.float32))
    np.testing.assert_array_equal(large, interpreter.run(np.full((1, 6), 1e3)))


def test_a_damaged_model_never_reaches_the_runtime(runtime):
    flatbuffer = flatbuffer_of("int8_per_channel")
    with pytest.raises(ModelFileError, match="damaged"):
        open_interpreter(flatbuffer[:2000], runtime)
