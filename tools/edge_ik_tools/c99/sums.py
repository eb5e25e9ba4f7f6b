"""The weights of an int8 layer's sums in C, as each kind of kernel reads them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_ik_tools.c99.literals import array, table
from edge_ik_tools.c99.units import HALF, ROWS, is_plain
from firmware_host.network.steps import FullyConnected

VECTOR = 16  # int8 numbers in a vector of MVE
BYTES = (0, 8, 16, 24)  # shifts to those of a word
# Sums of two rows that stay below this can be packed in one register, and biases in a word.
LARGEST_PACKED_SUM = 2**23


@dataclass(frozen=True, eq=False)
class Sums:
    """A layer's dense sums.

    Attributes:
        name: What the names of their arrays begin with.
        dense: The sums, of the same inputs.
        rows: Units, rounded up to whole groups of rows.
        columns: Inputs, rounded up to whole groups.
        vectors: Vectors of MVE that hold the inputs.
        contiguous: Whether the weights of scalar kernels stand row by row.
    """

    name: str
    dense: tuple[FullyConnected, ...]
    rows: int
    columns: int
    vectors: int
    contiguous: bool = False

    @property
    def k(self) -> int:
        """Their number."""
        return len(self.dense)

    @property
    def plain(self) -> bool:
        """Whether every sum is scaled by a shift to the right of moderate length."""
        return all(is_plain(dense.multiplier, -dense.shift) for dense in self.dense)

    @property
    def short(self) -> bool:
        """Whether they fit the kernels that multiply a sum by bytes as well."""
        return self.plain and all(map(_is_short, self.dense))

    def _rows(self, plain: bool) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """(units, k) packed words and multipliers; what is beyond the real units counts 0."""
        packed = np.zeros((self.rows, self.k), np.int64)
        multiplier = np.zeros((self.rows, self.k), np.int64)
        for index, dense in enumerate(self.dense):
            shift = -dense.shift - 1 if plain else (-dense.shift) & 255
            packed[: len(dense.bias), index] = 256 * dense.bias + shift
            multiplier[: len(dense.bias), index] = dense.multiplier
        return packed, multiplier

    def _weights(self, columns: int) -> npt.NDArray[np.int64]:
        """(units, k, columns), zeros beyond the real ones."""
        weights = np.zeros((self.rows, self.k, columns), np.int64)
        for index, dense in enumerate(self.dense):
            rows, real = dense.weights.shape
            weights[:rows, index, :real] = dense.weights
        return weights

    def text(self) -> str:
        """The arrays `NAME_rows` and `NAME_weights` for each kind of kernel."""
        by_row = self._weights(self.columns)
        plain = by_row.reshape(-1, self.columns)
        # (groups of two rows, two rows, pairs of columns, two columns) -> words
        pairs = plain.reshape(-1, 2, 2, self.columns // 4, 2, 2)
        both = 256 * pairs[:, :, 1] + pairs[:, :, 0]  # (groups, packs, quads, words, columns)
        words = (both[..., 1] << 16) + (both[..., 0] & 0xFFFF)
        words = np.transpose(words, (0, 2, 3, 1)).ravel()  # groups, quads, words, packs
        # (groups of four rows, columns, four rows)
        together = plain.reshape(-1, ROWS, self.columns).transpose(0, 2, 1)
        scalar = plain if self.contiguous else together
        # (k, groups of four units, columns, four units)
        by_column = by_row.reshape(-1, ROWS, self.k, self.columns).transpose(2, 0, 3, 1) + 128
        # (groups of four units, k, vectors, four units, 16 columns)
        wide = self._weights(self.vectors * VECTOR)
        wide = wide.reshape(-1, ROWS, self.k, self.vectors, VECTOR).transpose(0, 2, 3, 1, 4)
        return "\n".join(
            [
                "#if WITH_MVE",
                array("int32_t", f"{self.name}_rows", self._vector_rows()),
                array("int8_t", f"{self.name}_weights", wide, " ALIGNED"),
                "#else",
                f"static const IN_FLASH row_t {self.name}_rows[{len(plain)}] = {{",
                "#if WITH_SHORT",
                self._short_rows(),
                "#else",
                self._scalar_rows(),
                "#endif",
                "};",
                "#if WITH_DSP",
                array("int32_t", f"{self.name}_weights", words),
                "#elif WITH_SHORT",
                array("uint8_t", f"{self.name}_weights", by_column),
                "#else",
                array("weight_t", f"{self.name}_weights", scalar),
                "#endif",
                "#endif",
            ]
        )

    def _vector_rows(self) -> npt.NDArray[np.int64]:
        """(groups, k, words and multipliers, four units)."""
        parts = self._rows(self.plain)
        return np.stack(
            [part.reshape(-1, ROWS, self.k).transpose(0, 2, 1) for part in parts], axis=2
        )

    def _scalar_rows(self) -> str:
        packed, multiplier = self._rows(self.plain)
        scales = kept(multiplier) if self.plain else multiplier
        return table(zip(packed.ravel().tolist(), scales.ravel().tolist(), strict=True))

    def _short_rows(self) -> str:
        """The rows of the first sum of all units, then those of the second."""
        packed, multiplier = self._rows(self.short)
        if self.short:
            packed = packed - 256 * 128 * self._weights(self.columns).sum(axis=2)
        parts = [packed.T.ravel()] + [multiplier.T.ravel() >> shift & 255 for shift in BYTES]
        return table(np.stack(parts, axis=1).tolist())


def kept(multiplier: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Multipliers as the kernels keep them; that of a row that does not exist stays 0."""
    return (multiplier >= HALF) * (2 * multiplier - 2**32)


def _is_short(dense: FullyConnected) -> bool:
    """Whether sums fit kernels that multiply them, and biases, by a byte."""
    weights = dense.weights.astype(np.int64)
    largest = 128 * np.abs(weights).sum(axis=1) + np.abs(dense.bias)
    bias = np.abs(dense.bias - 128 * weights.sum(axis=1))
    return bool(np.all(np.maximum(largest, bias) < LARGEST_PACKED_SUM))
