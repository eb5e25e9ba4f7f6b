"""The command that tells what each part of the training is worth."""

import pytest

pytest.importorskip("tensorflow")

from edge_ik import ablation
from edge_ik.ablation import COMPARED, VARIANTS, Trial

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def asked(monkeypatch):
    """What the comparison was asked for, which gives made-up trials instead of training."""
    asked = {}

    def ablate(config, seeds, folder, targets, tell):
        asked.update(config=config, seeds=seeds, folder=folder, targets=targets)
        for rng_seed in range(seeds):
            for number, name in enumerate(VARIANTS):
                tell(f"{name}, seed {rng_seed}")
                figures = dict.fromkeys(COMPARED, 0.001 * (number + 1))
                yield Trial(name, rng_seed, {**figures, "solved": 0.99 - 0.1 * number}, 1.0)

    monkeypatch.setattr(ablation, "ablate", ablate)
    return asked


def test_for_programs(printed, asked, tmp_path):
    values = printed(
        *("ablate", "--arm", "leg3", "--preset", "micro", "--epochs", 2, "--seeds", 2),
        *("--targets", 300, "--out", tmp_path),
    )
    assert set(values) == {"targets", "variants", "trials"}
    assert list(values["variants"]) == list(VARIANTS)
    assert len(values["trials"]) == 2 * len(VARIANTS)
    assert set(values["trials"][0]) == {"variant", "rng_seed", "figures", "seconds"}
    assert values["variants"]["one head"]["judged_by"] == "solved"
    assert values["variants"]["one head"]["worse_without"] == 2
    config = asked["config"]
    assert (config.arm.source, config.task.name, config.task.branches) == (
        "leg3",
        "position",
        "auto",
    )
    assert (config.network.width, config.training.epochs) == (16, 2)
    assert (asked["seeds"], asked["targets"], asked["folder"]) == (2, 300, tmp_path)


def test_for_people(run, asked, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    result = run("ablate", "--seeds", 1, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    words = " ".join(result.stdout.split())
    for name in VARIANTS:
        assert f"{name}, seed 0" in words
    for text in ("solved %", "99.000", "no refinement", "solved worse 1/1", "means over 1 seed"):
        assert text in words


def test_the_task_and_the_branches_can_be_given(printed, asked, tmp_path):
    printed(
        *("ablate", "--arm", "ur5", "--task", "pose", "--branches", "all", "--preset", "auto"),
        *("--seeds", 1, "--out", tmp_path),
    )
    task = asked["config"].task
    assert (task.name, task.branches) == ("pose", "all")


@pytest.mark.slow
def test_tiny_trainings_are_compared(printed, tmp_path, monkeypatch):
    """End to end, and a second time without training anything."""
    names = ("everything", "no refinement", "one head")
    monkeypatch.setattr(ablation, "VARIANTS", {name: VARIANTS[name] for name in names})
    arguments = ("ablate", "--arm", "leg3", "--epochs", 1, "--seeds", 1, "--targets", 200)
    values = printed(*arguments, "--out", tmp_path)
    assert list(values["variants"]) == list(names)
    assert (tmp_path / "everything-0").is_dir()
    assert (tmp_path / "one-head-0").is_dir()
    solved = {name: figures["solved"] for name, figures in values["variants"].items()}
    assert solved["no refinement"] < solved["everything"]
    assert solved["one head"] < solved["everything"]
    assert printed(*arguments, "--out", tmp_path) == values
