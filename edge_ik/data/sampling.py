"""Samples of joint space, uniform in a region."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edge_ik.data.region import Region
from firmware_host.chain import FloatArray
from firmware_host.errors import RobotError
from firmware_host.kinematics import tool_position


@dataclass(frozen=True)
class Coverage:
    """What a region keeps of everything that the joint limits allow.

    Attributes:
        joint_space: Share of joint space inside the region.
        workspace: Share of the reachable workspace that the region reaches,
            counted in cells of a twentieth of the reach.
    """

    joint_space: float
    workspace: float


def measure_coverage(region: Region, rng: np.random.Generator, samples: int = 400_000) -> Coverage:
    """Measure what the region keeps, from uniform joint samples."""
    chain = region.chain
    q = rng.uniform(chain.lower, chain.upper, (samples, len(chain)))
    inside = region.contains(q)
    cells = np.floor(tool_position(chain, *chain.place(q)) / (chain.reach / 20)).astype(np.int64)
    # One number a cell: rows take many times as long to tell apart.
    least = cells.min(axis=0)
    numbers = np.ravel_multi_index((cells - least).T, cells.max(axis=0) - least + 1)
    return Coverage(float(inside.mean()), len(np.unique(numbers[inside])) / len(np.unique(numbers)))


def uniform_in_aspect(region: Region, rng: np.random.Generator) -> Iterator[FloatArray]:
    """Endless blocks (N, n) of joint vectors, uniform in the region [rad]."""
    chain = region.chain
    empty = 0
    while empty < 100:
        q = rng.uniform(chain.lower, chain.upper, (50_000, len(chain)))
        inside = q[region.contains(q)]
        empty = 0 if len(inside) else empty + 1
        if len(inside):
            yield inside
    raise RobotError(
        f"The aspect of '{chain.name}' around its home posture is too small to sample.", chain.name
    )


def sample_aspect(region: Region, count: int, rng: np.random.Generator) -> FloatArray:
    """Joint vectors (count, n), uniform in the region [rad]."""
    blocks: list[FloatArray] = []
    for block in uniform_in_aspect(region, rng):
        blocks.append(block)
        if sum(map(len, blocks)) >= count:
            break
    return np.concatenate(blocks)[:count]
