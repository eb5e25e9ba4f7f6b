"""Pictures of the pages, drawn while they are built."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from edge_ik.arms.builtin import builtin_arms
from edge_ik.arms.load import load_arm
from edge_ik.arms.plot import plot


def pictures() -> dict[str, bytes]:
    """Every built-in robot at its home posture, as `edge-ik arms --plot` draws it."""
    drawn = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, arm in builtin_arms().items():
            path = Path(folder) / f"{name}.svg"
            plot(load_arm(name), np.array(arm.home), path)
            drawn[f"pictures/{name}.svg"] = path.read_bytes()
    return drawn
