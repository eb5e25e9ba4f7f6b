"""Looks for the smallest tensor arena of a network, in a process that the library may end.

Where an arena is too small, TensorFlow Lite Micro says so or, between some sizes, writes beyond
it and takes the process with it. So each size is told before it is tried:

    python -m edge_ik_tools.tflm.probe TOO_SMALL ENOUGH < network

tries sizes between the two (ENOUGH may be 0: not known yet) and writes a line "SIZE 1" for one
that serves, "SIZE 0" for one that does not, and "SIZE " for the one that it ended at.
"""

from __future__ import annotations

import sys

# TensorFlow Lite Micro aligns what it puts into the arena to this.
ALIGNMENT = 16
FIRST = 1024


def next_size(too_small: int, enough: int) -> int | None:
    """The size to try between what was too small and what is enough, or 0; None if found."""
    if not enough:
        return max(FIRST, 2 * too_small)
    if enough - too_small <= ALIGNMENT:
        return None
    return -(-((too_small + enough) // 2 - ALIGNMENT // 2) // ALIGNMENT) * ALIGNMENT


def main() -> None:
    """Try sizes until the smallest is found."""
    from tflite_micro.python.tflite_micro import runtime

    too_small, enough = map(int, sys.argv[1:])
    flatbuffer = sys.stdin.buffer.read()
    while (size := next_size(too_small, enough)) is not None:
        _tell(f"{size} ")
        try:
            runtime.Interpreter.from_bytes(flatbuffer, arena_size=size)
        except RuntimeError:
            too_small = size
        else:
            enough = size
        _tell(f"{int(enough == size)}\n")


def _tell(text: str) -> None:
    """Write at once: the process may end before anything more is written."""
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
