"""The reports of the models that the repository ships, written while the pages are built."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path


def shipped_models(root: Path) -> dict[str, Path]:
    """The models by their robot's folder."""
    return {path.parent.name: path for path in sorted((root / "artifacts").glob("*/*.tflite"))}


def reports(root: Path) -> dict[str, bytes]:
    """Pages by path, as `edge-ik report` writes them.

    Raises:
        subprocess.CalledProcessError: If one cannot be written.
    """
    written = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, model in shipped_models(root).items():
            out = Path(folder) / f"{name}.html"
            command = [sys.executable, "-m", "edge_ik", "report", str(model), "--out", str(out)]
            subprocess.run(command, cwd=root, check=True, stdout=subprocess.DEVNULL)
            written[f"reports/{name}.html"] = out.read_bytes()
    return written
