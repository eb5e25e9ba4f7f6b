"""Arbitrary integers under the sanitizers: what firmware without floats promises must hold."""

import math
import subprocess

import numpy as np
import pytest

from edge_ik.arms import load_arm
from edge_ik.data.rank import chosen_task
from edge_ik_tools.c99.source import Firmware

EDGES = [
    -(2**31),
    1 - 2**31,
    -1_500_001,
    -1_000_000,
    -1,
    0,
    1,
    999,
    1_000_000,
    2**31 - 2,
    2**31 - 1,
]
# A robot, its task, how many branches, and the network's type.
CASES = {
    "branches": ("leg3", "position", 3, np.int8),
    "pose": ("ur5", "pose", 2, np.int8),
    "axis": ("so101", "axis", 1, np.int8),
    "pitch": ("openmanipulator_x", "pitch", 2, np.int16),
    "to spare": ("panda", "pose", 1, np.int8),
    "all sliding": ("gantry", "position", 1, np.int8),
    "sliding pose": ("stanford", "pose", 2, np.int8),
    "followers": ("palletizer", "position", 2, np.int8),
    "geared": ("geared", "position", 2, np.int16),
}
KINDS = ["arm3", "limits", *CASES]


def write_robot(firmware, folder, write_firmware):
    """The firmware, and the header that tells the fuzz target about it."""
    spec, name, prefix = firmware.spec, firmware.name, firmware.name.upper()
    chain, task = spec.chain, spec.task
    write_firmware(firmware, folder)
    places = len(task.place)
    size = 0 if not task.has_orientation else 3 if task.directions else 2
    reach = chain.reach + np.abs(chain.links[0][:3, 3]).sum()
    defines = {
        **{part: f"{prefix}_{part}" for part in ("JOINTS", "TARGET", "SOLVED", "UNREACHABLE")},
        **{part: f"{prefix}_{part}" for part in ("BAD_TARGET", "LIMITED")},
        **{
            part.upper(): f"{name}_{part}_um"
            for part in ("solve", "solve_near", "track", "info", "state")
        },
        "REACH": repr(float(reach) * 1.2e6),
        "PLACES": places,
        "UNIT_SIZE": size,
        "UNIT_COUNT": (task.size - places) // size if size else 0,
    }
    lines = [f'#include "{name}.h"', *(f"#define {key} {value}" for key, value in defines.items())]
    free = chain.continuous.tolist()
    low = [-(2**31) if f else math.ceil(x * 1e6) for f, x in zip(free, chain.lower, strict=True)]
    high = [2**31 - 1 if f else math.floor(x * 1e6) for f, x in zip(free, chain.upper, strict=True)]
    for end, values in (("lower", low), ("upper", high)):
        words = ", ".join(f"{value}ll" for value in values)
        lines.append(f"static const int64_t {end}_limit[] = {{{words}}};")
    lines.append(f"static const int endless[] = {{{', '.join(str(int(f)) for f in free)}}};")
    (folder / "fuzz_robot.h").write_text("\n".join([*lines, ""]))
    return folder


@pytest.fixture(scope="module")
def firmware_of(arm3_path, other_arms, integer_firmware, random_chain, robot_firmware, limit_kinds):
    """Function of a name in `KINDS`: the reference arm, limits of every kind, or a case."""

    def make(name):
        rng = np.random.default_rng(8)
        if name == "arm3":
            return Firmware.load(arm3_path, "solver")
        if name == "limits":
            kinds = list(limit_kinds)
            chain = random_chain(rng, len(kinds), kinds, straight=False)
            return robot_firmware(chain, rng, name="solver")
        arm, task, branches, dtype = CASES[name]
        chain = other_arms.get(arm) or load_arm(arm)
        kind = chosen_task(chain, task)
        return integer_firmware(chain, rng, kind, branches, dtype, name="solver")[0]

    return make


