"""A page of a model, and what its server takes of memory."""

import os
from pathlib import Path

import pytest

from edge_ik_tools.view.serve import of_model, start


@pytest.fixture
def model(source_root):
    return source_root / "artifacts" / "arm3" / "arm3-int8.tflite"


@pytest.fixture
def page(model):
    made = start(of_model(model, "reference"), port=0)
    yield made
    made.close()


@pytest.fixture(scope="session")
def resident():
    """Function that gives the memory of this process, in which pages are served [bytes]."""

    def read():
        pages = Path("/proc/self/statm").read_text().split(maxsplit=2)[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    return read
