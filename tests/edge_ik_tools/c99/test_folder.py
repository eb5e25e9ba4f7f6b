"""The firmware's folder: it builds, tests itself, and overwrites nobody's work."""

import re
import subprocess

import pytest

from edge_ik_tools.c99.folder import write_c99
from edge_ik_tools.c99.source import Firmware
from edge_ik_tools.generated import FirmwareFolderError

FILES = {
    "edge-ik.json",
    "README.md",
    "src/arm3.c",
    "src/arm3.h",
    "extras/example.c",
    "extras/selftest.c",
    "CMakeLists.txt",
    "arm-none-eabi.cmake",
    "library.properties",
    "keywords.txt",
    "examples/SolveIk/SolveIk.ino",
    "examples/SolveIkIntegers/SolveIkIntegers.ino",
    "library.json",
    "idf_component.yml",
    "zephyr/module.yml",
    "zephyr/CMakeLists.txt",
    "zephyr/Kconfig",
    "micropython.cmake",
    "micropython.mk",
    "micropython/arm3_module.c",
}


@pytest.fixture(scope="module")
def model(source_root):
    return source_root / "artifacts" / "arm3" / "arm3-int8.tflite"


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    out = tmp_path_factory.mktemp("firmware") / "arm3"
    write_c99(Firmware.load(model), out)
    return out


CORES = [*(f"cortex-{core}" for core in ("m0", "m0plus", "m3", "m4", "m7", "m33", "m55")), "rp2040",
         "rp2350"]  # fmt: skip


def built(folder, build, *options):
    """Configure and build with CMake; the output of both is shown where it fails."""
    for command in (["cmake", "-B", build, *options], ["cmake", "--build", build]):
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr


def test_the_same_model_gives_the_same_bytes(model, folder, tmp_path):
    write_c99(Firmware.load(model), tmp_path / "again")
    assert {str(path.relative_to(folder)) for path in folder.rglob("*")} >= FILES
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_the_header_says_where_it_comes_from(folder):
    text = (folder / "src" / "arm3.h").read_text()
    assert "edge-ik export arm3-int8.tflite --firmware c99" in text
    assert re.search(r"Model [0-9a-f]{16}: int8 network of 1,216 multiplications", text)
    assert re.search(r'#define ARM3_MODEL_HASH "[0-9a-f]{16}"', text)


def test_what_was_counted_is_said_where_people_look(model, tmp_path):
    write_c99(Firmware.load(model), tmp_path / "counted", "On a Cortex-M9: 7 instructions.")
    for name in ("src/arm3.h", "src/arm3.c", "README.md"):
        assert "On a Cortex-M9: 7 instructions." in (tmp_path / "counted" / name).read_text()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["Release", "MinSizeRel", "Debug"])
