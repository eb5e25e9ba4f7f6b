"""What every test can use, in an environment with TensorFlow or without."""

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Shared machines are slow at times, and a failure must come back when it is looked at.
settings.register_profile("edge_ik", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("edge_ik")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("tensorflow") and not importlib.util.find_spec("tensorflow"):
        pytest.skip("needs TensorFlow: pip install 'edge-ik[train]'")


@pytest.fixture(scope="session", autouse=True)
def _cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compiled firmware goes into a folder of the test run, not into the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def require_tool() -> Callable[[str, str], Path]:
    """Give the path of a command; skip the test, or fail it, where it is missing.

    Use as `require_tool("qemu-system-arm", "qemu-system-arm")`: the command, and the
    Debian package that has it. EDGE_IK_REQUIRE_TOOLS=1 makes a missing tool a failure.
    """

    def require(name: str, debian_package: str) -> Path:
        path = shutil.which(name)
        if path is None:
            advice = f"'{name}' is missing: apt-get install {debian_package}"
            if os.environ.get("EDGE_IK_REQUIRE_TOOLS", "0") not in ("", "0"):
                pytest.fail(advice, pytrace=False)
            pytest.skip(advice)
        return Path(path)

    return require


@pytest.fixture(scope="session")
def source_root() -> Path:
    """The folder that has pyproject.toml."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def planar_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file of a two-joint robot; its int8 network has random weights."""
    import numpy as np

    from firmware_host.chain import Chain, Joint
    from firmware_host.kinematics import tool_position
    from firmware_host.model_file import write_model
    from firmware_host.normalization import Normalization
    from firmware_host.problem import IkProblem
    from firmware_host.spec import ModelSpec
    from firmware_host.tasks import POSITION
    from firmware_host.workspace import Workspace

    link = np.eye(4)
    link[0, 3] = 0.25
    axis = np.array([0.0, 0.0, 1.0])
    joints = (Joint("inner", np.eye(4), axis, -2.0, 2.0), Joint("outer", link, axis, 0.3, 2.5))
    chain = Chain("planar", joints, link)
    q = np.random.default_rng(0).uniform(chain.lower, chain.upper, (5000, 2))
    positions = tool_position(chain, np.sin(q), np.cos(q))
    problem = IkProblem(chain, POSITION)
    spec = ModelSpec(
        problem=problem,
        normalization=Normalization.fit(problem.features(positions)),
        home=tuple(chain.middle.tolist()),
        workspace=Workspace.fit(chain, positions),
        provenance={"version": "1.2.3", "rng_seed": 5, "metrics": {"rmse_m": 0.1, "steps": [1, 2]}},
    )
    path = tmp_path_factory.mktemp("model") / "planar.tflite"
    network = Path(__file__).parent / "firmware_host" / "models" / "int8_per_channel.tflite"
    write_model(path, network.read_bytes(), spec.to_dict())
    return path


@pytest.fixture(scope="session")
def tiny_values():
    """Values of a training of a second or two."""
    return {
        "training.steps_per_epoch": 20,
        "training.steps_per_execution": 10,
        "training.batch_size": 64,
        "training.validation_targets": 500,
        "training.ema": 0.9,
        "data.pool": 2000,
        "mining.buffer": 64,
    }


@pytest.fixture(scope="session")
def tiny_config():
    """A training of seconds that uses every part: mining, dropout, balance, averages."""
    from edge_ik.config import make_config

    values = {
        "training.epochs": 3,
        "training.steps_per_epoch": 40,
        "training.steps_per_execution": 10,
        "training.batch_size": 64,
        "training.validation_targets": 500,
        "training.ema": 0.9,
        "data.pool": 2000,
        "network.dropout": 0.1,
        "mining.buffer": 64,
    }
    return make_config("nano", overrides=values)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory, tiny_config):
    """The run folder of that training, to be read only."""
    from edge_ik import preparation, training

    folder = tmp_path_factory.mktemp("runs") / "tiny"
    training.train(*preparation.start(tiny_config, folder))
    return folder


@pytest.fixture(scope="session")
def tiny_export(tmp_path_factory, tiny_folder):
    """That run in every format: the folder written, and what export returned."""
    from edge_ik_tools.convert import FORMATS
    from edge_ik_tools.export import export

    out = tmp_path_factory.mktemp("export") / "tiny"
    return out, export(tiny_folder, list(FORMATS), out=out, targets=500)
