"""Records of models that were made to break something: taken rightly, or refused in a sentence."""

import copy
import random

import numpy as np
import pytest

from firmware_host.errors import ModelFileError
from firmware_host.inspect_model import inspect_model, inspection_tables
from firmware_host.model_file import read_model, write_model
from firmware_host.solver import IkSolver

COUNT = 300
VALUES = (
    *(None, True, 0, -1, 1, 1e-300, 1e6, -1e6, 99.9, 1e4, 10**400, 2**63, -0.0, 0.5),
    *(
        "",
        "x",
        "[/foo]",
        "\u202e",
        "a\nb",
        "revolute",
        "prismatic",
        "continuous",
        "nan",
        "x" * 9999,
    ),
    *([], {}, [[]], [1], [0, 0, 0], {"a": 1}),
)
FACTORS = (-1, 0, 1e3, 1e-6, 1 + 1e-9, 2)


def paths(values, path=()):
    """The path of everything in a record."""
    if path:
        yield path
    parts = values.items() if isinstance(values, dict) else enumerate(values)
    for key, value in parts:
        if isinstance(value, dict | list):
            yield from paths(value, (*path, key))
        else:
            yield (*path, key)


def changed(rng, record):
    """A copy of a record with one or two things taken out, put in, scaled, or replaced."""
    record = copy.deepcopy(record)
    for _ in range(rng.randint(1, 2)):
        *way, key = rng.choice([path for path in paths(record) if path[0] != "provenance"])
        at = record
        for step in way:
            at = at[step]
        match rng.randrange(4):
            case 0:
                del at[key]
            case 1 if isinstance(at, list):
                at.insert(key, copy.deepcopy(rng.choice(VALUES)))
            case 2 if isinstance(at[key], float):
                at[key] *= rng.choice(FACTORS)
            case _:
                at[key] = copy.deepcopy(rng.choice(VALUES))
    return record


@pytest.mark.parametrize("rng_seed", range(3))
def test_each_is_taken_rightly_or_refused_in_a_sentence(rng_seed, planar_model, tmp_path):
    rng, path = random.Random(rng_seed), tmp_path / "model.tflite"
    flatbuffer, record = read_model(planar_model)
    taken, told = 0, []
    for _ in range(COUNT // 3):
        write_model(path, flatbuffer, changed(rng, record))
        try:
            solver = IkSolver.load(path, "reference")
            inspection_tables(inspect_model(path))
        except ModelFileError as error:
            told.append(str(error))
            continue
        taken += 1
        near = np.zeros(len(solver.chain))
        for target in ([0.3, 0.1, 0.0], [1e6, 0.0, 0.0]):
            for found in (solver.solve(target), solver.solve(target, near)):
                assert np.isfinite(found.q).all()
                assert found.within_limits
    assert all(sentence.isprintable() and len(sentence) < 2000 for sentence in told)
    assert COUNT / 60 < taken < COUNT / 3
