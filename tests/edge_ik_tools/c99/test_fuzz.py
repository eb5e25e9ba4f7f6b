"""Arbitrary floats under the sanitizers: what a solver promises must hold for all of them."""

import subprocess

import numpy as np
import pytest

from edge_ik_tools.c99.source import Firmware

# Numbers at the edges of what single precision knows, and of what the code compares with.
EDGES = np.array(
    [
        *(0.0, 1e-45, 1.2e-38, 1e-19, 1e-9, 1e-4, 0.15, 0.5, 1.0, 3.1415927, 6.2831855, 1e3),
        *(999999.94, 1e6, 1000000.06, 4194304.0, 1.6e7, 2.2e9, 1e19, 1.9e19, 3.4028235e38),
        *(np.inf, np.nan),
    ],
    np.float32,
)


def write_robot(firmware, folder, write_firmware):
    """The firmware, and the header that tells the fuzz target about it."""
    chain, name, prefix = firmware.spec.chain, firmware.name, firmware.name.upper()
    write_firmware(firmware, folder)
    reach = chain.reach + np.abs(chain.links[0][:3, 3]).sum()
    defines = {
        **{part: f"{prefix}_{part}" for part in ("JOINTS", "STEPS", "TOLERANCE")},
        **{part: f"{prefix}_{part}" for part in ("SOLVED", "UNREACHABLE", "BAD_TARGET", "LIMITED")},
        **{
            part.upper(): f"{name}_{part}"
            for part in ("solve", "solve_near", "seed", "forward", "info", "track", "state")
        },
        "REACH": repr(float(reach)),
    }
    lines = [f'#include "{name}.h"', *(f"#define {key} {value}" for key, value in defines.items())]
    for end in ("lower", "upper"):
        values = ", ".join(repr(float(limit)) for limit in getattr(chain, end))
        lines.append(f"static const double {end}_limit[] = {{{values}}};")
    turns = ", ".join(str(int(turns)) for turns in chain.continuous)
    lines.append(f"static const int endless[] = {{{turns}}};")
    (folder / "fuzz_robot.h").write_text("\n".join([*lines, ""]))
    return folder


@pytest.fixture(scope="module")
def firmware_of(arm3_path, planar_model, random_chain, robot_firmware, limit_kinds):
    """Function of a name: the reference arm, one of two joints, or one of every kind of limit."""

    def make(name):
        if name == "arm3":
            return Firmware.load(arm3_path, "solver")
        if name == "planar":
            return Firmware.load(planar_model, "solver", 12)
        rng, kinds = np.random.default_rng(8), list(limit_kinds)
        chain = random_chain(rng, len(kinds), kinds, straight=False)
        return robot_firmware(chain, rng, np.dtype(name).type, name="solver")

    return make


@pytest.fixture(scope="module")
def build_target(
    require_tool, require_sanitizers, tmp_path_factory, write_firmware, source_root, sanitizers
):
    """Function of firmware, a compiler and options: the fuzz target's path."""

    def build(firmware, compiler, *options):
        folder = write_robot(firmware, tmp_path_factory.mktemp("fuzz"), write_firmware)
        target = source_root / "tests/edge_ik_tools/c99/fuzz_solve.c"
        command = [require_tool(compiler, compiler), "-std=c99", "-O1", *sanitizers, *options]
        command += [f"-I{folder}", target, folder / f"{firmware.name}.c", "-lm"]
        command += ["-o", folder / "target"]
        built = subprocess.run(command, capture_output=True, text=True, check=False)
        require_sanitizers(built)
        assert built.returncode == 0, built.stderr[:2000]
        return folder / "target"

    return build


def awkward_inputs(joints, rng):
    """(N, 3 + 2 joints) targets, joints and steps: edges, arbitrary bits, and points in reach."""
    columns = 3 + 2 * joints
    signs = rng.choice(np.array([-1, 1], np.float32), (1000, columns))
    edges = rng.choice(EDGES, (1000, columns)) * signs
    bits = rng.integers(0, 2**32, (1000, columns), np.uint32).view(np.float32)
    near = rng.normal(0, 0.4, (1000, columns)).astype(np.float32)
    on_axis = near[:300].copy()
    on_axis[:, :2] = 0
    return np.concatenate([edges, bits, near, on_axis])


@pytest.mark.parametrize(
    ("name", "compiler"),
    [*zip(["arm3", "planar", "int8", "int16", "float32"], ["gcc", "clang"] * 3, strict=False)],
)
def test_awkward_numbers_are_taken(name, compiler, firmware_of, build_target):
    firmware = firmware_of(name)
    target = build_target(firmware, compiler, "-DREPLAY")
    inputs = awkward_inputs(len(firmware.spec.chain), np.random.default_rng(2))
    ran = subprocess.run([target], input=inputs.tobytes(), capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr.decode()[:4000]


@pytest.mark.parametrize("name", ["arm3", "planar", "int8"])
def test_integers_keep_what_is_promised_of_floats(name, firmware_of, build_target):
    firmware = firmware_of(name)
    target = build_target(firmware, "clang", "-DREPLAY", "-DEDGE_IK_FIXED=1")
    inputs = awkward_inputs(len(firmware.spec.chain), np.random.default_rng(2))
    ran = subprocess.run([target], input=inputs[::3].tobytes(), capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr.decode()[:4000]


def test_a_broken_promise_ends_the_target(firmware_of, build_target, monkeypatch):
    firmware = firmware_of("arm3")
    honest = firmware.source()
    broken = honest.replace("squared = refine(", "squared = 1e-7f + refine(")
    assert broken != honest
    monkeypatch.setattr(Firmware, "source", lambda *_: broken)
    target = build_target(firmware, "gcc", "-DREPLAY")
    inputs = np.array([[0.3, 0.1, 0.2, 0, 0, 0, 0, 0, 0]], np.float32)
    ran = subprocess.run([target], input=inputs.tobytes(), capture_output=True, check=False)
    assert ran.returncode != 0
    assert b"not so" in ran.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", ["arm3", "int8"])
def test_the_fuzzer_finds_nothing(name, firmware_of, build_target, fuzz):
    firmware = firmware_of(name)
    target = build_target(firmware, "clang", "-fsanitize=fuzzer")
    fuzz(target, awkward_inputs(len(firmware.spec.chain), np.random.default_rng(4)))
