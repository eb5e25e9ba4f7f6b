"""The benchmark as tables."""

import json

from firmware_host.bench.measure import bench
from firmware_host.bench.report import bench_tables

SIZES = (1, 7)


def test_the_tables_show_all_of_it(planar_model):
    values = bench(planar_model, ("reference",), 5, 2, batch_sizes=SIZES).to_dict()
    single, batch, machine = bench_tables(json.loads(json.dumps(values)))
    for table in (single, batch, machine):
        assert all(len(row) == len(table.columns) for row in table.rows)
    assert [row[0] for row in single.rows[:3]] == [
        "reference: network",
        "reference: 2 DLS steps",
        "reference: whole solve",
    ]
    assert batch.columns == ("", "1", "7", "MB", "peak")
    values["runtimes"]["reference"] |= {"rss_bytes": None, "peak_rss_bytes": None}
    values["machine"]["load"] = None
    # Firmware tells what its C takes, which Python around it would hide.
    times = values["runtimes"]["reference"]["single_us"]
    times |= {"native": times["total"], "refinement": None}
    single, batch, machine = bench_tables(values)
    names = ("network in C", "whole solve in C", "whole solve")
    assert [row[0] for row in single.rows[:3]] == [f"reference: {name}" for name in names]
    assert batch.rows[0][-2:] == ("-", "-")
    assert ("load", "unknown") in machine.rows
