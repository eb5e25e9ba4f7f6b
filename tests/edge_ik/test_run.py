"""The run folder: what is written reads back; what is not a run is told."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from edge_ik.lock import LOCK_FILE, locked
from edge_ik.preparation import check_free
from edge_ik.run import BEST_FILE, BRANCHES_FILE, Run
from edge_ik.run_folder import CONFIG_FILE, RUN_FILE, is_abandoned
from firmware_host.errors import EdgeIkError, RunError, WriteError
from firmware_host.files import remove_partial_files
from firmware_host.spec import ONE_BRANCH, mean_heads

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def folder(tmp_path, tiny_folder):
    """A copy of a run that can be damaged."""
    return shutil.copytree(tiny_folder, tmp_path / "run")


def record(folder):
    return json.loads((folder / RUN_FILE).read_text())


def test_a_saved_run_reads_back_exactly(folder, tmp_path):
    run = Run.load(folder)
    again = dataclasses.replace(run, folder=tmp_path / "deep" / "copy")
    again.save()
    loaded = Run.load(again.folder)
    assert record(again.folder) == record(folder)
    assert loaded.config == run.config
    assert loaded.chain.to_dict() == run.chain.to_dict()
    for name in ("home", "normalization", "focus", "aspect", "branches"):
        assert getattr(loaded, name) == getattr(run, name)


def test_a_folder_that_cannot_be_made_is_told(folder, tmp_path):
    (tmp_path / "file").write_text("mine")
    run = dataclasses.replace(Run.load(folder), folder=tmp_path / "file" / "run")
    with pytest.raises(WriteError, match=r"Cannot write '.*run'.*--out"):
        run.save()


SAVING = """
import dataclasses
from edge_ik.run import Run

run = Run.load(Path(arguments[0]))

def before(above):
    if int(above.name) % 2:
        (above / "run").mkdir()

def work(above):
    dataclasses.replace(run, folder=above / "run").save()
