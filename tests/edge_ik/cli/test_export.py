"""The command that makes firmware of a model file, which needs no TensorFlow."""

import json
import sys

import pytest

from firmware_host.model_file import read_model, write_model
from firmware_host.spec import ModelSpec

SERVOS = """
[servos.yaw]
pulse_us = { min = 500, max = 2500 }
travel_deg = 270
[servos.shoulder]
model = "sts3215"
[servos.elbow]
model = "xl430"
zero_ticks = 1000
"""


@pytest.fixture(autouse=True)
def without_tensorflow(monkeypatch):
    for name in ("tensorflow", "keras", "scipy"):
        monkeypatch.setitem(sys.modules, name, None)


def test_firmware_of_a_model_file_is_written(run, source_root, tmp_path):
    model = source_root / "artifacts" / "arm3" / "arm3-int8.tflite"
    out = tmp_path / "firmware"
    arguments = ("--firmware", "c99", "--no-count", "--board", "--name", "tiny", "--out", out)
    result = run("export", model, *arguments, "--zip", "--json")
    assert result.exit_code == 0, result.output
    written = {path.relative_to(out).as_posix() for path in out.rglob("*")}
    assert {"src/tiny.c", "src/tiny.h", "library.properties", "board/README.md"} <= written
    (told,) = json.loads(result.stdout)["firmware"]
    assert told["archive"] == str(out) + ".zip"
    assert (tmp_path / "firmware.zip").is_file()


@pytest.mark.parametrize(("choice", "small"), [("size", 1), ("speed", 0), (None, 0)])
def test_firmware_is_made_for_size_or_speed(choice, small, run, planar_model, tmp_path):
    arguments = ("--firmware", "c99", "--no-count", "--name", "tiny", "--out", tmp_path / "made")
    options = ("--optimize", choice) if choice else ()
    result = run("export", planar_model, *arguments, *options)
    assert result.exit_code == 0, result.output
    text = (tmp_path / "made" / "src" / "tiny.c").read_text()
    assert f"#define EDGE_IK_SMALL {small}\n" in text
    assert ("--optimize size" in text) == bool(small)


def test_a_folder_of_something_else_is_told_before_anything_is_counted(
    refused, planar_model, tmp_path, monkeypatch
):
    from edge_ik_tools.emulate import counts

    counted = []
    monkeypatch.setattr(counts, "firmware_counts", lambda *given, **named: counted.append(given))
    out = tmp_path / "mine"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    (tmp_path / "new.zip").write_text("mine")
    arguments = ("export", planar_model, "--firmware", "c99", "--count", "--zip", "--out")
    assert "was not written by edge-ik" in refused(*arguments, out)
    assert "The archive" in refused(*arguments, tmp_path / "new")
    assert counted == []
    assert {path.name for path in tmp_path.iterdir()} == {"mine", "new.zip"}


@pytest.mark.parametrize("choice", ["auto", "float", "fixed", None])
def test_firmware_computes_with_what_is_asked_for(choice, run, planar_model, tmp_path):
    arguments = ("--firmware", "c99", "--no-count", "--name", "tiny", "--out", tmp_path / "made")
    options = ("--arithmetic", choice) if choice else ()
    result = run("export", planar_model, *arguments, *options)
    assert result.exit_code == 0, result.output
    text = (tmp_path / "made" / "src" / "tiny.c").read_text()
    assert ("inverse_root_of(" in text) == (choice != "float")
    assert ("joint_t joints[" in text) == (choice != "fixed")


@pytest.mark.parametrize("kind", ["c99", "tflm"])
def test_firmware_counts_as_solved_what_is_asked_for(kind, run, planar_model, tmp_path):
    made = ("--firmware", kind, "--out", tmp_path / "made", "--tolerance", 20)
    more = ("--no-count",) if kind == "c99" else ()
    result = run("export", planar_model, *made, *more, "--rotation-tolerance", 1)
    assert result.exit_code == 0, result.output
    readme = (tmp_path / "made" / "README.md").read_text()
    assert "within 20 mm" in readme
    assert "--tolerance 20" in readme
    refused = run("export", planar_model, *made[:-1], 1e-6, *more)
    assert refused.exit_code == 1
    assert "cannot tell so small errors of this robot" in " ".join(refused.stderr.split())


