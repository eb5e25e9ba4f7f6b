"""Wishes are done in the order of asking; of a drag the last place is enough."""

import threading

from edge_ik_tools.view.wishes import Wishes


def test_all_is_done_but_what_a_later_move_replaces():
    wishes, done = Wishes(), []

    def drag(place):
        done.append(("drag", place))

    def slide(place):
        done.append(("slide", place))

    def click(place):
        done.append(("click", place))

    wishes.put(click, 0)
    for place in (1, 2, 3):
        wishes.put(drag, place, latest=True)
    wishes.put(slide, 4, latest=True)
    wishes.put(drag, 5, latest=True)
    wishes.put(click, 6)
    wishes.put(click, 7)
    assert wishes.waits(slide)
    while wishes.waits(click):
        wishes.take()()
    assert done == [
        ("click", 0),
        ("drag", 3),
        ("slide", 4),
        ("drag", 5),
        ("click", 6),
        ("click", 7),
    ]
    assert not wishes.waits(slide)


def test_closing_ends_the_waiting():
    wishes, taken = Wishes(), []
    waiting = threading.Thread(target=lambda: taken.append(wishes.take()))
    waiting.start()
    wishes.close()
    waiting.join(5)
    assert taken == [None]
