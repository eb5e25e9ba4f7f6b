"""The comparison: what each part is worth, counted from trainings that can be resumed."""

import dataclasses
import json
import shutil

import pytest

pytest.importorskip("tensorflow")

from edge_ik import ablation, preparation
from edge_ik.ablation import COMPARED, VARIANTS, Trial, ablate, summarize
from edge_ik.run import BEST_FILE, CHECKPOINT_FILE, METRICS_FILE, Run
from firmware_host.errors import RunError

pytestmark = pytest.mark.tensorflow

TARGETS = 200


def trial(variant, rng_seed, **figures):
    return Trial(variant, rng_seed, {**dict.fromkeys(COMPARED, 0.5), **figures}, 1.0)


class TestSummary:
    @pytest.fixture
    def trials(self):
        """Two seeds; on one of them mining does harm."""
        by_variant = {
            "everything": [{"rmse_m": 0.1, "max_m": 0.4}, {"rmse_m": 0.2, "max_m": 0.6}],
            "no hard mining": [{"rmse_m": 0.05, "max_m": 0.5}, {"rmse_m": 0.05, "max_m": 0.5}],
            "fixed weights": [{"rmse_m": 0.3}, {"rmse_m": 0.4}],
            "no gate": [{"rmse_m": 0.1}, {"rmse_m": 0.2}],
            "no residual": [{"rmse_m": 0.05}, {"rmse_m": 0.1}],
        }
        return [
            trial(variant, rng_seed, **figures)
            for variant, rows in by_variant.items()
            for rng_seed, figures in enumerate(rows)
        ]

    def test_figures_are_means_over_seeds(self, trials):
        summary = summarize(trials)
        assert list(summary) == list(VARIANTS)
        assert summary["everything"]["rmse_m"] == pytest.approx(0.15)
        assert summary["everything"]["max_m"] == pytest.approx(0.5)
        assert summary["fixed weights"]["rmse_m"] == pytest.approx(0.35)
        assert all(set(COMPARED) <= set(figures) for figures in summary.values())

    def test_a_part_is_judged_by_its_own_figure_seed_by_seed(self, trials):
        summary = summarize(trials)
        assert "worse_without" not in summary["everything"]
        # Mining is there for the worst target, not for the mean.
        assert summary["no hard mining"]["judged_by"] == "max_m"
        assert summary["no hard mining"]["worse_without"] == 1
        assert summary["fixed weights"]["worse_without"] == 2
        assert summary["no residual"]["worse_without"] == 0

    def test_an_equal_figure_is_not_worse(self, trials):
        assert summarize(trials)["no gate"]["worse_without"] == 0

    def test_the_order_of_trials_does_not_matter(self, trials):
        assert summarize(trials[::-1]) == summarize(trials)

    def test_it_is_ready_for_json(self, trials):
        assert json.loads(json.dumps(summarize(trials))) == summarize(trials)


def test_every_variant_but_the_first_takes_one_known_part_away(tiny_config):
    first, *others = VARIANTS.values()
    assert first[0] == {}
    for changes, judged_by in others:
        ((key, value),) = changes.items()
        table, name = key.split(".")
        assert getattr(getattr(tiny_config, table), name) is not value
        assert judged_by in COMPARED


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_folder):
    """Where the first trial is trained already, but not measured."""
    folder = tmp_path_factory.mktemp("ablation")
    shutil.copytree(tiny_folder, folder / "everything-0")
    return folder


@pytest.fixture(scope="module")
def first(folder, tiny_config):
    """The trials of two variants, and what was told."""
    told = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ablation, "VARIANTS", two_variants())
        return list(ablate(tiny_config, 1, folder, TARGETS, told.append)), told


class TestAblate:
    @pytest.mark.slow
    def test_each_variant_is_trained_and_measured(self, first, folder, tiny_folder):
        trials, told = first
        assert told == ["everything, seed 0", "no gate, seed 0"]
        assert [(found.variant, found.rng_seed) for found in trials] == [
            ("everything", 0),
            ("no gate", 0),
        ]
        for found, name in zip(trials, ("everything-0", "no-gate-0"), strict=True):
            metrics = json.loads((folder / name / METRICS_FILE).read_text())
            assert metrics["network"] == found.figures
            assert metrics["targets"] == TARGETS
            assert found.seconds > 0
        assert trials[0].figures != trials[1].figures
        config = Run.load(folder / "no-gate-0").config
        assert config.network.gate is False
        assert config == dataclasses.replace(
            Run.load(tiny_folder).config,
            network=dataclasses.replace(config.network, gate=False),
        )

    @pytest.mark.slow
    def test_what_is_there_is_read_back(self, first, folder, tiny_config, monkeypatch):
        monkeypatch.setattr(ablation, "VARIANTS", two_variants())
        monkeypatch.setattr(
            preparation, "start", lambda *_: pytest.fail("a trial was started anew")
        )
        monkeypatch.setattr(
            ablation, "evaluate_run", lambda *_: pytest.fail("a trial was measured anew")
        )
        before = written(folder)
        assert list(ablate(tiny_config, 1, folder, TARGETS, lambda line: None)) == first[0]
        assert written(folder) == before

    @pytest.mark.slow
    def test_other_targets_are_measured_without_training(
        self, first, folder, tiny_config, tmp_path
    ):
        copy = shutil.copytree(folder / "everything-0", tmp_path / "everything-0").parent
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ablation, "VARIANTS", {"everything": VARIANTS["everything"]})
            (found,) = ablate(tiny_config, 1, copy, 2 * TARGETS, lambda line: None)
        assert found.figures != first[0][0].figures
        assert found.seconds == first[0][0].seconds

    @pytest.mark.slow
    def test_the_trials_of_another_configuration_are_refused(self, folder, tiny_config):
        longer = dataclasses.replace(
            tiny_config, training=dataclasses.replace(tiny_config.training, epochs=4)
        )
        before = written(folder)
        with pytest.raises(RunError, match=r"everything-0.*another configuration"):
            next(ablate(longer, 1, folder, TARGETS, lambda line: None))
        assert written(folder) == before


def two_variants():
    return {name: VARIANTS[name] for name in ("everything", "no gate")}


def written(folder):
    """When the results in a folder were written."""
    names = {BEST_FILE, CHECKPOINT_FILE, METRICS_FILE}
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.name in names}
