"""The cost of a network from its size: against made-up costs, and against exact counts."""

import json

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from edge_ik.arms import load_arm
from edge_ik_tools.emulate.cores import CORES
from edge_ik_tools.tune.cost import (
    COST_FILE,
    CostModel,
    NetworkSize,
    fitted_cost,
    measured_sizes,
    terms,
)
from edge_ik_tools.tune.counting import count, random_network
from firmware_host.model_file import read_model
from firmware_host.problem import IkProblem
from firmware_host.spec import ModelSpec
from firmware_host.tasks import POSE, POSITION

pytestmark = pytest.mark.tensorflow

M4 = CORES["cortex-m4"]
WIDEST = 48
FACTORS = np.array([1400.0, 50.0, 30.0, 20.0, 45.0, 20.0, 21.0, 18.0, 5.0, 20.0, 9.0])


@pytest.fixture(scope="module")
def problem():
    return IkProblem(load_arm("arm3"), POSITION)


class TestTerms:
    def test_they_are_the_work_of_the_kernels(self, problem):
        # 16 groups of two units in the blocks, two of four outputs; 4 passes over each.
        np.testing.assert_array_equal(
            terms(problem, M4, NetworkSize(16, 2, 1)),
            [1, 0, 16, 2, 32, 0, 18 * 4, 0, 18, 8, 0],
        )

    def test_long_rows_have_a_kernel_of_their_own(self, problem):
        short, long = (terms(problem, M4, NetworkSize(width, 1, 1)) for width in (64, 68))
        assert (short[6] > 0, short[7]) == (True, 0)
        assert (long[6], long[7] > 0) == (0, True)

    def test_the_shortest_rows_have_no_loop(self, problem):
        written_out = terms(problem, M4, NetworkSize(12, 1, 1))
        assert written_out[5:9].tolist() == [8 * 3, 0, 0, 0]

    def test_heads_count_where_there_are_several(self):
        problem = IkProblem(load_arm("ur5"), POSE)
        assert terms(problem, M4, NetworkSize(16, 2, 12))[[1, 9, 10]].tolist() == [1, 156, 12]

    def test_a_width_costs_what_the_next_multiple_of_four_does(self, problem):
        np.testing.assert_array_equal(
            terms(problem, M4, NetworkSize(13, 2, 3)), terms(problem, M4, NetworkSize(16, 2, 3))
        )

    def test_vectors_take_sixteen_numbers(self, problem):
        vector = CORES["cortex-m55"]
        assert terms(problem, vector, NetworkSize(20, 1, 1))[5] == 12 * 2


class TestFit:
    def test_one_size_that_a_compiler_does_worse_with_spoils_nothing(self, problem):
        sizes = measured_sizes(128, True, True)
        costs = [float(terms(problem, M4, size) @ FACTORS) for size in sizes]
        costs[-4] *= 1.15
        model = CostModel(problem, M4, sizes, costs, costs)
        assert np.sort(model.errors)[-2] < 0.01

    def test_costs_that_are_such_sums_are_found_exactly(self, problem):
        sizes = measured_sizes(128, True, True)
        costs = [float(terms(problem, M4, size) @ FACTORS) for size in sizes]
        model = CostModel(problem, M4, sizes, costs, [2 * cost for cost in costs])
        assert model.errors.max() < 1e-9
        other = NetworkSize(44, 3, 5)
        assert model.predict(other) == pytest.approx(
            (terms(problem, M4, other) @ FACTORS, 2 * terms(problem, M4, other) @ FACTORS)
        )

    def test_what_was_counted_is_not_counted_again(self, problem, tmp_path, monkeypatch):
        sizes = measured_sizes(16, True, False)
        model = CostModel(problem, M4, sizes, [1.0] * len(sizes), [2.0] * len(sizes))
        (tmp_path / COST_FILE).write_text(json.dumps(model.to_dict()))
        monkeypatch.setattr(
            "edge_ik_tools.tune.cost.count", lambda *_, **__: pytest.fail("counted again")
        )
        assert fitted_cost(problem, M4, sizes, tmp_path).instructions == model.instructions

    def test_counts_of_another_core_do_not_hold(self, problem, tmp_path, monkeypatch):
        size = NetworkSize(4, 0, 1)
        model = CostModel(problem, M4, [size], [1.0], [2.0])
        (tmp_path / COST_FILE).write_text(json.dumps(model.to_dict()))

        def counted(*_, **__):
            raise InterruptedError

        monkeypatch.setattr("edge_ik_tools.tune.cost.count", counted)
        with pytest.raises(InterruptedError):
            fitted_cost(problem, CORES["cortex-m7"], [size], tmp_path)


@pytest.mark.slow
def test_random_networks_cost_what_is_foreseen_within_five_percent(problem, tmp_path, require_tool):
    require_tool("arm-none-eabi-gcc", "gcc-arm-none-eabi")
    require_tool("qemu-system-arm", "qemu-system-arm")
    told = []
    sizes = measured_sizes(WIDEST, True, True)
    model = fitted_cost(problem, M4, sizes, tmp_path, told.append)
    lines = [line for line in told if isinstance(line, str)]
    assert len(lines) == 1
    assert [done.count for done in told if done not in lines] == list(range(len(sizes)))
    assert model.errors.mean() < 0.02
    rng = np.random.default_rng(11)
    for index in range(5):
        size = NetworkSize(
            int(rng.integers(4, WIDEST + 1)), int(rng.integers(0, 4)), int(rng.integers(1, 13))
        )
        spec, flatbuffer = random_network(problem, *_parts(size), rng_seed=index + 1)
        tries = 1 if size.heads > 1 else None
        exact = count(spec, flatbuffer, M4, tries=tries, untrained=True)
        instructions, flash = model.predict(size)
        assert instructions == pytest.approx(exact.instructions, rel=0.05), size
        assert flash == pytest.approx(exact.flash, rel=0.05), size


@pytest.mark.slow
def test_a_trained_network_costs_what_one_of_random_weights_lets_foresee(
    problem, source_root, require_tool
):
    require_tool("arm-none-eabi-gcc", "gcc-arm-none-eabi")
    require_tool("qemu-system-arm", "qemu-system-arm")
    flatbuffer, record = read_model(source_root / "artifacts" / "arm3" / "arm3-int8.tflite")
    trained = count(ModelSpec.from_dict(record), flatbuffer, M4)
    foreseen = count(*random_network(problem, 16, 2, 1), M4, untrained=True)
    assert foreseen.instructions == pytest.approx(trained.instructions, rel=0.02)
    assert foreseen.flash == pytest.approx(trained.flash, rel=0.02)


def _parts(size):
    return size.width, size.blocks, size.heads
