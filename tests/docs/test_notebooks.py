"""The notebooks run from their first cell to their last, at a small scale."""

import json
import os
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
# Instead of the values in the cell that is tagged so.
SMALL = {"EPOCHS": "1", "TARGETS": "500", "SECONDS": "0.2"}


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_there_are_three_without_output():
    assert len(NOTEBOOKS) == 3
    for path in NOTEBOOKS:
        cells = [cell for cell in read(path)["cells"] if cell["cell_type"] == "code"]
        assert not any(cell["outputs"] or cell["execution_count"] for cell in cells)
        assert sum("parameters" in cell["metadata"].get("tags", ()) for cell in cells) == 1


def small(notebook):
    """The notebook with the values of `SMALL`."""
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", ()):
            lines = [line.split(" = ") for line in cell.source.splitlines()]
            cell.source = "\n".join(f"{name} = {SMALL.get(name, value)}" for name, value in lines)
    return notebook


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path, tmp_path, monkeypatch):
    bin_folder = str(Path(sys.executable).parent)
    monkeypatch.setenv("PATH", f"{bin_folder}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "artifacts").symlink_to(ROOT / "artifacts")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = small(nbformat.reads(path.read_text(encoding="utf-8"), as_version=4))
    client = nbclient.NotebookClient(
        notebook, timeout=500, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    texts = [
        output.get("text", "")
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]
    said = "".join(texts)
    assert "Error:" not in said
    assert "Traceback" not in said
