"""Silence for what native libraries write past every logger."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from firmware_host.errors import EdgeIkError


@contextmanager
def quiet_native_log() -> Iterator[None]:
    """Hold back what is written to standard error; show it if the block fails.

    An `EdgeIkError` is no failure of a library: its sentence says all, so nothing is shown.
    TensorFlow's start-up notes on missing GPU drivers, and its converter's, ignore its
    own log level.
    """
    try:
        kept = os.dup(2)
    except OSError:  # No standard error, so nothing to hold back.
        yield
        return
    try:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
    except OSError:  # No room to hold anything back.
        os.close(kept)
        yield
        return
    sys.stderr.flush()
    with file as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except EdgeIkError:
            raise
        except Exception:
            os.dup2(kept, 2)
            held.seek(0)
            os.write(2, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
