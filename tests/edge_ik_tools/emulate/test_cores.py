"""The cores: found by name, and with timers that the counter can use."""

import math
import re

import pytest

from edge_ik_tools.emulate.cores import CORES, described_core, find_core, part_name
from firmware_host.errors import ConfigError

# Between two readings of the timer; see counter.c.
READING = 7


def test_the_cores():
    arm = [f"cortex-{core}" for core in ("m0", "m3", "m4", "m7", "m33", "m55")]
    assert list(CORES) == [*arm, "rv32imc", "lx106", "atmega328p", "atmega2560"]
    assert [name for name, core in CORES.items() if core.unit == "cycles"] == list(CORES)[-2:]


@pytest.mark.parametrize("name", ["cortex-m33", "Cortex-M33", "m33", "cortexm33", "CORTEX_M33"])
def test_a_core_is_found_by_its_name(name):
    assert find_core(name) is CORES["cortex-m33"]


@pytest.mark.parametrize(
    ("name", "core", "clock"),
    [
        ("cortex-m0plus", "cortex-m0", 48_000_000),
        ("m0plus", "cortex-m0", 48_000_000),
        ("RP2040", "cortex-m0", 125_000_000),
        ("pico", "cortex-m0", 125_000_000),
        ("rp2350", "cortex-m33", 150_000_000),
        ("Pico-2", "cortex-m33", 150_000_000),
        ("Blue_Pill", "cortex-m3", 72_000_000),
        ("ESP32-C3", "rv32imc", None),
        ("ESP32C3", "rv32imc", None),
        ("esp32c6", "rv32imc", None),
        ("ESP8266", "lx106", None),
        ("avr", "atmega328p", 16_000_000),
        ("uno", "atmega328p", 16_000_000),
        ("mega2560", "atmega2560", 16_000_000),
    ],
)
def test_chips_are_accepted_as_what_they_are(name, core, clock):
    found = find_core(name)
    assert (found.name, found.clock_hz) == (core, clock)
    assert found.flags == CORES[core].flags
    assert described_core(name).startswith(f"{core}: '{name}' is a")
    assert described_core(core) == core
    assert part_name(core) is None
    assert part_name(name).replace("cortex-", "") == re.sub(r"[-_]|cortex", "", name.lower())


@pytest.mark.parametrize(("name", "words"), [("esp32", "LX6"), ("ESP32-S3", "LX7")])
def test_a_board_that_is_not_emulated_is_told_by_what_it_is(name, words):
    with pytest.raises(ConfigError, match=rf"'{name}' is .*{words}.*not counted yet\. Expected"):
        find_core(name)


def test_an_unknown_core_is_refused_with_the_choices():
    with pytest.raises(ConfigError, match=r"cortex-m0, .*cortex-m55.*Received: 'cortex-a53'"):
        find_core("cortex-a53")


@pytest.mark.parametrize(
    ("name", "meant"),
    [("picoo", "pico"), ("stm32f104", "stm32f103"), ("esp32-c4", "esp32c"), ("m77", "cortex-m7")],
)
def test_what_was_probably_meant_is_told_first(name, meant):
    with pytest.raises(ConfigError, match=rf"^Unknown core, chip or board\. Did you mean '{meant}"):
        find_core(name)


def test_what_is_like_none_is_refused_without_a_guess():
    with pytest.raises(ConfigError, match=r"^Unknown core, chip or board\. Expected one of"):
        find_core("zzzz")


TIMED = {name: core for name, core in CORES.items() if core.timer_hz}


def test_what_is_counted_by_a_timer():
    assert list(TIMED) == [*(name for name in CORES if name.startswith("cortex")), "lx106"]


@pytest.mark.parametrize("core", TIMED.values(), ids=TIMED)
def test_readings_fall_on_every_phase_of_a_tick(core):
    ratio = core.instructions_per_tick
    phases = {READING * k * ratio.denominator % ratio.numerator for k in range(ratio.numerator)}
    assert phases == set(range(ratio.numerator))
    assert math.gcd(READING * ratio.denominator, ratio.numerator) == 1
