"""The data of Newton's method in units of their own, and the coordinates it works in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..._result import FloatArray
from ...basis import Basis
from ...tall import TallMatrix, rows
from .losses import Loss
from .newton_coordinates import Coordinates

__all__ = ["Problem", "in_units", "power_of_two", "scaled"]

_SMALLEST = float(np.finfo(np.float64).tiny)
_NEGLIGIBLE = 1e-6  # weight of a row, relative to the largest: see `lower_bound` for its use


@dataclass(frozen=True, eq=False)
class Problem:
    """The data, and what is known of the weights."""

    A: TallMatrix
    b: Any
    weights: Any
    loss: Loss
    space: Coordinates
    weight_unit: float
    total: float  # of the weights in their unit
    least: float  # positive weight in that unit
    largest: float  # |b|

    @classmethod
    def of(
        cls,
        A: TallMatrix,
        b: Any,
        loss: Loss,
        weights: Any,
        lower: FloatArray | None,
        upper: FloatArray | None,
        ridge: float | FloatArray,
        basis: Basis | None,
    ) -> Problem:
        unit, total, least, root = 1.0, float(A.shape[0]), 1.0, None
        if weights is not None:
            unit = power_of_two(rows.largest(weights))
            total = rows.total(weights / unit)
            least = rows.extremes(rows.each(_positive, weights))[0] / unit
            root = rows.each(partial(_root, unit), weights)
        space = Coordinates.of(A, root, lower, upper, ridge, basis)
        largest = max(rows.largest(abs(b)), 0.0)
        return cls(A, b, weights, loss, space, unit, total, least, largest)

    def ridge(self, unit: float) -> FloatArray | None:
        """In coordinates, and in the units of the objective."""
        if self.space.ridge is None:
            return None
        degree = self.loss.degree or 0.0
        scaled: FloatArray = self.space.ridge * (unit ** (2.0 - degree) / self.weight_unit)
        return scaled

    def spread(self, p: float) -> float:
        """||v||_2 <= spread ||v||_p for weighted norms, rows of negligible weight left aside."""
        base = self.total if p >= 2.0 else max(self.least, _NEGLIGIBLE)
        return float(base ** (0.5 - 1.0 / p))


def power_of_two(size: float) -> float:
    return math.ldexp(1.0, math.frexp(size)[1]) if size > 0.0 else 1.0


def in_units(y: FloatArray, unit: float, mean: float) -> tuple[FloatArray, float]:
    """y in units of the power of two below `mean`, so that nothing is rounded."""
    factor = 0.5 * power_of_two(mean)
    return y / factor, unit * factor


def scaled(value: float, unit: float, p: float, weight_unit: float) -> float:
    """value unit^p weight_unit, where its factors may overflow or vanish."""
    with np.errstate(over="ignore", under="ignore"):
        factor = float(np.float64(unit) ** p * weight_unit)
        if _SMALLEST <= factor < math.inf:
            return float(np.float64(value) * factor)
        log = p * math.log2(unit) + math.log2(weight_unit)
        whole = math.floor(log)
        return float(np.ldexp(value * 2.0 ** (log - whole), min(max(whole, -5000), 5000)))


def _positive(weights: FloatArray) -> FloatArray:
    return np.where(weights > 0.0, weights, np.inf)


def _root(unit: float, weights: FloatArray) -> FloatArray:
    root: FloatArray = np.sqrt(weights / unit)
    return root
