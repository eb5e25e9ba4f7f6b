"""The firmware's files: written alike each time, and compiled without a complaint."""

import subprocess

import pytest

from edge_ik_tools.board.firmware import BOARD, SOURCES, sources_folder, write_board_firmware
from firmware_host.errors import ConfigError

STRICT = "-std=c99 -O2 -Wall -Wextra -Wconversion -Wdouble-promotion -Wshadow -pedantic -Werror"
ARM = {
    "cortex-m0": "-mcpu=cortex-m0 -mthumb -mfloat-abi=soft",
    "cortex-m4": "-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16",
}


@pytest.fixture(scope="module")
def firmware(tmp_path_factory, write_by_heart):
    """The folder of a model's C, with the benchmark firmware beside it."""
    folder = write_by_heart(tmp_path_factory.mktemp("firmware"))
    write_board_firmware(folder, "planar")
    return folder


def compiled(command, folder, name, *options):
    """Compile a file of the firmware strictly."""
    include = [f"-I{folder / 'board'}", f"-I{folder}"]
    source, out = folder / "board" / name, folder / f"{name}.o"
    arguments = [*command, *STRICT.split(), *options, *include, "-c", source, "-o", out]
    result = subprocess.run(arguments, capture_output=True, text=True, check=False)
    return result, out


def test_the_same_bytes_are_written_every_time(tmp_path):
    for folder in ("one", "two"):
        files = write_board_firmware(tmp_path / folder, "arm3")
    names = [file.name for file in files]
    assert names == sorted([*SOURCES, "board_template.c", "edge_ik_model.h", "README.md"])
    assert sorted(path.name for path in (tmp_path / "two" / "board").iterdir()) == names
    for file in files:
        assert file.read_bytes() == (tmp_path / "one" / "board" / file.name).read_bytes()
    header = (tmp_path / "two/board/edge_ik_model.h").read_text()
    assert '#include "arm3.h"' in header
    assert "ARM3_MODEL_HASH" in header
    assert "${" not in header + (tmp_path / "two/board/README.md").read_text()


def test_a_board_that_was_adapted_is_kept(tmp_path):
    board = tmp_path / "board" / "board_template.c"
    write_board_firmware(tmp_path, "arm3")
    assert board.read_bytes() == (sources_folder() / board.name).read_bytes()
    board.write_text("/* mine */\n")
    (tmp_path / "board" / "edge_ik_link.c").write_text("/* old */\n")
    assert board in write_board_firmware(tmp_path, "arm3")
    assert board.read_text() == "/* mine */\n"
    assert (tmp_path / "board" / "edge_ik_link.c").read_text() != "/* old */\n"


@pytest.mark.parametrize("name", ["", "3arm", "arm-3", "../arm", "arm3\n"])
def test_a_name_that_is_none_in_c_is_refused(tmp_path, name):
    with pytest.raises(ConfigError, match="name of a model in C"):
        write_board_firmware(tmp_path, name)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("source", ["edge_ik_link.c", "edge_ik_bench_main.c"])
def test_compilers_of_this_machine_have_no_complaint(require_tool, firmware, compiler, source):
    result, _ = compiled([require_tool(compiler, compiler)], firmware, source)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("core", ARM)
@pytest.mark.parametrize("source", ["edge_ik_link.c", "edge_ik_bench_main.c", BOARD])
def test_the_cross_compiler_has_no_complaint(require_tool, firmware, core, source):
    gcc = require_tool("arm-none-eabi-gcc", "gcc-arm-none-eabi")
    command = [gcc, *ARM[core].split()]
    result, out = compiled(command, firmware, source, "-DEDGE_IK_BOARD_READY")
    assert (result.returncode, result.stderr) == (0, "")
    needed = subprocess.run(
        [require_tool("arm-none-eabi-nm", "binutils-arm-none-eabi"), "-u", out],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    # Neither a heap, nor the mathematical library, nor stdio, nor soft floats.
    ours = ("edge_ik_", "planar_")
    others = {word for word in needed.split() if word != "U" and not word.startswith(ours)}
    assert others <= {"memset", "memcpy"}


def test_a_template_that_was_not_adapted_does_not_compile(require_tool, firmware):
    gcc = require_tool("arm-none-eabi-gcc", "gcc-arm-none-eabi")
    result, _ = compiled([gcc, *ARM["cortex-m4"].split()], firmware, "board_template.c")
    assert result.returncode != 0
    assert "Adapt the numbers below" in result.stderr


def test_a_model_that_does_not_fit_into_a_message_does_not_compile(
    require_tool, tmp_path, write_by_heart
):
    folder = write_by_heart(tmp_path, model_hash="too short")
    write_board_firmware(folder, "planar")
    result, _ = compiled([require_tool("gcc", "gcc")], folder, "edge_ik_bench_main.c")
    assert "hash_fits" in result.stderr
