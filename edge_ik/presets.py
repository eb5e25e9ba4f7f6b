"""Sizes of network and training by name."""

from __future__ import annotations

from typing import Any

SHORT = {"epochs": 16, "learning_rate": 1e-2}

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    # Everything is chosen by the task and the joints; see `edge_ik.sizing`.
    "auto": {},
    "nano": {"network": {"width": 8, "blocks": 1}, "training": SHORT},
    "micro": {"network": {"width": 16, "blocks": 2}, "training": SHORT},
    "edge": {
        "network": {"width": 64, "blocks": 3},
        "training": {"epochs": 32, "learning_rate": 5e-3},
    },
    "capstone": {
        "network": {"width": 2048, "blocks": 10, "dropout": 0.1},
        "training": {
            "epochs": 30,
            "steps_per_epoch": 200,
            "steps_per_execution": 1,
            "batch_size": 128,
            "learning_rate": 3e-4,
            # As the study's, it is no network of integers.
            "grid_start": 1.0,
            "validation_targets": 2000,
        },
    },
}
DEFAULT_PRESET = "auto"
