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
OF_THE_NETWORK = ("rmse_m", "p95_m", "max_m", "joint_error_mean_deg", "focus_rmse_m")


def trial(variant, rng_seed, **figures):
    return Trial(variant, rng_seed, {**dict.fromkeys(COMPARED, 0.5), **figures}, 1.0)


class TestSummary:
    @pytest.fixture
    def trials(self):
        """Two seeds; on one of them mining does harm."""
        by_variant = {
            "everything": [
                {"rmse_m": 0.1, "max_m": 0.4, "solved": 0.9},
                {"rmse_m": 0.2, "max_m": 0.6, "solved": 0.8},
            ],
            "no hard mining": [{"rmse_m": 0.05, "max_m": 0.5}, {"rmse_m": 0.05, "max_m": 0.5}],
            "fixed weights": [{"rmse_m": 0.3}, {"rmse_m": 0.4}],
            "no refinement": [{"solved": 0.1}, {"solved": 0.2}],
            "no gate": [{"rmse_m": 0.1}, {"rmse_m": 0.2}],
            "no residual": [{"rmse_m": 0.05}, {"rmse_m": 0.1}],
            "one head": [{"solved": 0.5}, {"solved": 0.8}],
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
        assert summary["everything"]["solved"] == pytest.approx(0.85)
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

    def test_of_what_is_solved_less_is_worse(self, trials):
        summary = summarize(trials)
        assert summary["no refinement"]["judged_by"] == "solved"
        assert summary["no refinement"]["worse_without"] == 2
        # On the second seed one head solves as much.
        assert summary["one head"]["judged_by"] == "solved"
        assert summary["one head"]["worse_without"] == 1

    def test_an_equal_figure_is_not_worse(self, trials):
        assert summarize(trials)["no gate"]["worse_without"] == 0

    def test_the_order_of_trials_does_not_matter(self, trials):
        assert summarize(trials[::-1]) == summarize(trials)

    def test_it_is_ready_for_json(self, trials):
        assert json.loads(json.dumps(summarize(trials))) == summarize(trials)

    def test_what_was_not_tried_or_measured_is_left_out(self, trials):
        own = [
            dataclasses.replace(
                found,
                figures={name: found.figures[name] for name in COMPARED if name != "focus_rmse_m"},
            )
            for found in trials
            if found.variant != "no hard mining"
        ]
        summary = summarize(own)
        assert "no hard mining" not in summary
        assert all("focus_rmse_m" not in figures for figures in summary.values())


def test_the_rows_are_those_of_the_published_study_and_one_head():
    assert list(VARIANTS) == [
        "everything",
        "no hard mining",
        "fixed weights",
        "no refinement",
        "no gate",
        "no residual",
        "one head",
    ]


def test_every_variant_but_the_first_takes_one_known_part_away(tiny_config):
    for name, variant in VARIANTS.items():
        assert variant.judged_by in COMPARED
        if name in ("everything", "no refinement"):
            assert variant.changes == {}
            continue
        ((key, value),) = variant.changes.items()
        table, field = key.split(".")
        assert getattr(getattr(tiny_config, table), field) is not value


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
            own = metrics["one_branch"]["network"]
            assert {name: own[name] for name in OF_THE_NETWORK} == {
                name: found.figures[name] for name in OF_THE_NETWORK
            }
            assert found.figures["solved"] == metrics["solved"]
            assert found.figures["answer_rmse_m"] == metrics["any_branch"]["3"]["rmse_m"]
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

    @pytest.mark.slow
    def test_without_refinement_the_network_of_the_whole_is_measured(
        self, first, folder, tiny_config, monkeypatch
    ):
        monkeypatch.setattr(
            ablation,
            "VARIANTS",
            {name: VARIANTS[name] for name in ("everything", "no refinement")},
        )
        whole, alone = ablate(tiny_config, 1, folder, TARGETS, lambda line: None)
        assert whole == first[0][0]
        assert (alone.variant, alone.rng_seed, alone.seconds) == ("no refinement", 0, whole.seconds)
        assert not (folder / "no-refinement-0").exists()
        metrics = json.loads((folder / "everything-0" / METRICS_FILE).read_text())
        everywhere = metrics["any_branch"]["0"]
        assert alone.figures["solved"] == everywhere["solved_1mm"] < whole.figures["solved"]
        assert alone.figures["answer_rmse_m"] == everywhere["rmse_m"]
        assert all(alone.figures[name] == whole.figures[name] for name in OF_THE_NETWORK)

    @pytest.mark.slow
    def test_of_an_arm_with_several_branches_one_head_is_compared(
        self, heads_config, heads_folder, tmp_path
    ):
        """What makes no difference there, hard mining, is not trained."""
        shutil.copytree(heads_folder, tmp_path / "everything-0")
        names = ("everything", "no hard mining", "no refinement", "one head")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ablation, "VARIANTS", {name: VARIANTS[name] for name in names})
            trials = list(ablate(heads_config, 1, tmp_path, TARGETS, lambda line: None))
        whole, _, one = trials
        assert [found.variant for found in trials] == ["everything", "no refinement", "one head"]
        run = Run.load(tmp_path / "one-head-0")
        assert run.spec.heads == 1
        assert run.aspect is None
        assert run.config == dataclasses.replace(
            Run.load(heads_folder).config, network=run.config.network
        )
        # The same network but for the heads, learning from the same samples.
        assert run.config.network == dataclasses.replace(
            Run.load(heads_folder).config.network, heads=1
        )
        assert set(one.figures) == set(whole.figures)
        assert "joint_error_mean_deg" not in one.figures
        assert one.figures["solved"] != whole.figures["solved"]


class TestContinued:
    """What was left to be chosen has been chosen in the run that is there."""

    @pytest.mark.parametrize("config", ["tiny_config", "heads_config"])
    def test_a_run_is_of_the_configuration_that_it_was_started_with(
        self, request, config, tiny_folder, heads_folder
    ):
        folder = tiny_folder if config == "tiny_config" else heads_folder
        run, config = Run.load(folder), request.getfixturevalue(config)
        assert ablation._is_of(run, config)
        assert ablation._is_of(run, run.config)

    def test_another_is_told_apart(self, tiny_config, tiny_folder):
        run = Run.load(tiny_folder)
        for table, changes in (
            ("network", {"width": 9}),
            ("task", {"branches": "all"}),
            ("training", {"rng_seed": 1}),
            ("mining", {"share": 0.5}),
        ):
            changed = dataclasses.replace(getattr(tiny_config, table), **changes)
            assert not ablation._is_of(run, dataclasses.replace(tiny_config, **{table: changed}))


def two_variants():
    return {name: VARIANTS[name] for name in ("everything", "no gate")}


def written(folder):
    """When the results in a folder were written."""
    names = {BEST_FILE, CHECKPOINT_FILE, METRICS_FILE}
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.name in names}
