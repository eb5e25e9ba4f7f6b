"""What every test can use, in an environment with TensorFlow or without."""

import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# Shared machines are slow at times, and a failure must come back when it is looked at.
settings.register_profile("edge_ik", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("edge_ik")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("tensorflow") and not importlib.util.find_spec("tensorflow"):
        pytest.skip("needs TensorFlow: pip install 'edge-ik[train]'")


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
