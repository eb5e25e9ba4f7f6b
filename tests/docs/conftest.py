"""What makes the pages."""

import importlib

import pytest


@pytest.fixture
def pages_module(source_root, monkeypatch):
    """Function that imports a module of those that mkdocs is given, by its name."""
    monkeypatch.syspath_prepend(source_root / "docs" / "_build")
    return importlib.import_module