@pytest.fixture(scope="module")
def build_target(
    require_tool, require_sanitizers, tmp_path_factory, write_firmware, source_root, sanitizers
):
    """Function of firmware, a compiler and options: the fuzz target's path."""

    def build(firmware, compiler, *options):
        folder = write_robot(firmware, tmp_path_factory.mktemp("fuzz"), write_firmware)
        target = source_root / "tests/edge_ik_tools/c99/fuzz_integers.c"
        command = [require_tool(compiler, compiler), "-std=c99", "-O1", *sanitizers, *options]
        if compiler == "clang":
            # Conversions that nobody wrote, of numbers that do not fit.
            command += ["-fsanitize=implicit-conversion", "-fno-sanitize-recover=all"]
        command += ["-DEDGE_IK_FIXED=1", f"-I{folder}", target, folder / f"{firmware.name}.c"]
        built = subprocess.run(
            [*command, "-lm", "-o", folder / "target"], capture_output=True, text=True, check=False
        )
        require_sanitizers(built)
        assert built.returncode == 0, built.stderr[:2000]
        return folder / "target"

    return build


def awkward_inputs(firmware, rng, count=100):
    """(N, size + 2 n) targets, joints and steps: edges, arbitrary numbers, and what is usual."""
    chain, size = firmware.spec.chain, firmware.spec.task.size
    columns = size + 2 * len(chain)
    edges = rng.choice(np.array(EDGES), (count, columns))
    bits = rng.integers(-(2**31), 2**31, (count, columns))
    q = rng.uniform(chain.lower, chain.upper, (count, len(chain)))
    targets = firmware.spec.problem.reached_by(q)
    steps = rng.choice([0, 1, 1000, 100_000], q.shape)
    usual = np.column_stack([targets * 1e6, q * 1e6, steps])
    usual = np.clip(np.rint(usual), -(2**31), 2**31 - 1)
    mixed = np.where(rng.random(usual.shape) < 0.1, edges, usual)
    return np.concatenate([edges, bits, usual, mixed]).astype(np.int32)


VARIANTS = [("gcc", "-DEDGE_IK_SHORT_PRODUCTS=1"), ("clang", "-DEDGE_IK_SHORT_PRODUCTS=0")]


@pytest.mark.parametrize(
    ("name", "compiler", "products"),
    [(name, *VARIANTS[1]) for name in KINDS] + [("arm3", *VARIANTS[0])],
)
def test_awkward_integers_are_taken(name, compiler, products, firmware_of, build_target):
    firmware = firmware_of(name)
    target = build_target(firmware, compiler, "-DREPLAY", products)
    inputs = awkward_inputs(firmware, np.random.default_rng(2))
    ran = subprocess.run([target], input=inputs.tobytes(), capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr.decode()[:4000]


def test_a_broken_promise_ends_the_target(firmware_of, build_target, monkeypatch):
    firmware = firmware_of("arm3")
    honest = firmware.source()
    # Steps in millionths without a bound.
    rest = "    }\n    if (!good) {\n        return no_target_um"
    bound = "most[i] = step > MOST ? 0 : (int32_t)step;\n"
    broken = honest.replace(bound + rest, "most[i] = (int32_t)(step * 0);\n" + rest)
    assert broken != honest
    monkeypatch.setattr(Firmware, "source", lambda *_: broken)
    target = build_target(firmware, "clang", "-DREPLAY")
    inputs = awkward_inputs(firmware, np.random.default_rng(2))
    ran = subprocess.run([target], input=inputs.tobytes(), capture_output=True, check=False)
    assert ran.returncode != 0
    assert b"not so" in ran.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", ["arm3", "limits", "pose", "geared"])
def test_the_fuzzer_finds_nothing(name, firmware_of, build_target, fuzz):
    firmware = firmware_of(name)
    target = build_target(firmware, "clang", "-fsanitize=fuzzer")
    fuzz(target, awkward_inputs(firmware, np.random.default_rng(4)))
