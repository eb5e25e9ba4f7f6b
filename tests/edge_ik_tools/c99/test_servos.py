"""Servos in C: the same commands as on the host, for any joints, and nothing without a table."""

import ctypes
import dataclasses
import math
import re
import shutil
import subprocess

import numpy as np
import pytest

from edge_ik_tools.c99.folder import write_c99
from edge_ik_tools.c99.source import Firmware
from firmware_host.servo import Servo
from firmware_host.servos import Servos

ROWS = 4000
INT32 = np.iinfo(np.int32)
# Each sums in another order where it may: fused, or from higher precision.
OPTIONS = (("-O0",), ("-O2",), ("-O3", "-march=native", "-ffp-contract=fast"))
# A main function that gives both functions arbitrary bits; the sanitizers end it at a fault.
FUZZ = """
#include "NAME.h"
#include <string.h>

int main(void)
{
    static const int32_t edges[] = {INT32_MIN, INT32_MIN + 1, -1, 0, 1, INT32_MAX - 1, INT32_MAX,
                                    0x7F800000, 0x7FC00000, 0x7F7FFFFF, -8388608, 1};
    uint64_t state = 88172645463325252u;
    for (long row = 0; row < 300000; ++row) {
        int32_t micro[N];
        float q[N];
        uint16_t pulses[N];
        for (int i = 0; i < N; ++i) {
            state ^= state << 7;
            state ^= state >> 9;
            micro[i] = state % 7 ? (int32_t)(state >> 33) - (int32_t)(1u << 30)
                                 : edges[(state >> 8) % (sizeof edges / sizeof edges[0])];
        }
        memcpy(q, micro, sizeof q);
        const int32_t held = NAME_servo_urad(micro, pulses);
        if (held < 0 || held > N || NAME_servo(q, pulses) > N) {
            return 1;
        }
    }
    return 0;
}
"""


def with_servos(firmware, servos):
    return dataclasses.replace(firmware, spec=dataclasses.replace(firmware.spec, servos=servos))


