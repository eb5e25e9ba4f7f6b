"""Trainings of seconds for what goes on until a goal is met."""

import importlib.util
import os
from contextlib import nullcontext

import pytest

from firmware_host.installed import install_command


@pytest.fixture
def require_optuna():
    """Skip the test, or fail it, where Optuna is missing: EDGE_IK_REQUIRE_TOOLS=1 decides."""
    if importlib.util.find_spec("optuna") is None:
        advice = f"Optuna is missing: {install_command('search')}"
        if os.environ.get("EDGE_IK_REQUIRE_TOOLS", "0") not in ("", "0"):
            pytest.fail(advice, pytrace=False)
        pytest.skip(advice)


@pytest.fixture
def silently():
    """What a goal or a search shows people, when nobody looks."""
    from edge_ik.watcher import silent
    from firmware_host.progress import untold

    return {
        "preparing": nullcontext,
        "reporting": lambda: nullcontext(silent),
        "measuring": lambda: nullcontext(untold),
    }