def test_it_builds_and_tests_itself(folder, kind, require_tool):
    require_tool("cmake", "cmake")
    require_tool("cc", "gcc libc6-dev")
    built(folder, kind, f"-DCMAKE_BUILD_TYPE={kind}", "-DCMAKE_COMPILE_WARNING_AS_ERROR=ON")
    tested = subprocess.run(
        ["ctest", "--test-dir", kind, "--output-on-failure"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert tested.returncode == 0, tested.stdout
    assert "100% tests passed" in tested.stdout
    example = [folder / kind / "arm3_example", "0.3", "0.1", "0.2"]
    solved = subprocess.run(example, capture_output=True, text=True, check=False)
    assert solved.returncode == 0
    assert "yaw: 0.32175" in solved.stdout
    assert "solved, off by 0.000000 m" in solved.stdout


@pytest.mark.slow
def test_the_self_test_notices_a_changed_weight(model, tmp_path, require_tool):
    require_tool("cc", "gcc libc6-dev")
    write_c99(Firmware.load(model), tmp_path / "broken")
    source = tmp_path / "broken" / "src" / "arm3.c"
    text = source.read_text()
    # In the last layer every output depends on every weight of its row.
    # It stands there once for each kind of processor.
    number = max(re.findall(r"layer(\d+)_weights\[", text), key=int)
    first = rf"(static const IN_FLASH \w+_t layer{number}_weights\[\d+\][^{{]*\{{\s*)-?\d+"
    source.write_text(re.sub(first, r"\g<1>101", text))
    command = ["cc", "-std=c99", "-DARM3_SELFTEST", "../extras/selftest.c", "-I.", "-o", "selftest"]
    subprocess.run(command, cwd=source.parent, check=True)
    found = subprocess.run(
        ["./selftest"], cwd=source.parent, capture_output=True, text=True, check=False
    )
    assert found.returncode == 1
    assert "FAILED: network" in found.stdout


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES)
def test_it_cross_compiles_for_each_core(folder, core, require_tool):
    require_tool("cmake", "cmake")
    require_tool("arm-none-eabi-gcc", "gcc-arm-none-eabi libnewlib-arm-none-eabi")
    toolchain = "-DCMAKE_TOOLCHAIN_FILE=arm-none-eabi.cmake"
    built(
        folder,
        f"build-{core}",
        toolchain,
        f"-DCORE={core}",
        "-DCMAKE_COMPILE_WARNING_AS_ERROR=ON",
    )
    assert (folder / f"build-{core}" / "libarm3.a").exists()


@pytest.mark.parametrize(
    ("name", "core"),
    [
        ("m0plus", "cortex-m0plus"),
        ("rp2040", "cortex-m0plus"),
        ("rp2350", "cortex-m33"),
        ("nrf52840", "cortex-m4"),
        ("stm32f103", "cortex-m3"),
        ("imxrt1062", "cortex-m7"),
    ],
)
def test_the_toolchain_knows_chips_by_their_core(name, core, folder, require_tool, tmp_path):
    require_tool("cmake", "cmake")
    require_tool("arm-none-eabi-gcc", "gcc-arm-none-eabi libnewlib-arm-none-eabi")
    toolchain = f"-DCMAKE_TOOLCHAIN_FILE={folder / 'arm-none-eabi.cmake'}"
    command = ["cmake", "-S", folder, "-B", tmp_path, toolchain, f"-DCORE={name}"]
    subprocess.run(command, capture_output=True, check=True)
    assert f"-mcpu={core} " in (tmp_path / "CMakeCache.txt").read_text()


def test_the_toolchain_lists_what_it_takes(folder, require_tool, tmp_path):
    require_tool("cmake", "cmake")
    toolchain = f"-DCMAKE_TOOLCHAIN_FILE={folder / 'arm-none-eabi.cmake'}"
    command = ["cmake", "-S", folder, "-B", tmp_path, toolchain, "-DCORE=z80"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode != 0
    said = " ".join(found.stderr.split())
    assert "rp2040, rp2350, nrf52840, stm32f103 or imxrt1062. Received: z80" in said


def test_a_name_can_be_given(model, tmp_path):
    write_c99(Firmware.load(model, "Left Arm", 2), tmp_path / "named")
    header = (tmp_path / "named" / "src" / "left_arm.h").read_text()
    assert "left_arm_status left_arm_solve(" in header
    assert "#define LEFT_ARM_STEPS 2" in header
    assert "--steps 2 --name left_arm" in " ".join(header.split())


def test_what_somebody_else_wrote_is_kept(model, tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "arm3.c").write_text("int mine;\n")
    with pytest.raises(FirmwareFolderError, match="not written by edge-ik"):
        write_c99(Firmware.load(model), tmp_path)
    assert (tmp_path / "src" / "arm3.c").read_text() == "int mine;\n"
    assert [path.name for path in tmp_path.iterdir()] == ["src"]


def test_the_name_that_its_lines_have_is_told_of_a_folder_called_otherwise(model, tmp_path):
    write_c99(Firmware.load(model, "tiny"), tmp_path / "arm3-int8-c99")
    readme = (tmp_path / "arm3-int8-c99" / "README.md").read_text()
    assert "Take it under the name `tiny`" in readme
    assert "arm3-int8-c99" not in readme.partition("## Where it goes")[2]


@pytest.mark.parametrize("arithmetic", ["auto", "fixed", "float"])
def test_what_is_computed_with_is_told_with_its_error(arithmetic, model, tmp_path):
    firmware = Firmware.load(model, arithmetic=arithmetic)
    write_c99(firmware, tmp_path / "arm3")
    readme = (tmp_path / "arm3" / "README.md").read_text()
    header = (tmp_path / "arm3" / "src" / "arm3.h").read_text()
    told = [
        re.findall(r"\sat\s+most\s(\d+\.\d)\s(?:um|micrometres)", text) for text in (header, readme)
    ]
    if arithmetic == "float":
        assert told == [[], []]
        assert "integers of 32" not in header
    else:
        bound = 1e6 * firmware.robot.told_error
        assert told[0] == told[1]
        assert bound <= float(told[0][0]) < bound + 0.11
    assert ("EDGE_IK_FIXED=0" in readme) == (arithmetic == "auto")
    assert "arm3_track_um(&state, target_um, q_urad, NULL)" in readme
