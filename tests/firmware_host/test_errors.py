"""Optional dependencies: one that is missing, and one that is there and broken."""

import sys

import pytest

from firmware_host.errors import BrokenPackageError, MissingExtraError, optional_import


def test_a_package_that_is_missing_is_told_with_its_extra():
    with (
        pytest.raises(MissingExtraError, match=r"'some-one', which is not installed.*\[serial\]"),
        optional_import("some-one", "serial", "Trying", "some_one_missing"),
    ):
        import some_one_missing  # noqa: F401


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("raise ImportError('libfoo.so: no such file')", "ImportError: libfoo.so: no such file"),
        ("import another_one_missing", "No module named 'another_one_missing'"),
        ("undefined", "NameError: name 'undefined' is not defined"),
    ],
)
def test_a_package_that_is_broken_is_told_with_its_own_words(tmp_path, monkeypatch, text, told):
    (tmp_path / "broken_one.py").write_text(text + "\n")
    monkeypatch.syspath_prepend(tmp_path)
    with (
        pytest.raises(BrokenPackageError, match=f"Trying needs.*{told}.*--force-reinstall"),
        optional_import("broken_one", "serial", "Trying"),
    ):
        import broken_one  # noqa: F401
    assert "broken_one" not in sys.modules


def test_a_package_that_is_there_is_imported():
    with optional_import("json", "serial", "Trying"):
        import json
    assert json.loads("1") == 1
