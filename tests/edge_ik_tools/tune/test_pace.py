"""When a training is told to take how long, and when it is stopped."""

import pytest

pytest.importorskip("tensorflow")

from edge_ik.watcher import Progress
from edge_ik_tools.tune.pace import Clock, Pace, TimeIsUp, TooLong

pytestmark = pytest.mark.tensorflow


class Hand:
    """A clock that is set by hand."""

    spent = 0.0


def row(step):
    return {"step": float(step), "solved": 0.5}


class Training:
    """What a Pace of 100 steps an epoch makes of progress at certain times."""

    def __init__(self, limit=1000.0, steps=1000, may_shorten=True):
        self.clock, self.steps = Hand(), steps
        self.told, self.reported, self.saved = [], [], 0
        self.pace = Pace(
            self.clock, limit, 100, may_shorten, self.told.append, self.reported.append, self.save
        )

    def save(self):
        self.saved += 1

    def at(self, seconds, step, epoch=None):
        self.clock.spent = seconds
        self.pace(Progress(step, self.steps, None if epoch is None else row(epoch)))


def test_the_pace_is_told_once_compilation_aside():
    training = Training()
    training.at(0, 0)
    training.at(30, 10)
    training.at(31, 20)
    assert training.told == []
    training.at(40, 110)
    training.at(50, 210)
    (line,) = training.told
    assert line.startswith("10 steps a second: about 89 s to go, 40 s of 16.7 min used")
    assert len(training.reported) == 5


def test_a_training_that_will_not_end_in_time_is_begun_anew_with_what_fits():
    training = Training(limit=50)
    training.at(0, 0)
    training.at(10, 10)
    with pytest.raises(TooLong) as found:
        training.at(20, 110)
    assert found.value.start_seconds == 10
    # 10 s an epoch, and a reserve.
    assert found.value.seconds_an_epoch == pytest.approx(11)


def test_one_that_may_not_be_shortened_runs_until_the_time_is_up():
    training = Training(limit=50, may_shorten=False)
    training.at(0, 0)
    training.at(10, 10)
    training.at(20, 110, 100)
    training.at(51, 150, 100)
    assert training.saved == 1
    with pytest.raises(TimeIsUp):
        training.at(60, 200, 200)
    assert training.saved == 2


def test_the_last_epoch_is_not_cut_off():
    training = Training(limit=50, steps=200)
    training.at(0, 100, 100)
    training.at(10, 150, 100)
    training.at(60, 200, 200)
    assert training.saved == 1


def test_a_late_surprise_does_not_begin_it_anew():
    training = Training(limit=200)
    training.at(0, 0)
    training.at(10, 10)
    training.at(50, 410, 400)
    training.at(190, 500, 400)


def test_an_epoch_done_before_is_not_one_of_this_process():
    training = Training(limit=5, may_shorten=False)
    training.at(10, 100, 100)
    training.at(11, 110, 100)
    assert training.saved == 0


def test_a_clock_goes_on_from_what_was_used():
    clock = Clock(100.0)
    assert 100 <= clock.spent < 101
    assert clock.spent <= clock.spent
