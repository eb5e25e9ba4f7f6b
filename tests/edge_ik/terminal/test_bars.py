"""The bar: what it says in how many columns, and what it leaves of a terminal."""

import io
import itertools
import re
import time
from collections import deque

import pytest
from rich.cells import cell_len
from rich.console import Console

from edge_ik.terminal import bars
from edge_ik.terminal.bars import bar, telling
from edge_ik.terminal.screen import Screen
from firmware_host.progress import Done

# A bar goes on while lines are told and something native writes to the terminal.
WORK = r"""
import os, signal, sys, time
from edge_ik.terminal import bars
from edge_ik.terminal.bars import telling
from edge_ik.terminal.screen import Screen
from firmware_host.progress import Done

bars.DRAWN_A_SECOND = 20
how, screen = sys.argv[1], Screen(stderr="json" in sys.argv)
with telling(screen, ticking="still" not in sys.argv) as tell:
    tell("Converting to int8")
    for done in range(0, 2001, 250):
        tell(Done("Verifying int8", done, 2000))
        time.sleep(0.02)
        if done == 1000:
            time.sleep(0.1)
            os.write(2, b"native: no GPU\nand")
            time.sleep(0.1)
            os.write(2, b" more\n")
            time.sleep(0.1)
            if how == "interrupted":
                os.kill(os.getpid(), signal.SIGINT)
            if how == "fails":
                raise SystemExit("Error: disk full")
            if how == "aborts":
                os.write(2, b"native: check failed\n")
                os.abort()
    tell("Wrote it")
    if "json" in sys.argv:
        print("{}")
"""
LINES = ["Converting to int8", "native: no GPU", "and more", "Wrote it"]


def shown_bars(ended):
    return [line for line in ended.display.seen if "%" in line]


class TestTerminal:
    def test_lines_are_left_and_the_bar_is_gone(self, in_terminal):
        ended = in_terminal("-c", WORK, "works")
        assert (ended.code, ended.display.lines) == (0, LINES), ended.raw
        assert ended.display.cursor_shown
        assert ended.display.wrapped == []
        shown = shown_bars(ended)
        assert shown
        assert all(line.startswith("Verif") for line in shown)
        assert max(map(len, shown)) < 40
        assert any("━" in line for line in shown)
        assert any("/s" in line for line in shown)
        assert ("\x1b[38;5;" in ended.raw) or ("\x1b[38;2;" in ended.raw)

    def test_no_colour_and_no_width(self, in_terminal):
        ended = in_terminal("-c", WORK, "works", "still", columns=0, NO_COLOR="1")
        assert ended.display.lines == LINES
        shown = shown_bars(ended)
        assert shown
        assert max(map(len, shown)) < bars.UNKNOWN_COLUMNS
        assert not re.search(r"\x1b\[[\d;]*m", ended.raw)

    def test_json_goes_to_its_pipe_alone(self, in_terminal):
        ended = in_terminal("-c", WORK, "works", "json", piped="stdout")
        assert ended.piped == "{}\n"
        assert ended.display.lines == LINES
        assert shown_bars(ended)

    def test_standard_error_stays_in_its_file(self, in_terminal):
        ended = in_terminal("-c", WORK, "works", piped="stderr")
        assert ended.piped.splitlines() == ["native: no GPU", "and more"]
        assert ended.display.lines == ["Converting to int8", "Wrote it"]
        assert shown_bars(ended)

    @pytest.mark.parametrize(
        ("how", "code", "last"),
        [("interrupted", -2, "KeyboardInterrupt"), ("fails", 1, "Error: disk full")],
    )
    def test_it_is_gone_when_work_ends_early(self, in_terminal, how, code, last):
        ended = in_terminal("-c", WORK, how)
        assert ended.code == code
        assert ended.display.lines[:3] == LINES[:3]
        assert ended.display.lines[-1] == last
        assert ended.display.cursor_shown
        assert not any("%" in line for line in ended.display.lines)

    def test_what_a_crash_says_is_not_lost(self, in_terminal):
        ended = in_terminal("-c", WORK, "aborts")
        assert ended.code == -6
        assert "Fatal Python error: Aborted" in ended.raw


def drawn(done, columns, **console):
    """The line of a bar that has come so far, after a minute."""
    screen = Console(file=io.StringIO(), force_terminal=True, width=columns, **console)
    found = bars.Bar(screen)
    found.show(Done(done.what, 0, done.total, done.unit))
    found._samples = deque([(time.perf_counter() - 60, 0)])
    found.show(done)
    with screen.capture() as captured:
        screen.print(found, end="")
    return re.sub(r"\x1b\[[\d;]*m", "", captured.get()).rstrip("\n")


