"""What visitors ask for while something else is being done: all of it, in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

Act = Callable[..., None]
"""Does what was asked for, with the values that it was asked for with."""


class _Wish(NamedTuple):
    act: Act
    values: tuple[Any, ...]
    latest: bool


class Wishes:
    """A queue of things to do, each with the values that it was asked for with."""

    def __init__(self) -> None:
        self._waiting: deque[_Wish] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, act: Act, *values: Any, latest: bool = False) -> None:
        """Ask for something.

        Args:
            act: What to do.
            values: What it is called with.
            latest: Whether of several in a row that wait the last is enough, as of a drag.
        """
        with self._changed:
            before = self._waiting[-1] if self._waiting else None
            if before and before.latest and latest and before.act == act:
                self._waiting.pop()
            self._waiting.append(_Wish(act, values, latest))
            self._changed.notify()

    def take(self) -> Callable[[], None] | None:
        """Wait for the next thing to do; None once nothing is done any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._closed:
                return None
            wish = self._waiting.popleft()
        return lambda: wish.act(*wish.values)

    def waits(self, act: Act) -> bool:
        """Whether something is still to be done."""
        with self._changed:
            return any(wish.act == act for wish in self._waiting)

    def close(self) -> None:
        """Do nothing any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
