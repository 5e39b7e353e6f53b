"""Weights and responses of ridge regression, centred and in units that leave room."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..._result import FloatArray
from ...tall import rows

__all__ = ["Weights", "standardised"]


@dataclass(frozen=True, eq=False)
class Weights:
    """Weights in a unit that brings the largest near one, and their square roots.

    `copy` is the most that is left out at once: the weight of one copy, or infinity for whole rows.
    """

    values: Any
    roots: Any
    total: float
    squares: float  # sum of the weights times what of them is left out at once
    largest: float
    unit_root: float
    copy: float

    @classmethod
    def of(cls, w: Any, n: int, *, copies: bool) -> Weights:
        if w is None:
            return cls(None, None, float(n), float(n), 1.0, 1.0, math.inf)
        largest = rows.largest(w)
        unit = _inverse_power(largest)
        w = rows.settle(w * unit)
        roots = rows.each(np.sqrt, w)
        copy = unit if copies else math.inf
        squares = rows.total(w * np.minimum(w, copy))
        return cls(w, roots, rows.total(w), squares, largest * unit, math.sqrt(unit), copy)


def standardised(b: Any, weighted: Weights, centred: bool) -> tuple[Any, FloatArray, FloatArray]:
    """(b - mean) size as (n, k), the means, and powers of two that bring responses near one."""
    if len(b.shape) == 1:
        b = b[:, None]
    k = b.shape[1]
    mean, size = np.zeros(k), np.ones(k)
    for j in range(k):
        column = b[:, j]
        largest = max(abs(value) for value in rows.extremes(column))
        unit = _inverse_power(largest)
        if centred:
            column = column * unit
            shares = column if weighted.values is None else column * weighted.values
            mean[j] = rows.total(shares) / weighted.total / unit
            largest = max(abs(value / unit - mean[j]) for value in rows.extremes(column))
        size[j] = _inverse_power(largest)
    return rows.settle(rows.each(partial(_shifted, mean, size), b)), mean, size


def _shifted(mean: FloatArray, size: FloatArray, b: Any) -> Any:
    return (b - rows.beside(b, mean)) * rows.beside(b, size)


def _inverse_power(size: float) -> float:
    """2^-e with size 2^-e in [1/2, 1); 1 for zero."""
    return math.ldexp(1.0, max(-1000, min(1000, -math.frexp(size)[1])))