"""


def test_a_run_killed_while_it_is_begun_can_be_begun_anew(
    tiny_folder, tmp_path, killed_at_every_step
):
    kills = killed_at_every_step(SAVING, str(tiny_folder))
    assert kills >= 8
    whole, files = Run.load(tiny_folder), {CONFIG_FILE, RUN_FILE}
    abandoned = 0
    for number in range(kills + 1):
        made = tmp_path / str(number) / "run"
        abandoned += is_abandoned(made)
        if is_abandoned(made):
            with pytest.raises(RunError, match=r"ended before its first step\. Begin it anew"):
                Run.load(made)
        if (made / RUN_FILE).exists():
            with pytest.raises(RunError, match="--resume"):
                check_free(made)
            remove_partial_files(made)
        else:
            check_free(made)
            dataclasses.replace(whole, folder=made).save()
        assert Run.load(made).config == whole.config
        assert {path.name for path in made.iterdir()} - {LOCK_FILE} == files
        assert [path.name for path in made.parent.iterdir()] == ["run"]
    assert abandoned >= 4


@pytest.mark.parametrize("room", [0, 200, 2000])
def test_a_run_that_cannot_be_begun_leaves_nothing(tiny_folder, tmp_path, no_room, room):
    run = dataclasses.replace(Run.load(tiny_folder), folder=tmp_path / "run")
    with no_room(room), pytest.raises(WriteError, match="Cannot write"):
        run.save()
    assert list(tmp_path.iterdir()) == []
    run.folder.mkdir()
    with no_room(room), pytest.raises(WriteError, match="Cannot write"):
        run.save()
    assert list(run.folder.iterdir()) == []


def test_two_runs_cannot_begin_in_one_folder(tiny_folder, tmp_path):
    run = dataclasses.replace(Run.load(tiny_folder), folder=tmp_path)
    with locked(tmp_path), pytest.raises(RunError, match="in use by another training"):
        run.save()
    assert list(tmp_path.iterdir()) == []
    run.save()
    with pytest.raises(RunError, match="Another training has begun"):
        run.save()
    assert Run.load(tmp_path).config == run.config


def test_the_record_tells_where_it_is_from(folder):
    from edge_ik import __version__

    assert record(folder)["version"] == __version__
    assert record(folder)["config_hash"] == Run.load(folder).config.hash()
    assert record(folder)["robot"]["name"] == "arm3"


def test_a_missing_folder_is_told_with_the_command_to_make_it(tmp_path):
    with pytest.raises(RunError, match=r"edge-ik train --out .*nowhere"):
        Run.load(tmp_path / "nowhere")


@pytest.mark.parametrize("missing", [RUN_FILE, CONFIG_FILE])
def test_a_folder_that_is_no_run_is_told(folder, missing):
    (folder / missing).unlink()
    with pytest.raises(RunError, match="is not a run folder"):
        Run.load(folder)


def test_a_file_is_no_run(folder):
    with pytest.raises(RunError, match="which is a file"):
        Run.load(folder / RUN_FILE)


def test_a_configuration_changed_afterwards_is_told(folder):
    path = folder / CONFIG_FILE
    path.write_text(path.read_text().replace("width = 8", "width = 9"))
    with pytest.raises(RunError, match=r"config\.toml was changed after the run began"):
        Run.load(folder)


@pytest.mark.parametrize(
    "key",
    ["robot", "home", "normalization", "focus", "workspace", "aspect", "config_hash"],
)
@pytest.mark.parametrize("value", [None, 7, {}, "missing"])
def test_a_damaged_record_is_told(folder, key, value):
    values = record(folder)
    if value == "missing":
        del values[key]
    else:
        values[key] = value
    (folder / RUN_FILE).write_text(json.dumps(values))
    with pytest.raises(EdgeIkError):
        Run.load(folder)


@pytest.mark.parametrize("value", [7, {}, [{}], [{"joint": "yaw"}]])
def test_damaged_servos_are_told(folder, value):
    (folder / RUN_FILE).write_text(json.dumps({**record(folder), "servos": value}))
    with pytest.raises(EdgeIkError):
        Run.load(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b"\xff\xfe"])
def test_a_record_that_is_no_json_object_is_told(folder, content):
    (folder / RUN_FILE).write_bytes(content)
    with pytest.raises(RunError, match=r"run\.json is damaged"):
        Run.load(folder)


def test_a_run_of_all_branches_has_no_aspect(heads_folder):
    run = Run.load(heads_folder)
    assert run.aspect is None
    assert not run.one_branch
    assert record(heads_folder)["aspect"] is None


class TestBranches:
    @pytest.fixture
    def heads(self, tmp_path, heads_folder):
        """A copy of a run of three heads that can be damaged."""
        return shutil.copytree(heads_folder, tmp_path / "heads")

    def test_they_read_back_as_they_were_found(self, heads):
        stored = json.loads((heads / BRANCHES_FILE).read_text())
        run = Run.load(heads)
        assert [dataclasses.asdict(branch) for branch in run.branches] == stored["branches"]
        assert run.spec.branches == run.branches
        assert run.spec.heads == len(run.branches) == 3
        assert stored["mean_heads"] == pytest.approx(mean_heads(run.branches))
        assert sum(branch.wins for branch in run.branches) == pytest.approx(1)
        assert len({branch.name for branch in run.branches}) == 3
        assert all(0 <= branch.reaches <= 1 for branch in run.branches)

    def test_before_they_are_found_they_have_numbers(self, heads):
        (heads / BRANCHES_FILE).unlink()
        assert [branch.name for branch in Run.load(heads).branches] == ["0", "1", "2"]

    def test_one_head_has_the_branch_of_home(self, folder):
        assert not (folder / BRANCHES_FILE).exists()
        assert Run.load(folder).branches == ONE_BRANCH

    @pytest.mark.parametrize(
        "content",
        [
            "",
            "{",
            "[]",
            "7",
            "{}",
            '{"branches": 3}',
            '{"branches": [1, 2, 3]}',
            '{"branches": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}',
            '{"branches": [{"name": "a", "wins": 1, "reaches": 1}]}',
            json.dumps({"branches": [{"name": "a", "wins": 0.1, "reaches": 1}] * 3}),
            json.dumps({"branches": [{"name": k, "wins": 9, "reaches": 1} for k in "abc"]}),
        ],
    )
    def test_a_damaged_file_is_told_with_how_to_get_another(self, heads, content):
        (heads / BRANCHES_FILE).write_text(content)
        with pytest.raises(RunError, match=r"branches\.json is damaged.*--resume .*heads"):
            Run.load(heads)


class TestNetwork:
    def test_it_has_the_configured_shape(self, folder):
        network = Run.load(folder).load_network()
        assert network.count_params() == 254
        assert np.isfinite(network(np.zeros((2, 6), np.float32))).all()

    def test_before_the_first_checkpoint_there_is_none(self, folder):
        (folder / BEST_FILE).unlink()
        with pytest.raises(RunError, match=r"no trained network yet.*--resume"):
            Run.load(folder).load_network()

    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not an archive", b"x" * 1000])
    def test_a_damaged_one_is_told(self, folder, content):
        (folder / BEST_FILE).write_bytes(content)
        with pytest.raises(RunError, match=r"best\.npz is damaged"):
            Run.load(folder).load_network()
