"""Signals that ask for the end: commands end as with Ctrl-C, with a status of their own."""

import contextlib
import signal
import threading

import pytest

from edge_ik.cli import main
from edge_ik.cli.signals import ASKING, Interrupted, signals_interrupt, status

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no SIGHUP")


class Closed:
    """Something that is tidied up."""

    def __init__(self, close):
        self.close = close


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_block_and_what_is_to_be_tidied_up_is(number):
    before, tidied = [signal.getsignal(each) for each in ASKING], []
    with (
        pytest.raises(Interrupted) as caught,
        signals_interrupt(),
        # A second one would end the process at once.
        contextlib.closing(Closed(lambda: tidied.append(signal.getsignal(number)))),
    ):
        signal.raise_signal(number)
    assert tidied == [signal.SIG_DFL]
    assert status(caught.value) == 128 + number
    assert [signal.getsignal(each) for each in ASKING] == before


def test_one_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals_interrupt():
            signal.raise_signal(signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_thread_beside_the_main_one_changes_nothing():
    seen = []

    def look():
        with signals_interrupt():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_command_says_that_it_was_interrupted(run, monkeypatch, number):

    def callback(**_):
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        signal.raise_signal(number)

    monkeypatch.setattr(main.commands["inspect"], "callback", callback)
    result = run("inspect", "model.tflite")
    assert result.exit_code == 128 + number
    assert result.stderr == "Interrupted.\n"
