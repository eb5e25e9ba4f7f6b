"""Numbers as a page carries them: each array once, in base64, and referred to by its number."""

from __future__ import annotations

import base64
import hashlib
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_ik_tools.report.drawing import words
from edge_ik_tools.report.drawing.pictures import Scale, Varying

# Arrays of fewer numbers are written as lists.
FEW = 24
# Codes of a map: 0 for nothing, and as many as are left of a byte for the colours.
CODES = 254


class Arrays:
    """The arrays of a page."""

    def __init__(self) -> None:
        self.table: list[dict[str, Any]] = []
        self._known: dict[str, int] = {}

    def number(self, values: npt.ArrayLike | Varying, log: bool = False) -> Any:
        """Numbers (N,) as a trace has them, or their logarithms to the base of ten.

        Args:
            values: The numbers, a slider perhaps changing them.
            log: Whether the page is to take logarithms of them.
        """
        if isinstance(values, Varying):
            return self._varying(values, [self.number(each, log) for each in values.values])
        array = np.asarray(values, dtype=np.float64)
        if array.size <= FEW and not log:
            return [_short(value) for value in array.tolist()]
        found = {"$": self._stored(array.astype("<f4"))}
        return {**found, "log": 1} if log else found

    def told(self, values: npt.ArrayLike | Varying) -> Any:
        """Lengths (N,) [mm] as the pointer shows them, in words that the page makes of them."""
        if isinstance(values, Varying):
            return self._varying(values, [self.told(each) for each in values.values])
        array = np.asarray(values, dtype=np.float64)
        if array.size <= FEW:
            return [words.length(value / 1e3) for value in array.tolist()]
        return {**self.number(array), "told": 1}

    def cells(self, values: npt.NDArray[Any] | Varying, scale: Scale, told: bool) -> Any:
        """A map (R, C) that a scale colours, in a byte a cell.

        Args:
            values: The numbers; NaN where there are none.
            scale: What colours them; numbers beyond its ends become these.
            told: Whether the page is to have them in words, as lengths [mm], not their logarithms.
        """
        if isinstance(values, Varying):
            parts = [self.cells(each, scale, told) for each in values.values]
            return self._varying(values, parts)
        low, high = math.log10(scale.low), math.log10(scale.high)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = (np.log10(values) - low) / (high - low)
        codes = np.where(np.isnan(values), 0.0, 1 + CODES * np.clip(np.nan_to_num(share), 0, 1))
        number = self._stored(np.rint(codes).astype("u1"))
        return {"$": number, "code": [low, (high - low) / CODES], "told": int(told)}

    def _varying(self, values: Varying, parts: list[Any]) -> dict[str, Any]:
        return {"vary": list(values.over), "places": list(values.places), "of": parts}

    def _stored(self, array: npt.NDArray[Any]) -> int:
        """The number of an array in the table, which has each but once."""
        data = np.ascontiguousarray(array).tobytes()
        kind = array.dtype.str.lstrip("<|")
        key = hashlib.sha256(data).hexdigest() + kind + str(array.shape)
        if key not in self._known:
            self._known[key] = len(self.table)
            text = base64.b64encode(data).decode("ascii")
            shape = list(array.shape) if array.ndim > 1 else None
            self.table.append({"t": kind, "b": text, **({"s": shape} if shape else {})})
        return self._known[key]


def _short(value: float) -> float | None:
    """A number in seven digits, as single precision has them; None for what is none."""
    return float(f"{value:.7g}") if math.isfinite(value) else None
