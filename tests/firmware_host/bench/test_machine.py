"""What the machine tells of itself, and what it does not."""

import sys

from firmware_host.bench import machine
from firmware_host.bench.machine import current_memory, describe_machine, peak_memory


def test_memory_is_told_where_the_system_tells_it(monkeypatch):
    current, peak = current_memory(), peak_memory()
    if current is not None and peak is not None:
        assert 1e6 < current < 1.1 * peak
    monkeypatch.setitem(sys.modules, "resource", None)
    assert peak_memory() is None
    monkeypatch.setattr(machine, "Path", lambda _: (_ for _ in ()).throw(OSError("no /proc")))
    assert current_memory() is None
    assert describe_machine()["processor"]
