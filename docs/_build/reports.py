"""The reports of the models that the repository ships, written while the pages are built."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# Where they are written, below the root: commands in them are for those who stand there.
FOLDER = Path("build/reports")


def shipped_models(root: Path) -> dict[str, Path]:
    """The models by their robot's folder."""
    return {path.parent.name: path for path in sorted((root / "artifacts").glob("*/*.tflite"))}


def report_command(root: Path, model: Path) -> list[str]:
    """The command that writes the page of a model below the root, as it is given there.

    A page shows the command that made it, and others of its model: no path of this machine.
    """
    out = FOLDER / f"{model.parent.name}.html"
    return ["edge-ik", "report", str(model.relative_to(root)), "--out", str(out)]


def reports(root: Path) -> dict[str, bytes]:
    """Pages by path, as `edge-ik report` writes them.

    Raises:
        subprocess.CalledProcessError: If one cannot be written.
    """
    written = {}
    for name, model in shipped_models(root).items():
        _, *words = report_command(root, model)
        command = [sys.executable, "-m", "edge_ik", *words]
        subprocess.run(command, cwd=root, check=True, stdout=subprocess.DEVNULL)
        written[f"reports/{name}.html"] = (root / words[-1]).read_bytes()
    return written
