"""The commands: a missing one is named with its package, and complaints are told."""

import pytest

from edge_ik_tools.emulate import toolchain
from edge_ik_tools.emulate.build import Sources, linker_script
from edge_ik_tools.emulate.cores import CORES
from edge_ik_tools.emulate.toolchain import PACKAGES, Toolchain, find_tool, qemu_version
from edge_ik_tools.errors import EmulationError, FirmwareBuildError, MissingToolError
from firmware_host.errors import EdgeIkError

M4 = CORES["cortex-m4"]


@pytest.mark.parametrize("name", PACKAGES)
def test_a_missing_tool_is_named_with_its_package(name, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match=f"'{name}'.*apt-get install") as caught:
        find_tool(name)
    assert isinstance(caught.value, EdgeIkError)
    assert caught.value.tool == name
    assert caught.value.package == PACKAGES[name]
    with pytest.raises(MissingToolError):
        Toolchain.find()


def test_versions_are_told(tools):
    assert tools.versions["compiler"].startswith("arm-none-eabi-gcc ")
    assert tools.versions["emulator"].startswith("QEMU emulator version ")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("QEMU emulator version 7.2.22", (7, 2)),
        ("QEMU emulator version 10.1.0", (10, 1)),
        ("", (0, 0)),
    ],
)
def test_the_version_of_the_emulator(text, version):
    assert qemu_version(text) == version


def test_a_warning_is_an_error(tools, tmp_path):
    source = tmp_path / "unused.c"
    source.write_text("static int unused;\n")
    with pytest.raises(FirmwareBuildError, match=r"unused.c for cortex-m4[\s\S]*unused"):
        tools.compile(M4, source, tmp_path / "unused.o")


def test_an_image_that_does_not_fit_is_refused(tools, tmp_path):
    (tmp_path / "large.c").write_text(
        "int main(void);\n"
        "static volatile char large[20000];\n"
        "int main(void) { return large[9]; }\n"
        "void reset(void) { main(); }\n"
        "void reset(void);\n"
    )
    core = CORES["cortex-m0"]
    large = tools.compile(core, tmp_path / "large.c", tmp_path / "large.o")
    with pytest.raises(FirmwareBuildError, match=r"large.elf for cortex-m0[\s\S]*RAM"):
        tools.link(core, [large], linker_script(core, tmp_path), tmp_path / "large.elf")


def test_the_listing_knows_vectors_and_long_shifts(tools, build_snippet, tmp_path):
    assembly = "vldrw.u32 q3, [r0]\nlsll r0, r1, #3"
    image = build_snippet(CORES["cortex-m55"], assembly, tmp_path)
    listing = tools.listing(image)
    assert "vldrw.u32\tq3, [r0, #0]" in listing
    assert "lsll\tr0, r1, #3" in listing
    assert tools.symbols(image)["snippet"] > 0


def test_firmware_that_hangs_is_ended(tools, build_snippet, tmp_path, monkeypatch):
    monkeypatch.setattr(toolchain, "RUN_SECONDS", 1.0)
    image = build_snippet(M4, "1:\nb 1b", tmp_path)
    with pytest.raises(EmulationError, match="did not end within 1 s"):
        tools.run(M4, image, tmp_path)


@pytest.mark.parametrize("name", ["no-name", "9arm", ""])
def test_a_name_that_c_cannot_use_is_refused(name, tmp_path):
    with pytest.raises(FirmwareBuildError, match="a name that C can use"):
        Sources(tmp_path, name)


def test_missing_sources_are_named(tmp_path):
    (tmp_path / "arm.c").touch()
    with pytest.raises(FirmwareBuildError, match=r"arm\.h.*export"):
        Sources(tmp_path, "arm")
