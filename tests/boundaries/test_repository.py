"""What the repository may hold."""

import subprocess

import pytest

LARGEST_FILE = 1024 * 1024  # bytes
LARGEST_PICTURE = 300 * 1000  # bytes: a README is read over slow lines too


@pytest.fixture(scope="module")
def tracked_files(source_root):
    if not (source_root / ".git").exists():
        pytest.skip("not a git checkout")
    # The checkout may belong to another user than the one who runs the tests.
    command = ["git", "-c", f"safe.directory={source_root}", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=source_root, capture_output=True, text=True, check=True)
    paths = [source_root / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_no_tracked_file_is_large(tracked_files):
    assert tracked_files
    large = {str(path): path.stat().st_size for path in tracked_files}
    assert {path: size for path, size in large.items() if size > LARGEST_FILE} == {}


def test_no_tracked_picture_is_large(tracked_files):
    pictures = [path for path in tracked_files if path.suffix in {".png", ".svg", ".jpg", ".gif"}]
    assert pictures
    large = {str(path): path.stat().st_size for path in pictures}
    assert {path: size for path, size in large.items() if size > LARGEST_PICTURE} == {}