def test_integers_of_a_network_of_floats_are_refused(run, source_root, planar_model, tmp_path):
    network = source_root / "tests" / "firmware_host" / "models" / "float32.tflite"
    write_model(tmp_path / "float.tflite", network.read_bytes(), read_model(planar_model)[1])
    made = ("--firmware", "c99", "--no-count", "--arithmetic", "fixed", "--out", tmp_path / "made")
    result = run("export", tmp_path / "float.tflite", *made)
    assert result.exit_code == 1
    assert "Fixed point needs a network of integers" in " ".join(result.output.split())
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "--firmware makes C of it"),
        (("--firmware", "c99", "--quantize", "int8"), "--quantize can be given with a run folder"),
        (("--firmware", "tflm", "--zip"), "--zip can be given with --firmware c99 alone"),
        (
            ("--firmware", "tflm", "--arithmetic", "fixed"),
            "--arithmetic can be given with --firmware c99 alone",
        ),
        (
            ("--firmware", "tflm", "--optimize", "size"),
            "--optimize can be given with --firmware c99 alone",
        ),
        (("--firmware", "tflm", "--board"), "--board can be given with --firmware c99 alone"),
        (("--name", "tiny"), "--name can be given with --firmware alone"),
        (("--tolerance", "0.5"), "--tolerance can be given with --firmware alone"),
    ],
)
def test_export_refuses_what_it_would_ignore(run, planar_model, options, told):
    result = run("export", planar_model, *options)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())


def test_a_name_too_long_for_firmware_is_told_before_the_work(run, tiny_folder, tmp_path):
    out = tmp_path / "made"
    result = run("export", tiny_folder, "--firmware", "c99", "--name", "a" * 300, "--out", out)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Expected at most 64: give a shorter one with --name." in result.stderr
    assert not out.exists()


def test_a_name_that_is_given_stands_for_one_that_c_cannot_have(run, planar_model, tmp_path):
    flatbuffer, record = read_model(planar_model)
    longest = "a" * 64
    for number, name in enumerate(["\u673a\u5668\u4eba", "robot " * 20]):
        path, out = tmp_path / f"{number}.tflite", tmp_path / f"made{number}"
        write_model(path, flatbuffer, record | {"robot": record["robot"] | {"name": name}})
        arguments = ("export", path, "--firmware", "c99", "--no-count", "--out", out)
        refused = run(*arguments)
        assert refused.exit_code == 1
        assert "--name" in refused.stderr
        assert not out.exists()
        result = run(*arguments, "--name", longest)
        assert result.exit_code == 0, result.output
        assert (out / "src" / f"{longest}.h").is_file()


