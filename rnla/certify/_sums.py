"""Sums of p-th powers that neither overflow nor vanish, over rows that are held in memory.

Every sum is kept as its logarithm, computed relative to the largest term, so that rows of size
1e+-150 and p = 20 are as good as any others (SPEC K4). `_power_sums` has those over all rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np

from .._result import FloatArray, IntArray
from ..tall import TallMatrix
from ..tall._device import to_host

__all__ = [
    "SampleLike",
    "absolute_power",
    "column_scale",
    "log_power_sums",
    "sampled_rows",
]


class SampleLike(Protocol):
    """What a certificate needs to know of a sample; `rnla.sampling.RowSample` offers it."""

    @property
    def indices(self) -> IntArray:
        """Rows kept, strictly increasing."""

    @property
    def weights(self) -> FloatArray:
        """What each kept row counts for in a sum of p-th powers."""

    @property
    def n(self) -> int:
        """Number of rows of the matrix that was sampled."""


def absolute_power(y: FloatArray, p: float) -> FloatArray:
    """|y|^p; small whole and half exponents by multiplication, which is many times faster."""
    y = np.abs(y)
    if p == 1.0:
        return y
    if p == 2.0:
        return y * y
    if p <= 8.0 and (2.0 * p).is_integer():
        result = np.sqrt(y) if (2.0 * p) % 2.0 else np.ones_like(y)
        square = y
        for bit in range(4):
            if int(p) >> bit & 1:
                result = result * square
            square = square * square
        return result
    power: FloatArray = y**p
    return power


def log_power_sums(
    blocks: Iterable[tuple[FloatArray, FloatArray | None]], columns: int, p: float
) -> FloatArray:
    """log of the sum over rows of weight |y|^p, for every column, over (y, weight) blocks.

    A weight of None counts every row once. Minus infinity for columns of zeros.
    """
    largest = np.zeros(columns)
    total = np.zeros(columns)
    for y, weight in blocks:
        top = np.maximum(largest, np.abs(y).max(axis=0, initial=0.0))
        unit = np.where(top > 0, top, 1.0)
        power = absolute_power(y / unit, p)
        total *= (largest / unit) ** p
        total += power.sum(axis=0) if weight is None else weight @ power
        largest = top
    with np.errstate(divide="ignore"):
        result: FloatArray = np.log(total) + p * np.log(largest)
    return result


def column_scale(A: TallMatrix) -> FloatArray:
    """Powers of two that bring the largest entry of every column between 1/2 and 1: one scan."""
    exponent = np.frexp(A.scan().column_max)[1]
    return np.asarray(np.ldexp(1.0, -np.clip(exponent, -1000, 1000)))


def sampled_rows(A: TallMatrix, indices: IntArray) -> Any:
    """The kept rows in float64, dense or CSR, here: those of a GPU are copied."""
    return to_host(A.take(indices)).astype(np.float64, copy=False)
