"""Sums of p-th powers that neither overflow nor vanish, and the ratio that everything is about.

Every sum is kept as its logarithm, computed relative to the largest term, so that rows of size
1e+-150 and p = 20 are as good as any others (SPEC K4).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np

from .._errors import argument_error
from .._result import FloatArray, IntArray
from ..tall import TallMatrix
from ..tall.extended import Extended

__all__ = [
    "SampleLike",
    "absolute_power",
    "column_scale",
    "distortion_ratios",
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
    """The kept rows in float64, dense or CSR."""
    return A.take(indices).astype(np.float64, copy=False)


def distortion_ratios(
    A: TallMatrix, sample: SampleLike, X: FloatArray, p: float, *, plain: FloatArray | None = None
) -> FloatArray:
    """||S A x||_p^p / ||A x||_p^p for every column x of X, from all rows of A: one pass.

    Products are formed in extended precision: at the x that matter, A x is often the small result
    of a long cancellation. Those with the columns of `plain`, which follow, are not.

    Raises
    ------
    ArgumentError
        If A x = 0 for one of them.
    """
    extended = Extended.prepare(X, np.zeros_like(X), column_scale(A))
    columns = X.shape[1] + (0 if plain is None else plain.shape[1])

    def product(block: Any) -> FloatArray:
        exact = extended.product(block)
        return exact if plain is None else np.hstack([exact, block @ plain])

    rows = product(sampled_rows(A, sample.indices))
    upper = log_power_sums([(rows, np.asarray(sample.weights, dtype=np.float64))], columns, p)
    lower = log_power_sums(((product(block), None) for _, block in A.blocks()), columns, p)
    if np.any(np.isneginf(lower)):
        raise argument_error(
            "x",
            "a vector with A x = 0",
            "a vector outside the null space of A",
            "The ratio is not defined there; pass the matrix that the sample was drawn from.",
        )
    ratios: FloatArray = np.exp(upper - lower)
    return ratios