class TestServos:
    @pytest.fixture
    def model(self, source_root, tmp_path):
        path = tmp_path / "arm3.tflite"
        path.write_bytes((source_root / "artifacts" / "arm3" / "arm3-int8.tflite").read_bytes())
        return path

    def servos(self, tmp_path, text=SERVOS):
        (tmp_path / "servos.toml").write_text(text)
        return tmp_path / "servos.toml"

    def test_a_finished_model_gets_them_and_then_others(self, run, model, tmp_path):
        before = model.read_bytes()
        result = run("export", model, "--servos", self.servos(tmp_path), "--json")
        assert result.exit_code == 0, result.output
        path = tmp_path / "arm3-servos.tflite"
        assert json.loads(result.stdout) == {"model": str(path), "firmware": []}
        # It reaches 135 degrees of 180.
        assert "'yaw' ends 45 degrees short of its lower limit" in result.stderr
        flatbuffer, record = read_model(path)
        assert flatbuffer == read_model(model)[0]
        assert model.read_bytes() == before
        kept = {key: value for key, value in record.items() if key != "servos"}
        assert kept == read_model(model)[1]
        assert ModelSpec.from_dict(record).servos.commands([0.0, 0.0, 0.2])[:2].tolist() == [
            1500,
            2048,
        ]
        other = SERVOS.replace("zero_ticks = 1000", "zero_ticks = 1200")
        result = run("export", path, "--servos", self.servos(tmp_path, other))
        assert result.exit_code == 0, result.output
        assert [p.name for p in tmp_path.glob("*.tflite") if p != model] == [path.name]
        assert ModelSpec.from_dict(read_model(path)[1]).servos.each[2].zero == 1200

    def test_firmware_is_made_of_that(self, run, model, tmp_path):
        out = tmp_path / "out"
        options = ("--firmware", "c99", "--firmware", "tflm", "--no-count", "--out", out)
        result = run("export", model, "--servos", self.servos(tmp_path), *options)
        assert result.exit_code == 0, result.output
        assert (out / "arm3-servos.tflite").is_file()
        assert list(tmp_path.glob("*.tflite")) == [model]
        for header in (out / "c99" / "src" / "arm3.h", out / "tflm" / "arm3.h"):
            assert "int32_t arm3_servo(const float" in header.read_text()
        assert "arm3-servos.tflite" in (out / "c99" / "README.md").read_text()

    def test_the_model_follows_firmware_into_its_folder(self, run, model, tmp_path):
        out, servos = tmp_path / "library", self.servos(tmp_path)
        arguments = ("export", model, "--servos", servos, "--firmware", "c99", "--no-count")
        for text in (SERVOS, SERVOS.replace("zero_ticks = 1000", "zero_ticks = 1200")):
            self.servos(tmp_path, text)
            result = run(*arguments, "--out", out, "--json")
            assert result.exit_code == 0, result.output
            path = out / "arm3-servos.tflite"
            told = json.loads(result.stdout)
            assert told["model"] == told["firmware"][0]["model"] == str(path)
            assert (out / "src" / "arm3.c").is_file()
            zero = ModelSpec.from_dict(read_model(path)[1]).servos.each[2].zero
            assert f"zero_ticks = {zero:g}\n" in text
        assert list(tmp_path.glob("*.tflite")) == [model]
        assert run(*arguments).exit_code == 0
        assert (tmp_path / "arm3-servos.tflite").is_file()
        assert (tmp_path / "arm3-servos-c99" / "src" / "arm3.c").is_file()

    def test_without_firmware_the_folder_is_for_the_model(self, run, model, tmp_path):
        out = tmp_path / "deep" / "out"
        assert run("export", model, "--servos", self.servos(tmp_path), "--out", out).exit_code == 0
        assert (out / "arm3-servos.tflite").is_file()

    @pytest.mark.parametrize("kind", [(), ("--firmware", "c99", "--no-count")])
    def test_a_file_is_no_folder(self, refused, model, tmp_path, kind):
        servos, taken = self.servos(tmp_path), tmp_path / "notes.txt"
        taken.write_text("mine")
        before = sorted(tmp_path.iterdir())
        for out, words in (
            (taken, "Received a file: "),
            (model, "Received a file: "),
            (tmp_path / "new.tflite", "Received the name of a file: "),
        ):
            said = " ".join(
                refused("export", model, "--servos", servos, *kind, "--out", out).split()
            )
            assert "Expected a folder for --out; what is written into it has names" in said
            assert words in said
            assert out.name in said
        assert sorted(tmp_path.iterdir()) == before
        assert taken.read_text() == "mine"

    def test_a_folder_that_cannot_be_made_is_told(self, refused, model, tmp_path):
        servos = self.servos(tmp_path)
        said = refused("export", model, "--servos", servos, "--out", servos / "deeper")
        assert f"Cannot write '{servos / 'deeper'}'" in said

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (("[servos.elbow]", "[servos.wrist]"), "no joint 'wrist'"),
            (("zero_ticks = 1000", "zero_ticks = 9000"), "reaches nothing of its joint"),
            (('"xl430"', '"sg90"'), "unknown model"),
        ],
    )
    def test_mistakes_are_told(self, refused, model, tmp_path, change, words):
        said = refused("export", model, "--servos", self.servos(tmp_path, SERVOS.replace(*change)))
        assert words in " ".join(said.split())
        assert not (tmp_path / "arm3-servos.tflite").exists()