@pytest.fixture(scope="module")
def built(require_tool, tmp_path_factory, write_firmware, warnings_as_errors):
    """Function of firmware and options: its two functions, on arrays of rows."""

    def build(firmware, options=("-O2",)):
        gcc = require_tool("gcc", "gcc")
        folder = write_firmware(firmware, tmp_path_factory.mktemp("servos"))
        command = [gcc, *warnings_as_errors, *options, "-fPIC", "-shared", f"{firmware.name}.c"]
        done = subprocess.run(
            [*command, "-o", "servos.so"], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[:2000]
        library = ctypes.CDLL(str(folder / "servos.so"))

        def call(name, kind):
            function = getattr(library, f"{firmware.name}_{name}")

            def rows(q):
                q = np.array(q, kind, order="C", ndmin=2)
                pulses = np.full(q.shape, 4321, np.uint16)
                told = [
                    function(*(part[row].ctypes.data_as(ctypes.c_void_p) for part in (q, pulses)))
                    for row in range(len(q))
                ]
                return pulses.astype(np.int64), np.array(told)

            return rows

        return call("servo", np.float32), call("servo_urad", np.int32)

    return build


@pytest.fixture(scope="module", params=["turning", "sliding", "both"])
def firmware(request, arm3_path, other_arms, random_servos, fitted_firmware):
    """Firmware with random servos, of arms whose joints turn, or slide too."""
    rng = np.random.default_rng(5)
    if request.param == "turning":
        found = Firmware.load(arm3_path)
    else:
        arm = {"sliding": "cylindrical", "both": "stanford"}[request.param]
        found, _ = fitted_firmware(other_arms[arm], rng)
    return with_servos(found, random_servos(found.spec.chain, rng))


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
def test_commands_are_those_of_the_host(firmware, options, built):
    servos, chain = firmware.spec.servos, firmware.spec.chain
    from_floats, from_micro = built(firmware, options)
    rng = np.random.default_rng(6)
    wide = np.array([[-0.5], [0.5]]) * (chain.upper - chain.lower) + [chain.lower, chain.upper]
    q = rng.uniform(*wide, (ROWS, len(chain))).astype(np.float32)
    q[:2] = [chain.lower, chain.upper]
    q[2:4] = np.array([servo.reach for servo in servos.each]).T
    q[4:8] = np.array([[0.0], [1e-9], [1e30], [-3.4e38]])
    # Where a command turns from one to the next, to the last bit of a joint.
    counts = np.array([rng.integers(s.least, s.most, 500) + 0.5 for s in servos.each]).T
    q[8:508] = servos.joints(counts)
    pulses, held = from_floats(q)
    np.testing.assert_array_equal(pulses, servos.commands(q))
    np.testing.assert_array_equal(held, (~servos.follows(q)).sum(axis=1))
    micro = np.clip(np.round(1e6 * q.astype(float)), INT32.min, INT32.max).astype(np.int32)
    pulses, held = from_micro(micro)
    np.testing.assert_array_equal(pulses, servos.commands_micro(micro))
    off = np.abs(pulses - servos.commands(q))
    assert off.max() <= 1
    # Of joints that stand nowhere near the half.
    assert off[508:].mean() < 0.02


def test_any_whole_number_will_do(firmware, built):
    servos, (_, from_micro) = firmware.spec.servos, built(firmware)
    rng = np.random.default_rng(7)
    micro = rng.integers(INT32.min, INT32.max, (ROWS, len(servos)), np.int32, endpoint=True)
    micro[:3] = np.array([[INT32.min], [INT32.max], [0]])
    pulses, held = from_micro(micro)
    np.testing.assert_array_equal(pulses, servos.commands_micro(micro))
    assert held.min() >= 0
    for k, servo in enumerate(servos.each):
        assert {servo.least, servo.most} == set(pulses[:2, k].tolist())


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_joints_that_are_no_numbers_leave_every_pulse(firmware, bad, built):
    servos, (from_floats, _) = firmware.spec.servos, built(firmware)
    q = np.tile(firmware.spec.chain.middle, (len(servos), 1))
    np.fill_diagonal(q, bad)
    pulses, held = from_floats(q)
    assert (pulses == 4321).all()
    assert (held == -1).all()


def test_halves_go_away_from_zero_in_c_too(arm3_path, built):
    firmware = Firmware.load(arm3_path)
    pulse = Servo("yaw", "us", 1500.5, 4000.0, 500, 2500)
    each = [dataclasses.replace(pulse, joint=name) for name in firmware.spec.chain.joint_names]
    each[1] = dataclasses.replace(each[1], zero=1499.5, direction=-1)
    from_floats, from_micro = built(with_servos(firmware, Servos(firmware.spec.chain, tuple(each))))
    for function in (from_floats, from_micro):
        pulses, held = function(np.zeros(3))
        assert pulses.tolist() == [[1501, 1500, 1501]]
        assert held.tolist() == [0]


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_arbitrary_bits_under_the_sanitizers(
    firmware, compiler, require_tool, require_sanitizers, tmp_path, write_firmware, sanitizers
):
    path = require_tool(compiler, compiler)
    name, count = firmware.name, len(firmware.spec.chain)
    write_firmware(firmware, tmp_path)
    (tmp_path / "main.c").write_text(FUZZ.replace("NAME", name).replace("N;", f"{count};")
                                     .replace("[N]", f"[{count}]").replace("> N", f"> {count}")
                                     .replace("< N", f"< {count}"))  # fmt: skip
    # Also what wraps by definition, such as a conversion that loses bits; not in the fuzz itself.
    kinds = "signed-integer-overflow,shift,implicit-conversion" if compiler == "clang" else "shift"
    options = [*sanitizers, f"-fsanitize={kinds}", "-std=c99", "-O1"]
    compiled = subprocess.run(
        [path, *options, "-c", f"{name}.c"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert compiled.returncode == 0, compiled.stderr[:2000]
    linked = subprocess.run(
        [path, *sanitizers, "-std=c99", "-O1", "main.c", f"{name}.o", "-o", "fuzz"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    require_sanitizers(linked)
    assert linked.returncode == 0, linked.stderr[:2000]
    ran = subprocess.run([tmp_path / "fuzz"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_without_servos_nothing_is_said_of_them(arm3_path, tmp_path):
    write_c99(Firmware.load(arm3_path), tmp_path / "arm3")
    for path in (tmp_path / "arm3").rglob("*"):
        if path.is_file():
            assert "servo" not in path.read_text(encoding="utf-8").lower(), path.name


def test_the_self_test_asks_for_every_command(exported, require_tool, tmp_path):
    gcc, folder = require_tool("gcc", "gcc"), exported("lift")
    source = (folder / "src" / "lift.c").read_text()
    shutil.copytree(folder, tmp_path / "lift")
    start = int(re.search(r"INT64_C\((\d+)\)", source)[1])
    for changed, code in ((source, 0), (source.replace(str(start), str(start - 2**38)), 1)):
        (tmp_path / "lift" / "src" / "lift.c").write_text(changed)
        command = [gcc, "-std=c99", "-DLIFT_SELFTEST", "-Isrc", "extras/selftest.c", "-o", "test"]
        subprocess.run(command, cwd=tmp_path / "lift", check=True)
        ran = subprocess.run(
            ["./test"], cwd=tmp_path / "lift", capture_output=True, text=True, check=False
        )
        assert ran.returncode == code
        assert ("FAILED: servos, vector" in ran.stdout) == bool(code)
        assert ("FAILED: servos without floats, vector" in ran.stdout) == bool(code)


def test_units_are_told_in_words(firmware, tmp_path):
    header = firmware.header()
    slides = any(servo.slides for servo in firmware.spec.servos.each)
    assert ("micrometres where a joint slides" in header) == slides
    for servo in firmware.spec.servos.each:
        kind = "PWM" if servo.unit == "us" else "bus"
        assert f"{servo.joint}: {kind}, {servo.least} to {servo.most} {servo.unit}" in header
