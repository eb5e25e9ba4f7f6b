"""What comes in is told by its content; robots of the package robot_descriptions."""

import importlib.machinery
import sys
import types

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_ik.arms import load_arm, select_arm
from edge_ik.arms.sources import read_description
from firmware_host.errors import RobotError

URDF = """<robot name="packaged"><link name="a"/><link name="b"/><joint name="j"
type="continuous"><parent link="a"/><child link="b"/></joint></robot>"""
MJCF = """<mujoco model="m"><worldbody><body name="a"><joint name="j"/></body></worldbody>
</mujoco>"""
TOML = """name = "t"
[[joints]]
name = "j"
axis = "z"
type = "continuous"
"""


@pytest.mark.parametrize(
    ("text", "form"), [(URDF, "URDF"), (MJCF, "MJCF"), (TOML, "TOML"), ("\n\n" + URDF, "URDF")]
)
@pytest.mark.parametrize("name", ["robot.urdf", "robot.xml", "robot.toml", "robot"])
def test_the_suffix_says_nothing(tmp_path, text, form, name):
    if form == "MJCF":
        pytest.importorskip("mujoco")
    path = tmp_path / name
    path.write_text(text)
    assert read_description(path).format == form
    assert load_arm(path).joint_names == ("j",)


@pytest.fixture
def package(monkeypatch, tmp_path):
    """Function of a robot's name and the attributes of its module: installs a package of it."""
    parent = types.ModuleType("robot_descriptions")
    parent.__path__ = []
    parent.__spec__ = importlib.machinery.ModuleSpec("robot_descriptions", None, is_package=True)
    monkeypatch.setitem(sys.modules, "robot_descriptions", parent)

    def install(name, **attributes):
        full = f"robot_descriptions.{name}"
        module = types.ModuleType(full)
        module.__spec__ = importlib.machinery.ModuleSpec(full, None)
        vars(module).update(attributes)
        monkeypatch.setitem(sys.modules, full, module)

    def text_file(name, text):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return install, text_file


class TestRobotDescriptions:
    def test_a_urdf_comes_before_mjcf(self, package):
        install, text_file = package
        install(
            "my_description",
            URDF_PATH=text_file("r.urdf", URDF),
            MJCF_PATH=text_file("r.xml", MJCF),
        )
        selection = select_arm("robot_descriptions:my_description")
        assert (selection.chain.name, selection.chain.joint_names) == ("packaged", ("j",))

    def test_mjcf_where_there_is_no_urdf(self, package):
        pytest.importorskip("mujoco")
        install, text_file = package
        install("my_mj_description", MJCF_PATH=text_file("r.xml", MJCF))
        assert load_arm("robot_descriptions:my_mj_description").name == "m"

    def test_xacro_is_expanded_by_the_package_itself(self, package):
        install, text_file = package
        install("my_description", XACRO_PATH="r.xacro", XACRO_ARGS={"name": "x"})
        install("_xacro", get_urdf_path=lambda module: text_file(module.XACRO_PATH, URDF))
        assert load_arm("robot_descriptions:my_description").name == "packaged"

    def test_a_download_that_fails_is_told(self, package, monkeypatch):
        install, _ = package
        install("my_description")

        def offline(name):
            raise ConnectionError(f"no way to reach {name}")

        monkeypatch.setattr("importlib.import_module", offline)
        with pytest.raises(RobotError, match="could not be fetched: ConnectionError: no way to"):
            load_arm("robot_descriptions:my_description")

    @pytest.mark.parametrize("name", ["nobody_description", "_cache", "a.b", "../x", "", "os"])
    def test_a_robot_that_it_does_not_have(self, package, name):
        install, _ = package
        install("_cache")
        with pytest.raises(RobotError, match="has no robot") as caught:
            load_arm(f"robot_descriptions:{name}")
        assert "python -m robot_descriptions list" in str(caught.value)

    def test_one_without_a_description(self, package):
        install, _ = package
        install("my_description")
        with pytest.raises(RobotError, match="neither a URDF nor an MJCF"):
            load_arm("robot_descriptions:my_description")

    def test_without_the_package(self, monkeypatch):
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(RobotError, match="pip install robot_descriptions"):
            load_arm("robot_descriptions:ur5_description")


def test_home_is_kept_by_a_robot_of_the_same_name_only(tmp_path):
    path = tmp_path / "ur5"
    path.write_text(URDF)
    assert len(load_arm(path)) == 1
    assert len(load_arm("ur5")) == 6
    np.testing.assert_array_equal(load_arm(path).middle, [0])


PIECES = ["", "<", ">", '"', "0", "-", "e", "nan", "1e300", "[", "=", "\n", "<body/>", "\u00e9"]


@pytest.mark.parametrize("text", [URDF, MJCF, TOML])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_gives_a_chain_or_a_robot_error(text, data, tmp_path):
    if text is MJCF:
        pytest.importorskip("mujoco")
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = start + data.draw(st.integers(0, 12))
        text = text[:start] + data.draw(st.sampled_from(PIECES)) + text[end:]
    path = tmp_path / "robot"
    path.write_text(text, encoding="utf-8")
    try:
        chain = load_arm(path)
    except RobotError as error:
        assert str(error)  # noqa: PT017 (both outcomes are right)
    else:
        assert len(chain) >= 1
