"""int8 networks in C against the reference interpreter, bit for bit, on every kind of core."""

import re
import subprocess

import numpy as np
import pytest

from edge_ik_tools.c99 import units
from edge_ik_tools.c99.int8 import int8_network
from edge_ik_tools.emulate.build import link_program
from edge_ik_tools.emulate.cores import CORES
from firmware_host.errors import ModelFileError
from firmware_host.network.steps import FullyConnected

NETWORKS = 30
# The kernels for cores that multiply 32 bits by 32 bits to 64, and those for the others.
KERNELS = {"long": (), "short": ("-DEDGE_IK_SHORT_PRODUCTS=1",)}


@pytest.fixture(params=KERNELS)
def kernel(request):
    """Options that take each of the two kernels of plain C."""
    return KERNELS[request.param]


@pytest.fixture(scope="module")
def networks(random_network):
    """Function of a seed: random networks of every kind."""

    def make(seed, count=NETWORKS):
        rng = np.random.default_rng(seed)
        return [random_network(rng, np.int8) for _ in range(count)]

    return make


@pytest.mark.parametrize("seed", range(3))
def test_random_networks_are_exact(seed, kernel, networks, self_checking, run_program):
    text = self_checking(networks(seed), np.random.default_rng(100 + seed), rows=60)
    assert run_program(text, options=("-O1", *kernel)) == 0


@pytest.fixture(scope="module")
def wide_networks(graph_builder):
    """Networks of long rows, with as many outputs as several heads have, and of odd numbers."""
    made = []
    for seed, (width, outputs) in enumerate([(96, 156), (67, 39), (72, 361), (65, 1)]):
        builder = graph_builder(np.random.default_rng(seed), np.int8, 6, odd_scales=seed % 2 == 0)
        hidden = builder.block(builder.silu(builder.dense(builder.input, width)), width, "glu")
        made.append(builder.interpreter(builder.dense(hidden, outputs)))
    return made


def test_wide_networks_are_exact(wide_networks, kernel, self_checking, run_program):
    text = self_checking(wide_networks, np.random.default_rng(6), rows=60)
    assert text.count("dot4_long(x, w,") == 2 * len(wide_networks)
    assert run_program(text, options=("-O1", *kernel)) == 0


def test_the_random_networks_reach_every_path(networks, program_of):
    found = [network for seed in range(3) for network in networks(seed)]
    texts = [int8_network(program_of(network)) for network in found]
    dense = [s for network in found for s in network.steps if isinstance(s, FullyConnected)]
    shifts = np.concatenate([step.shift for step in dense])
    multipliers = np.concatenate([step.multiplier for step in dense])
    assert shifts.max() > 0
    assert (shifts == 0).any()
    assert shifts.min() < -20
    assert (multipliers == 0).any()
    assert any((step.weights == 0).all(axis=1).any() for step in dense)
    assert any(step.lower > -128 for step in dense)
    assert len({step.weights.shape for step in dense}) > 20
    parts = [
        "= requantized_any(sums",
        "= requantized(sums",
        "two sums",
        "const IN_FLASH int16_t layer",
    ]
    parts += [
        "    number_any(x, ",
        "    number_rows(sums, ",
        "= rescaled(",
        "= coarser(",
        "= ON_LINE(",
    ]
    for part in parts:
        assert any(part in text for text in texts), part


@pytest.mark.parametrize(
    ("kernel", "sign"),
    [("long", "clamped((((v + (v >> 31))"), ("short", "shifted(v + (v >> 31), row")],
)
def test_a_network_that_answers_otherwise_shows(kernel, sign, networks, self_checking, run_program):
    text = self_checking(networks(0), np.random.default_rng(1), rows=60)
    # The kernels round halves away from zero: rounding them up must not pass.
    wrong = text.replace(sign, sign.replace(" + (v >> 31)", ""))
    assert text.count(sign) == 1
    assert wrong != text
    assert run_program(wrong, options=("-O1", *KERNELS[kernel])) != 0


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("seed", [7])
def test_no_undefined_behaviour(
    compiler, seed, kernel, networks, self_checking, run_program, sanitizers
):
    text = self_checking(networks(seed, 20), np.random.default_rng(seed), rows=25)
    assert run_program(text, compiler, ("-O0", *sanitizers, *kernel)) == 0


@pytest.mark.parametrize("small", [False, True])
def test_networks_without_lines_are_exact(
    small, kernel, networks, self_checking, run_program, monkeypatch
):
    monkeypatch.setattr(units, "line_of", lambda _: None)
    monkeypatch.setattr(units, "product_line_of", lambda _: None)
    text = self_checking(networks(8), np.random.default_rng(8), rows=40)
    assert "= coarser(" not in text
    assert "= ON_LINE(" not in text
    assert "INT32_MIN, INT32_MAX)" in text
    assert run_program(text, options=("-O1", *kernel, f"-DEDGE_IK_SMALL={int(small)}")) == 0


