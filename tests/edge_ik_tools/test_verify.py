"""Verification: what passes is measured, and what must not pass is refused."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import keras

from edge_ik.evaluation import evaluate_seeds, evaluation_targets
from edge_ik.predictor import predictor
from edge_ik.preparation import resume
from edge_ik_tools import verify as module
from edge_ik_tools.convert import FORMATS, calibration_features, convert
from edge_ik_tools.tflm.arena import measure_arena
from edge_ik_tools.verify import VerificationError, verify
from firmware_host.errors import EdgeIkError, ModelFileError
from firmware_host.network.flatbuffer import read_graph
from firmware_host.network.runtimes import available_runtimes, open_interpreter
from firmware_host.solving.seeding import Seeder
from firmware_host.spec import ModelSpec

pytestmark = pytest.mark.tensorflow

needs_micro = pytest.mark.skipif(
    "tflite-micro" not in available_runtimes(),
    reason="needs tflite-micro: pip install 'edge-ik[tflm]'",
)


@dataclasses.dataclass
class Subject:
    """A trained network, and all that a verification of its formats takes."""

    spec: ModelSpec
    network: keras.Model
    targets: object
    features: np.ndarray
    flatbuffers: dict

    def verify(self, name, flatbuffer=None, **changes):
        target = dataclasses.replace(FORMATS[name], **changes)
        return verify(
            self.flatbuffers[name] if flatbuffer is None else flatbuffer,
            target,
            self.spec,
            predictor(self.network),
            self.targets,
            self.features,
        )


@pytest.fixture(scope="module")
def subject(tiny_folder):
    run, source = resume(tiny_folder)
    network = run.load_network()
    features = calibration_features(source, run.config.training.rng_seed, 500)
    return Subject(
        spec=run.spec,
        network=network,
        targets=evaluation_targets(run, 300),
        features=features,
        flatbuffers={name: convert(network, target, features) for name, target in FORMATS.items()},
    )


def scrambled(flatbuffer):
    """A flatbuffer whose largest kernel is stored in reverse."""
    kernels = [
        tensor.data
        for tensor in read_graph(flatbuffer).tensors
        if tensor.data is not None and len(tensor.shape) == 2
    ]
    content = max(kernels, key=lambda kernel: kernel.size)
    assert flatbuffer.count(content.tobytes()) == 1
    return flatbuffer.replace(content.tobytes(), content[::-1, ::-1].tobytes())


class TestMeasured:
    @pytest.mark.parametrize("name", FORMATS)
    def test_figures_are_those_of_the_first_runtime(self, subject, name):
        found = subject.verify(name)
        runtime = next(item for item in FORMATS[name].runtimes if item in available_runtimes())
        predict = open_interpreter(subject.flatbuffers[name], runtime).run
        expected = evaluate_seeds(Seeder(subject.spec, predict), subject.targets)
        assert found.evaluation == expected
        assert found.evaluation.targets == 300

    def test_operators_are_counted(self, subject):
        expected = {"FULLY_CONNECTED": 4, "LOGISTIC": 2, "MUL": 2, "ADD": 1}
        assert subject.verify("int8").operators == expected

    def test_differences_are_to_the_trained_network(self, subject):
        found = {name: subject.verify(name) for name in FORMATS}
        assert 0 < found["float32"].mean_difference < 1e-6
        assert found["int16x8"].mean_difference < found["int8"].mean_difference / 10
        for verification in found.values():
            assert verification.mean_difference <= verification.max_difference

    @pytest.mark.parametrize("name", ["float32", "int8", "int16x8"])
    def test_the_drift_of_every_runtime_is_told(self, subject, name):
        found = subject.verify(name).runtimes
        assert list(found) == [
            item for item in FORMATS[name].runtimes if item in available_runtimes()
        ]
        assert found["reference"] == {"differing_share": 0.0, "max_units": 0.0}
        for drift in found.values():
            # Floats are summed in another order; integers are only rounded otherwise.
            assert 0 <= drift["differing_share"] < (1 if name == "float32" else 0.5)
            assert drift["max_units"] <= {"float32": 1e-5, "int8": 6, "int16x8": 30}[name]
            assert (drift["differing_share"] > 0) == (drift["max_units"] > 0)

    def test_that_of_a_format_without_reference_is_not_known(self, subject):
        assert subject.verify("dynamic").runtimes == {}
        assert subject.verify("dynamic").arena_bytes is None

    @needs_micro
    def test_the_arena_is_the_least_that_loads(self, subject):
        from tflite_micro.python.tflite_micro import runtime

        for name in ("int8", "int16x8", "float32"):
            size = subject.verify(name).arena_bytes
            flatbuffer = subject.flatbuffers[name]
            assert size == measure_arena(flatbuffer)
            assert size % 16 == 0
            runtime.Interpreter.from_bytes(flatbuffer, arena_size=size)
            with pytest.raises(RuntimeError):
                runtime.Interpreter.from_bytes(flatbuffer, arena_size=size - 16)

    def test_it_is_ready_for_json(self, subject):
        values = subject.verify("int8").to_dict()
        assert set(values["evaluation"]["any_branch"]["0"]) >= {"rmse_m", "max_m"}
        assert set(values) == {field.name for field in dataclasses.fields(module.Verification)}


class TestRefused:
    def network(self, activation):
        inputs = keras.Input((6,))
        hidden = keras.layers.Dense(8, activation=activation)(inputs)
        return keras.Model(inputs, keras.layers.Dense(6)(hidden))

    @pytest.mark.parametrize("name", FORMATS)
    def test_an_operator_that_microcontrollers_may_lack(self, subject, name):
        flatbuffer = convert(self.network("tanh"), FORMATS[name], subject.features)
        with pytest.raises(VerificationError, match=f"{name} network has operators.*: TANH"):
            subject.verify(name, flatbuffer)

    @pytest.mark.parametrize("name", FORMATS)
    def test_weights_in_another_order(self, subject, name):
        flatbuffer = scrambled(subject.flatbuffers[name])
        with pytest.raises(VerificationError, match=f"{name} network differs from the trained"):
            subject.verify(name, flatbuffer)

    def test_another_network(self, subject):
        flatbuffer = convert(self.network(None), FORMATS["float32"], subject.features)
        with pytest.raises(VerificationError, match="differs from the trained"):
            subject.verify("float32", flatbuffer)

    def test_numbers_that_are_none(self, subject):
        network = keras.models.clone_model(subject.network)
        network.set_weights([np.full_like(w, np.nan) for w in subject.network.get_weights()])
        flatbuffer = convert(network, FORMATS["float32"], subject.features)
        with pytest.raises(VerificationError, match=r"cannot be used: .* not finite"):
            subject.verify("float32", flatbuffer)

    @pytest.mark.parametrize("bound", ["max_difference", "mean_difference"])
    def test_each_bound_is_held(self, subject, bound):
        found = subject.verify("int8")
        subject.verify("int8", **{bound: getattr(found, bound)})
        with pytest.raises(VerificationError, match="Expected at most"):
            subject.verify("int8", **{bound: 0.99 * getattr(found, bound)})

    @pytest.mark.parametrize(("name", "other"), [("int8", "float32"), ("float32", "int8")])
    def test_a_network_of_another_type(self, subject, name, other):
        with pytest.raises(VerificationError, match=f"Expected {FORMATS[name].activations}"):
            subject.verify(name, subject.flatbuffers[other])

    def test_a_runtime_that_breaks_the_exactness(self, subject, monkeypatch):
        def open_wrong(flatbuffer, name):
            interpreter = open_interpreter(flatbuffer, name)
            if name == "tflite-micro":
                right = interpreter.run_raw
                interpreter.run_raw = lambda q: right(q) ^ 1
            return interpreter

        if "tflite-micro" not in available_runtimes():
            pytest.skip("needs tflite-micro: pip install 'edge-ik[tflm]'")
        monkeypatch.setattr(module, "open_interpreter", open_wrong)
        with pytest.raises(VerificationError, match=r"100\.00% of the int8 network's outputs"):
            subject.verify("int8")

    def test_a_format_that_nothing_here_can_run(self, subject, monkeypatch):
        monkeypatch.setattr(module, "available_runtimes", lambda: ("reference",))
        with pytest.raises(VerificationError, match="No runtime that can check the dynamic"):
            subject.verify("dynamic")

    def test_bytes_that_are_no_network(self, subject):
        for flatbuffer in (b"", b"TFL3" * 9, subject.flatbuffers["int8"][:500]):
            with pytest.raises(ModelFileError):
                subject.verify("int8", flatbuffer)

    def test_it_is_an_error_that_people_see(self):
        assert issubclass(VerificationError, EdgeIkError)
