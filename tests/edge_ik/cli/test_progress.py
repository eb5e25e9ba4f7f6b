"""What is told while a training is prepared and goes on: passing seconds, and how long it takes."""

import io
import re
import time
from pathlib import Path

import pytest

pytest.importorskip("tensorflow")

from rich.console import Console

from edge_ik.cli import progress
from edge_ik.cli.progress import TimeTold, passing_seconds, progress_report
from edge_ik.watcher import Progress

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def screen():
    return Console(file=io.StringIO(), width=200)


def told(screen):
    return screen.file.getvalue().splitlines()


class TestPassingSeconds:
    def test_they_are_told_every_now_and_then(self, screen, monkeypatch):
        monkeypatch.setattr(progress, "TOLD_EVERY", 0.05)
        with passing_seconds(screen, "Preparing", time.perf_counter() - 7):
            time.sleep(0.2)
        lines = told(screen)
        assert len(lines) >= 2
        assert set(lines) == {"Preparing: 7 s"}

    def test_what_is_quick_says_nothing(self, screen):
        with passing_seconds(screen, "Preparing"):
            pass
        assert told(screen) == []

    def test_an_error_goes_through_and_ends_them(self, screen, monkeypatch):
        monkeypatch.setattr(progress, "TOLD_EVERY", 0.01)
        with pytest.raises(KeyboardInterrupt), passing_seconds(screen, "Preparing"):
            raise KeyboardInterrupt
        lines = told(screen)
        time.sleep(0.05)
        assert told(screen) == lines

    def test_a_terminal_shows_one_line(self):
        screen = Console(file=io.StringIO(), force_terminal=True, width=80)
        with passing_seconds(screen, "Preparing", time.perf_counter() - 7):
            time.sleep(0.1)
        assert "Preparing: 7 s" in screen.file.getvalue()


class TestTimeTold:
    @pytest.fixture
    def training(self, screen, monkeypatch):
        """Function of seconds since the command began and of progress, with 10 s of preparation."""
        now = [10.0]
        monkeypatch.setattr(time, "perf_counter", lambda: now[0])
        passed = []
        told = TimeTold(screen, passed.append, began=0.0)

        def at(seconds, step, row=None):
            now[0] = float(seconds)
            told(Progress(step, 1000, None if row is None else {"step": float(row)}))
            return passed

        return at

    def test_all_of_it_is_told_from_the_first_steps(self, training, screen):
        training(10, 0)
        training(20, 100)
        assert told(screen) == []
        training(30, 200)
        (line,) = told(screen)
        # 30 s are over, and 800 steps take 10 s each hundred.
        assert line == (
            "It will take about 1.8 min: 10 s of preparation, then 1,000 steps at 10 a second."
        )
        assert len(training(40, 300)) == 4
        assert len(told(screen)) == 1

    def test_validations_that_take_long_are_told_too(self, training, screen):
        training(10, 0)
        training(20, 100)
        training(30, 200)
        training(60, 300, row=300)
        assert told(screen)[1:] == ["With validations about 3.3 min in all."]
        training(100, 400, row=400)
        assert len(told(screen)) == 2

    def test_validations_that_are_quick_are_not(self, training, screen):
        training(10, 0)
        training(20, 100)
        training(30, 200)
        training(41, 300, row=300)
        assert len(told(screen)) == 1

    def test_a_resumed_training_counts_its_own_steps(self, training, screen):
        training(10, 500)
        training(20, 600)
        training(30, 700)
        assert "then 500 steps at 10 a second" in told(screen)[0]

    def test_a_training_that_is_over_says_nothing(self, training, screen):
        training(10, 1000)
        assert told(screen) == []


ROW = {"step": 500.0, "solved": 0.99, "rmse_m": 0.002, "max_m": 0.01}


# What goes on until a goal is met tells lines alone, and has contexts for the rest.
LINES_ALONE = {"goal.py", "search.py"}


def test_no_command_prints_what_is_counted():
    commands = Path(progress.__file__).parent.glob("*.py")
    printed = re.compile(r"screen\.print\s*[,)]")
    found = {path.name for path in commands if printed.search(path.read_text(encoding="utf-8"))}
    assert found == LINES_ALONE


class TestBar:
    def test_a_training_has_one_with_the_last_figures(self):
        screen = Console(file=io.StringIO(), force_terminal=True, width=100, no_color=True)
        with progress_report(screen) as report:
            for step, row in ((0, None), (250, None), (500, ROW)):
                report(Progress(step, 1000, row))
                time.sleep(0.5)
        text = screen.file.getvalue()
        assert "Compiling: 0 s" in text
        assert re.search(r"Training ━+ +25%", text)
        assert re.search(r"solved 99.00%, network RMSE 2.* ━+ +50% \d+ steps/s 0:0\d left", text)

    def test_a_narrow_one_says_what_is_solved(self):
        screen = Console(file=io.StringIO(), force_terminal=True, width=40, no_color=True)
        with progress_report(screen) as report:
            report(Progress(0, 1000, None))
            report(Progress(500, 1000, ROW))
        assert re.search(r"solved 99.00%, network … ━+╸ +50%", screen.file.getvalue())

    def test_an_interruption_ends_it(self):
        screen = Console(file=io.StringIO(), force_terminal=True, width=40)
        with pytest.raises(KeyboardInterrupt), progress_report(screen):
            raise KeyboardInterrupt
        # The cursor is shown again, and the line gone.
        assert screen.file.getvalue().endswith("\x1b[?25h\r\x1b[1A\x1b[2K")


class TestLines:
    def test_seconds_pass_until_the_first_steps_are_done(self, screen, monkeypatch):
        monkeypatch.setattr(progress, "TOLD_EVERY", 0.05)
        with progress_report(screen) as report:
            report(Progress(500, 1000, None))
            time.sleep(0.2)
            lines = told(screen)
            assert len(lines) >= 2
            assert set(lines) == {"Compiling: 0 s"}
            report(Progress(600, 1000, None))
            lines = told(screen)
            time.sleep(0.2)
            assert told(screen) == lines

    def test_a_training_that_fails_ends_them(self, screen, monkeypatch):
        monkeypatch.setattr(progress, "TOLD_EVERY", 0.01)
        with pytest.raises(KeyboardInterrupt), progress_report(screen):
            raise KeyboardInterrupt
        lines = told(screen)
        time.sleep(0.05)
        assert told(screen) == lines
