"""What is written compiles without a warning, under every compiler, and with CMake."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

STUBS = Path(__file__).parent / "stubs"
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wdouble-promotion", "-Werror", "-O2"]
C_FLAGS = ["-std=c99", *WARNINGS]
CXX_FLAGS = ["-std=c++17", "-DTF_LITE_STATIC_MEMORY", "-fno-exceptions", "-fno-rtti", *WARNINGS]

MODELS = ("arm3", "int16x8", "float32", "continuous", "axis", "pose", "pose, branches")
C_COMPILERS = {"gcc": "gcc", "clang": "clang", "arm-none-eabi-gcc": "gcc-arm-none-eabi"}
CXX_COMPILERS = {
    "g++": "g++",
    "clang++": "clang",
    "arm-none-eabi-g++": "libstdc++-arm-none-eabi-newlib",
}
ARM = ["-mcpu=cortex-m4", "-mthumb"]


@pytest.fixture(scope="module")
def folder(firmware_of, write_sources, tmp_path_factory):
    """Function that gives what is written for a model or a case, and what the stub needs."""
    made = {}

    def once(key):
        if key not in made:
            made[key] = tmp_path_factory.mktemp("build")
            write_sources(*firmware_of(key), made[key])
        return made[key]

    return once


@pytest.fixture(scope="module")
def library(folder, require_tool):
    """The stub as the library that a build links, with the network of the reference model."""
    base = folder("arm3")
    objects = []
    for compiler, flags, source in (
        ("gcc", C_FLAGS, base / "network.c"),
        ("g++", CXX_FLAGS, base / "known.cc"),
        ("g++", CXX_FLAGS, STUBS / "fake_tflm.cc"),
    ):
        objects.append(base / f"{source.stem}.o")
        command = [require_tool(compiler, compiler), *flags, "-I", STUBS, "-I", base]
        subprocess.run([*command, "-c", source, "-o", objects[-1]], check=True)
    path = base / "libtensorflow-microlite.a"
    subprocess.run([require_tool("ar", "binutils"), "rcs", path, *objects], check=True)
    return path


@pytest.fixture
def cmake(require_tool):
    """Function that configures a folder's project with the variables given."""
    program = require_tool("cmake", "cmake")

    def configure(folder, build, **variables):
        defined = [f"-D{name}={value}" for name, value in variables.items()]
        command = [program, "-S", folder / "firmware", "-B", build, *defined]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return configure


def has_cxx_headers(compiler):
    """Whether a cross-compiler for C++ has a library of C++ with it."""
    command = [compiler, "-x", "c++", "-fsyntax-only", "-"]
    return (
        subprocess.run(
            command, input=b"#include <cstdint>\n", capture_output=True, check=False
        ).returncode
        == 0
    )


@pytest.mark.parametrize("key", MODELS)
@pytest.mark.parametrize("compiler", C_COMPILERS)
def test_the_c_compiles_without_a_warning(folder, require_tool, key, compiler):
    command = [require_tool(compiler, C_COMPILERS[compiler]), *C_FLAGS]
    command += ARM if compiler.startswith("arm") else []
    (source,) = (folder(key) / "firmware").glob("*.c")
    subprocess.run([*command, "-c", source, "-o", os.devnull], check=True)


@pytest.mark.parametrize("key", MODELS)
@pytest.mark.parametrize("compiler", CXX_COMPILERS)
def test_the_cxx_compiles_without_a_warning(folder, require_tool, key, compiler):
    command = [require_tool(compiler, CXX_COMPILERS[compiler]), *CXX_FLAGS, "-I", STUBS]
    if compiler.startswith("arm"):
        command += ARM
        if not has_cxx_headers(command[0]):
            pytest.skip("arm-none-eabi-g++ has no headers: libstdc++-arm-none-eabi-newlib")
    sources = sorted((folder(key) / "firmware").glob("*.cc"))
    assert len(sources) == 3
    for source in sources:
        subprocess.run([*command, "-c", source, "-o", os.devnull], check=True)


def test_the_headers_are_c_as_well_as_cxx(folder, require_tool, tmp_path):
    firmware = folder("arm3") / "firmware"
    for header in firmware.glob("*.h"):
        alone = tmp_path / "alone.c"
        alone.write_text(f'#include "{header.name}"\nint nothing;\n')
        command = [
            require_tool("gcc", "gcc"),
            *C_FLAGS,
            "-I",
            firmware,
            "-c",
            alone,
            "-o",
            os.devnull,
        ]
        subprocess.run(command, check=True)


def test_cmake_builds_the_example_and_it_solves(folder, library, cmake, tmp_path):
    configured = cmake(folder("arm3"), tmp_path, TFLM_DIR=STUBS, TFLM_LIBRARY=library)
    assert configured.returncode == 0, configured.stderr
    subprocess.run(["cmake", "--build", tmp_path], check=True)
    found = subprocess.run([tmp_path / "arm3_example"], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout
    assert "status 0" in found.stdout
    assert "arena: 1024 of" in found.stdout


def test_cmake_takes_another_arena(folder, library, cmake, tmp_path):
    sizes = {"ARM3_ARENA_BYTES": "512"}
    configured = cmake(folder("arm3"), tmp_path, TFLM_DIR=STUBS, TFLM_LIBRARY=library, **sizes)
    assert configured.returncode == 0, configured.stderr
    subprocess.run(["cmake", "--build", tmp_path], check=True)
    found = subprocess.run([tmp_path / "arm3_example"], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout.split(";")[0]) == (1, "arm3_init returned 3")


def test_without_the_library_cmake_makes_the_solver_alone(folder, cmake, tmp_path):
    assert cmake(folder("arm3"), tmp_path, TFLM_DIR=STUBS).returncode == 0
    subprocess.run(["cmake", "--build", tmp_path], check=True)
    assert (tmp_path / "libarm3.a").exists()
    assert not (tmp_path / "arm3_example").exists()


def test_cmake_says_what_tree_it_expects(folder, cmake, tmp_path):
    found = cmake(folder("arm3"), tmp_path, TFLM_DIR="/nowhere")
    assert found.returncode != 0
    said = " ".join(found.stderr.split())
    assert "Expected TFLM_DIR to be a tree of TensorFlow Lite Micro" in said
    assert "Received: '/nowhere'" in said


def test_cmake_says_that_a_tree_lacks_its_third_parties(folder, cmake, tmp_path):
    tree = tmp_path / "tree"
    shutil.copytree(STUBS, tree)
    shutil.rmtree(tree / "third_party")
    found = cmake(folder("arm3"), tmp_path / "build", TFLM_DIR=tree)
    assert found.returncode != 0
    assert "lacks the headers of flatbuffers" in " ".join(found.stderr.split())


def test_cmake_finds_third_parties_where_the_makefile_downloads_them(folder, cmake, tmp_path):
    tree = tmp_path / "tree"
    shutil.copytree(STUBS, tree)
    downloads = tree / "tensorflow" / "lite" / "micro" / "tools" / "make"
    downloads.mkdir(parents=True)
    (tree / "third_party").rename(downloads / "downloads")
    assert cmake(folder("arm3"), tmp_path / "build", TFLM_DIR=tree).returncode == 0