AVR = "-mmcu=atmega328p"
AVR_MAIN = """
#include <avr/io.h>
#include <avr/interrupt.h>
#include <avr/sleep.h>
int main(void)
{
    UCSR0B = 1 << TXEN0;
    UDR0 = (uint8_t)('A' + checked());
    UCSR0A |= 1 << TXC0;
    UDR0 = 10;
    while (!(UCSR0A & 1 << TXC0)) {
    }
    cli();
    sleep_mode();
}
"""


@pytest.mark.slow
@pytest.mark.parametrize("level", ["-Os", "-O2", "-O3"])
def test_random_networks_are_exact_on_an_emulated_avr(
    level, networks, self_checking, require_tool, tmp_path
):
    gcc = require_tool("avr-gcc", "gcc-avr avr-libc")
    simavr = require_tool("simavr", "simavr")
    for seed in range(4):
        text = self_checking(networks(20 + seed, 4), np.random.default_rng(seed), rows=20)
        text = text.replace("int main(void)", "static int checked(void)") + AVR_MAIN
        (tmp_path / "networks.c").write_text(text)
        command = [gcc, "-std=gnu99", AVR, level, "networks.c", "-o", "networks.elf"]
        subprocess.run(command, cwd=tmp_path, check=True)
        run = [simavr, "-m", "atmega328p", "-f", "16000000", "networks.elf"]
        ran = subprocess.run(
            run, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300
        )
        told = re.findall(r"\x1b\[32m([A-Z])\.", ran.stdout + ran.stderr)
        assert told == ["A"], (seed, ran.stdout + ran.stderr)


# The others have too little memory for all of these networks at once.
@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, core in CORES.items() if not core.room])
def test_random_networks_are_exact_on_emulated_cores(
    name, networks, wide_networks, self_checking, tools_for, tmp_path
):
    core = CORES[name]
    tools = tools_for(core)
    (tmp_path / "networks.c").write_text(
        self_checking([*networks(11, 24), *wide_networks], np.random.default_rng(5), rows=40)
    )
    program = tools.compile(core, tmp_path / "networks.c", tmp_path / "networks.o")
    image = link_program(tools, core, [program], tmp_path / "networks.elf")
    # Ends with the number of the first network that differs, which would be an error.
    tools.run(core, image, tmp_path)


def dense_network(graph_builder, weights, bias=None):
    """A network of one dense sum with the weights given."""
    builder = graph_builder(np.random.default_rng(0), np.int8, weights.shape[1])
    output = builder.activation(len(weights), 4.0)
    scale = np.full(len(weights), 0.01)
    inputs = [builder.input, builder.tensor(weights.shape, np.int8, scale, data=weights)]
    if bias is not None:
        factor = scale * builder.scale(builder.input)
        inputs.append(builder.tensor(bias.shape, np.int32, factor, data=bias))
    return builder.interpreter(builder.operator("FULLY_CONNECTED", inputs, output))


def test_weights_that_the_kernels_cannot_hold_are_refused(graph_builder, program_of):
    weights = np.full((3, 6), -128, np.int8)
    with pytest.raises(ModelFileError, match="weights from -127 to 127"):
        int8_network(program_of(dense_network(graph_builder, weights)))
    weights = np.full((3, 517), 127, np.int8)
    with pytest.raises(ModelFileError, match="517 inputs"):
        int8_network(program_of(dense_network(graph_builder, weights)))


def test_biases_that_the_kernels_cannot_hold_are_refused(graph_builder, program_of):
    weights, bias = np.ones((2, 6), np.int8), np.array([0, 2**23 + 1000], np.int32)
    with pytest.raises(ModelFileError, match="bias too large"):
        int8_network(program_of(dense_network(graph_builder, weights, bias)))


def test_the_largest_weights_and_biases_are_exact(
    graph_builder, kernel, self_checking, run_program
):
    rng = np.random.default_rng(3)
    made = []
    for n_in in (1, 15, 16, 17, 512):
        weights = rng.choice([-127, 127], (5, n_in)).astype(np.int8)
        bias = rng.choice([-(2**22), 2**22], 5).astype(np.int32)
        made.append(dense_network(graph_builder, weights, bias))
    text = self_checking(made, rng, rows=40)
    assert run_program(text, options=("-O1", *kernel)) == 0


def test_sums_of_two_tensors_are_refused(graph_builder, program_of):
    builder = graph_builder(np.random.default_rng(0), np.int8, 6)
    first = builder.silu(builder.dense(builder.input, 4))
    second = builder.silu(builder.dense(first, 4))
    both = builder.combined("MUL", builder.dense(first, 4), builder.dense(second, 4))
    network = builder.interpreter(builder.dense(both, 2))
    with pytest.raises(ModelFileError, match="2 sums of 2 tensors"):
        int8_network(program_of(network))
