"""The sentence that a header has of what its firmware takes."""

import re

import pytest

from edge_ik_tools.c99.source import NOT_COUNTED, Firmware
from edge_ik_tools.emulate import toolchain
from edge_ik_tools.emulate.cores import find_core
from edge_ik_tools.emulate.counts import COUNTED_CORE, firmware_counts
from edge_ik_tools.errors import MissingToolError


@pytest.fixture(scope="module")
def firmware(source_root):
    return Firmware.load(source_root / "artifacts" / "arm3" / "arm3-int8.tflite")


def test_instructions_are_counted(firmware, tools_for):
    tools_for(find_core(COUNTED_CORE))
    text = firmware_counts(firmware, must=True)
    found = re.search(r"([\d,]+) instructions a solve \(network ([\d,]+)", text)
    whole, network = (int(number.replace(",", "")) for number in found.groups())
    assert 3_500 < network < whole < 5_600
    assert "1,000 targets" in text


def test_without_the_tools_nothing_is_counted_and_that_is_told(firmware, monkeypatch):
    monkeypatch.setattr(toolchain.shutil, "which", lambda name: None)
    told = []
    assert firmware_counts(firmware, must=False, tell=told.append) == NOT_COUNTED
    assert "not counted: The command 'arm-none-eabi-gcc' was not found" in told[-1]
    with pytest.raises(MissingToolError, match="apt-get install gcc-arm-none-eabi"):
        firmware_counts(firmware, must=True)
