"""Where a network was trained: a coarse map, to flag targets it never saw."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.bounds import MOST_REACH
from firmware_host.chain import Chain, FloatArray
from firmware_host.kinematics import Scalar, components, dot, sub

BoolArray = npt.NDArray[np.bool_]
"""A truth for each cell, or for each of several points."""

CELLS_PER_REACH = 20
SECTORS = 72
MOST_CELLS = 1_000_000


@dataclass(frozen=True, eq=False)
class Workspace:
    """Cells around the first joint's axis, and sectors of azimuth, that samples fell into.

    Attributes:
        cell: Edge of a cell [m].
        axial_start: Index of the first row: axial coordinate over the edge, rounded down.
        cells: (axial, radial) True where a sample was.
        sectors: (SECTORS,) True where a sample was, counted from azimuth -pi.
    """

    cell: float
    axial_start: int
    cells: BoolArray
    sectors: BoolArray

    @classmethod
    def fit(cls, chain: Chain, positions: FloatArray) -> Workspace:
        """The map of sampled positions (N, 3) [m] in the base frame."""
        radial, axial, azimuth = _cylindrical(chain, positions)
        cell = chain.reach / CELLS_PER_REACH
        columns = np.floor(radial / cell).astype(int)
        rows = np.floor(axial / cell).astype(int)
        start = int(rows.min())
        cells = np.zeros((int(rows.max()) - start + 1, int(columns.max()) + 1), dtype=bool)
        cells[rows - start, columns] = True
        sectors = np.zeros(SECTORS, dtype=bool)
        sectors[_sector(azimuth)] = True
        return cls(cell, start, cells, sectors)

    def contains(self, chain: Chain, positions: FloatArray) -> BoolArray:
        """Whether positions (N, 3) [m] lie where samples were, to a cell's accuracy."""
        radial, axial, azimuth = _cylindrical(chain, positions)
        # Bounded before the conversion: a huge number has no integer index.
        columns = np.floor(np.minimum(radial / self.cell, self.cells.shape[1])).astype(int)
        height = np.clip(axial / self.cell - self.axial_start, -1, self.cells.shape[0])
        rows = np.floor(height).astype(int)
        inside = (rows >= 0) & (rows < self.cells.shape[0]) & (columns < self.cells.shape[1])
        found = np.zeros(len(positions), dtype=bool)
        found[inside] = self.cells[rows[inside], columns[inside]]
        # Within a cell of the axis the azimuth means nothing.
        result: BoolArray = found & (self.sectors[_sector(azimuth)] | (columns == 0))
        return result

    def contains_one(self, chain: Chain, position: Sequence[float]) -> bool:
        """`contains` for one position x, y, z [m] in plain numbers, which is faster."""
        u, v, axial = _about_axis(chain, position)
        rows, columns = self.cells.shape
        column = math.floor(min(math.hypot(u, v) / self.cell, columns))
        row = math.floor(min(max(axial / self.cell - self.axial_start, -1), rows))
        if not (0 <= row < rows and column < columns and self.cells[row, column]):
            return False
        sector = int((math.atan2(v, u) + math.pi) / (2 * math.pi) * SECTORS)
        return column == 0 or bool(self.sectors[min(sector, SECTORS - 1)])

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values; the maps as hexadecimal bits."""
        return {
            "cell": self.cell,
            "axial_start": self.axial_start,
            "shape": list(self.cells.shape),
            "cells": np.packbits(self.cells).tobytes().hex(),
            "sectors": np.packbits(self.sectors).tobytes().hex(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Workspace:
        """The map from `to_dict`'s values; ValueError if they do not fit together."""
        rows, columns = (int(size) for size in data["shape"])
        cell, start = float(data["cell"]), int(data["axial_start"])
        if not (0 < rows * columns <= MOST_CELLS and 0 < cell <= MOST_REACH):
            raise ValueError("the workspace's cells have no usable size")
        if abs(start) > MOST_CELLS:
            raise ValueError("the workspace's cells are too far away")
        return cls(
            cell,
            start,
            _bits(data["cells"], rows * columns).reshape(rows, columns),
            _bits(data["sectors"], SECTORS),
        )


def _bits(text: str, count: int) -> BoolArray:
    packed = np.frombuffer(bytes.fromhex(text), dtype=np.uint8)
    if len(packed) != (count + 7) // 8:
        raise ValueError(f"the workspace's map has {len(packed)} bytes for {count} cells")
    return np.unpackbits(packed, count=count).astype(bool)


def _about_axis(chain: Chain, position: Sequence[Scalar]) -> tuple[Scalar, Scalar, Scalar]:
    """Coordinates in the first joint's frame; the last runs along its axis."""
    *axes, origin = chain.link_columns[0]
    offset = [sub(part, origin[k]) for k, part in enumerate(position)]
    u, v, axial = (dot(axis, offset) for axis in axes)
    return u, v, axial


def _cylindrical(chain: Chain, positions: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Radial distance, axial coordinate and azimuth about the first joint's axis."""
    u, v, axial = _about_axis(chain, components(positions))
    return np.hypot(u, v), axial, np.arctan2(v, u)


def _sector(azimuth: FloatArray) -> npt.NDArray[np.int_]:
    share = (azimuth + math.pi) / (2 * math.pi)
    result: npt.NDArray[np.int_] = np.minimum((share * SECTORS).astype(int), SECTORS - 1)
    return result
