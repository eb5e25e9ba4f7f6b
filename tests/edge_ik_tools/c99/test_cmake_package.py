"""The folder in a project of CMake, each way it can get there, and in systems built on CMake."""

import os
import shutil
import subprocess

import pytest

APP = """\
#include <arm3.h>

int main() {
    const float target[ARM3_TARGET] = {0.30F, 0.10F, 0.20F};
    const float now[ARM3_JOINTS] = {0.0F, 0.5F, 1.0F};
    float q[ARM3_JOINTS];
    arm3_state state;
    arm3_track_start(&state, now, nullptr);
    return arm3_track(&state, target, q, nullptr) == ARM3_SOLVED ? 0 : 1;
}
"""
WAYS = {
    "add_subdirectory": "add_subdirectory(libraries/arm3)",
    "FetchContent": (
        "include(FetchContent)\n"
        "FetchContent_Declare(arm3 SOURCE_DIR ${CMAKE_CURRENT_SOURCE_DIR}/libraries/arm3)\n"
        "FetchContent_MakeAvailable(arm3)"
    ),
    "find_package": "find_package(arm3 0.1 REQUIRED)",
}


def run(*command, folder=None):
    # Whatever else is installed on this machine, or the user's own registry, counts for nothing.
    clean = {key: value for key, value in os.environ.items() if not key.startswith("CMAKE")}
    ended = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env=clean
    )
    assert ended.returncode == 0, (ended.stdout + ended.stderr)[-3000:]
    return ended.stdout + ended.stderr


@pytest.fixture
def project(exported, require_tool, tmp_path):
    """A project whose folder `libraries` has the firmware, and a function that writes it."""
    require_tool("cmake", "cmake")
    require_tool("c++", "g++")
    shutil.copytree(exported("arm3"), tmp_path / "libraries" / "arm3")
    (tmp_path / "app.cpp").write_text(APP)

    def write(lines):
        text = f"cmake_minimum_required(VERSION 3.16)\nproject(app C CXX)\n{lines}\n"
        (tmp_path / "CMakeLists.txt").write_text(text)
        return tmp_path

    return write


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_a_project_uses_it(way, project, tmp_path):
    linked = "add_executable(app app.cpp)\ntarget_link_libraries(app PRIVATE arm3::arm3)"
    folder, prefix = project(f"{WAYS[way]}\n{linked}"), tmp_path / "prefix"
    options = ["-DCMAKE_BUILD_TYPE=MinSizeRel", "-DCMAKE_COMPILE_WARNING_AS_ERROR=ON"]
    if way == "find_package":
        alone = tmp_path / "libraries" / "arm3"
        run("cmake", "-B", "build", f"-DCMAKE_INSTALL_PREFIX={prefix}", folder=alone)
        run("cmake", "--build", "build", "--target", "install", folder=alone)
        shutil.rmtree(alone)
        options.append(f"-DCMAKE_PREFIX_PATH={prefix}")
    said = run("cmake", "-B", "build", *options, folder=folder)
    assert "Warning" not in said
    run("cmake", "--build", "build", folder=folder)
    run(tmp_path / "build" / "app")
    if way != "find_package":
        # A guest adds no programs, tests or files to what its host installs.
        assert not list((tmp_path / "build").rglob("arm3_*test"))
        run("cmake", "--install", "build", "--prefix", prefix, folder=folder)
        assert not prefix.exists() or not list(prefix.rglob("*arm3*"))


@pytest.mark.slow
def test_two_of_them_live_in_one_project(exported, project, tmp_path):
    folder = project(
        "add_subdirectory(libraries/arm3)\nadd_subdirectory(libraries/branches)\n"
        "add_executable(app app.cpp)\n"
        "target_link_libraries(app PRIVATE arm3::arm3 branches::branches)"
    )
    shutil.copytree(exported("branches"), tmp_path / "libraries" / "branches")
    (tmp_path / "app.cpp").write_text(f"#include <branches.h>\n{APP}")
    run("cmake", "-B", "build", folder=folder)
    run("cmake", "--build", "build", folder=folder)
    run(tmp_path / "build" / "app")


# ESP-IDF includes a component's file and gives it this function, in an order of its own.
COMPONENT = """\
set(ESP_PLATFORM 1)
function(idf_component_register)
    cmake_parse_arguments(given "" "" "SRCS;INCLUDE_DIRS;REQUIRES" ${ARGN})
    if(given_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "unknown: ${given_UNPARSED_ARGUMENTS}")
    endif()
    add_library(component STATIC ${given_SRCS})
    target_include_directories(component PUBLIC ${given_INCLUDE_DIRS})
endfunction()
add_subdirectory(libraries/arm3)
add_executable(app app.cpp)
target_link_libraries(app component)
"""
# Zephyr includes the folder that zephyr/module.yml names, with these functions there.
MODULE = """\
option(CONFIG_EDGE_IK_ARM3 "" OFF)
add_library(zephyr_interface INTERFACE)
function(zephyr_include_directories)
    foreach(folder ${ARGN})
        get_filename_component(path ${folder} ABSOLUTE)
        target_include_directories(zephyr_interface INTERFACE ${path})
    endforeach()
endfunction()
function(zephyr_library_named name)
    add_library(${name} STATIC)
    target_link_libraries(${name} PUBLIC zephyr_interface)
    set(ZEPHYR_CURRENT_LIBRARY ${name} PARENT_SCOPE)
endfunction()
function(zephyr_library_sources)
    foreach(source ${ARGN})
        get_filename_component(path ${source} ABSOLUTE)
        target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${path})
    endforeach()
endfunction()
add_subdirectory(libraries/arm3/zephyr module)
if(CONFIG_EDGE_IK_ARM3)
    add_executable(app app.cpp)
    target_link_libraries(app arm3)
elseif(TARGET arm3)
    message(FATAL_ERROR "built though it is switched off")
endif()
"""


@pytest.mark.slow
@pytest.mark.parametrize(("system", "options"), [(COMPONENT, ()), (MODULE, ("EDGE_IK_ARM3",))])
def test_systems_built_on_cmake_use_it(system, options, project, tmp_path):
    folder = project(system)
    run("cmake", "-B", "build", *(f"-DCONFIG_{name}=ON" for name in options), folder=folder)
    run("cmake", "--build", "build", folder=folder)
    run(tmp_path / "build" / "app")


@pytest.mark.slow
def test_a_module_that_is_not_wanted_is_not_built(project):
    run("cmake", "-B", "build", folder=project(MODULE))