class TestLine:
    def test_a_wide_one_names_the_unit(self):
        line = drawn(Done("litert, solve", 1500, 2000), 100)
        assert re.fullmatch(r"litert, solve [━╸╺]+ +75% 25 targets/s 0:(20|19) left", line), line

    def test_a_narrow_one_is_short(self):
        line = drawn(Done("litert, solve", 1500, 2000), 40)
        assert re.fullmatch(r"litert, solve [━╸╺]+ +75% 25/s 0:(20|19)", line), line

    def test_it_fits(self):
        what = "solved 99.12%, 関節 RMSE 1.2 mm, max 3 mm, rotation 0.1 deg, joint 0.1 deg"
        for columns, count in itertools.product(range(1, 130), (0, 1, 10**9 // 3, 10**9)):
            line = drawn(Done(what, count, 10**9), columns)
            assert "\n" not in line
            assert cell_len(line) <= max(1, columns - 1), (columns, line)

    def test_it_is_never_whole_before_the_end(self):
        assert " 99%" in drawn(Done("x", 1999, 2000), 60)
        assert "100%" in drawn(Done("x", 2000, 2000), 60)

    def test_what_cannot_be_counted_takes_time(self):
        assert re.fullmatch(r"[|/\\-] Comparing: 0 s", drawn(Done("Comparing"), 60))

    @pytest.mark.parametrize("encoding", ["cp437", "cp1252", "ascii", "utf-8"])
    @pytest.mark.parametrize("legacy", [False, True])
    def test_every_encoding_has_it(self, encoding, legacy):
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding=encoding, errors="strict", write_through=True)
        screen = Console(
            file=stream, force_terminal=True, width=40, legacy_windows=legacy, no_color=True
        )
        with telling(screen, ticking=False) as tell:
            tell(Done("Gelenk ß → 関節, lang und länger", 0, 2000))
            tell("A line")
            time.sleep(1.1 / bars.DRAWN_A_SECOND)
            tell(Done("Gelenk ß → 関節, lang und länger", 900, 2000))
        text = raw.getvalue().decode(encoding)
        assert "A line" in text
        assert " 45%" in text
        assert ("━" in text) == (encoding == "utf-8" and not legacy)
        assert ("--" in text) == (encoding != "utf-8" or legacy)

    def test_a_name_acts_on_nothing(self):
        assert "\\x1b[2J" in drawn(Done("\x1b[2J\n", 1, 2), 100)


class TestTelling:
    def test_without_a_terminal_there_are_lines_alone(self):
        screen = Console(file=io.StringIO(), width=40)
        with telling(screen) as tell:
            tell("Converting")
            tell(Done("Solving", 1, 2))
            tell(Done("qat", 1, 2, "steps", "qat: step 1/2"))
        assert screen.file.getvalue() == "Converting\nqat: step 1/2\n"

    def test_a_dumb_terminal_gets_lines(self, monkeypatch):
        monkeypatch.setenv("TERM", "dumb")
        screen = Console(file=io.StringIO(), force_terminal=True)
        with telling(screen) as tell:
            tell("Converting")
            tell(Done("Solving", 1, 2))
        assert screen.file.getvalue() == "Converting\n"

    def test_what_is_quiet_says_nothing(self):
        screen = Console(file=io.StringIO(), force_terminal=True, quiet=True)
        with telling(screen) as tell:
            tell(Done("Solving", 1, 2))
        assert screen.file.getvalue() == ""

    def test_one_within_another_takes_its_place_for_a_while(self):
        screen = Console(file=io.StringIO(), force_terminal=True, width=40)
        with bar(screen, "Preparing") as outer, telling(screen) as tell:
            tell(Done("Solving", 1, 2))
            assert outer.done is not None
        with bar(screen, "Preparing") as outer:
            with telling(screen) as tell:
                tell(Done("Solving", 1, 2))
            assert (outer.words, outer.done) == ("Preparing", None)

    def test_a_bar_that_is_told_often_is_drawn_rarely(self):
        screen = Console(file=io.StringIO(), force_terminal=True, width=40)
        with telling(screen, ticking=False) as tell:
            for number in range(20_000):
                tell(Done("Solving", number, 20_000))
        # At the beginning, at the end, and a few times a second.
        assert screen.file.getvalue().count("Solving") < 30

    def test_a_command_that_is_piped_has_no_terminal(self, monkeypatch):
        monkeypatch.setenv("FORCE_COLOR", "1")
        screen = Screen()
        assert screen.is_terminal
        assert not screen.is_interactive
