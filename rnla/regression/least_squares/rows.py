"""The passes of least squares: what refinement asks of diag(s) A D and b, with s^2 = weights.

Every pass visits blocks that fit a cache, so that the product with a block and with its transpose
cost one read of A together. The rows sqrt(ridge) D of a ridge are appended without being formed.
Weights and right-hand sides are scaled by powers of two, so that nothing leaves the floating-point
range; D equilibrates the columns. Cost of a residual 4 n d k flops, of a sketch nnz n (d + k).
"""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol

import numpy as np

from ..._result import FloatArray
from ...sketch import SparseSign
from ...tall import TallMatrix, rows
from . import visits as _least_squares_visits

__all__ = ["LeastSquares", "TallLeastSquares", "power_of_two", "weighted_rows"]


def power_of_two(size: FloatArray) -> FloatArray:
    """2^-e with size 2^-e in [1/2, 1) for positive sizes, 1 for zeros."""
    exponent = np.clip(np.frexp(size)[1], -1000, 1000)
    return np.where(size > 0, np.ldexp(1.0, -exponent), 1.0)


_PER_ENTRY = 768.0  # flops of matrix products in the time of 20 iterations, for each entry of A


class LeastSquares(Protocol):
    """min ||diag(s) (A D Z - b)||^2 + ||E Z||^2 with a diagonal E, wherever A lives.

    Attributes
    ----------
    n, d, k : int
        Rows, columns, right-hand sides.
    scale : ndarray, shape (d,)
        D, ones until whoever factors the matrix sets it.
    ridge_root : ndarray, shape (d,)
        E D^-1.
    dtype : numpy.dtype
        float32 or float64, that of A.
    data_eps : float
        Rounding of the entries of A.
    row_unit, column_units : float, ndarray (k,)
        Powers of two by which s and b are scaled.
    passes : int
        Spent so far.
    """

    n: int
    d: int
    k: int
    scale: FloatArray
    ridge_root: FloatArray
    dtype: np.dtype[Any]
    data_eps: float
    row_unit: float
    column_units: FloatArray

    @property
    def passes(self) -> int:
        """Passes over A spent so far."""

    def coefficients(self, Z: FloatArray) -> FloatArray:
        """X, (d, k), in the user's units."""

    def variables(self, X: FloatArray) -> FloatArray:
        """Z for coefficients X."""

    def sketch(self, seed: int, size: int, nnz: int) -> tuple[FloatArray, FloatArray]:
        """S diag(s) A and S diag(s) b, (size, d) and (size, k): one pass."""

    def residual(self, Z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """||r||^2 (k,) of the rows of A, and the gradient (d, k) with that of the ridge: a pass."""

    def normal(self, Z: FloatArray) -> FloatArray:
        """(D A^T diag(s^2) A D + E^2) Z: one pass."""


class TallLeastSquares:
    """A least-squares problem whose rows are a `TallMatrix`."""

    def __init__(self, A: TallMatrix, b: Any, weights: Any, ridge: float) -> None:
        self.n, self.d = A.shape
        self.k = 1 if len(b.shape) == 1 else b.shape[1]
        self.A, self._b = A, b
        self.dtype = A.dtype
        self.data_eps = float(np.finfo(A.dtype).eps)
        self._before = A.passes
        self._row_scale, self.row_unit = weighted_rows(weights)
        largest = rows.fold(_largest_rows, np.maximum, *self._vectors())
        self.column_units = power_of_two(largest)
        self._tamed = np.ones(self.d)
        self.ridge_root = np.full(self.d, np.sqrt(ridge) * self.row_unit)
        self.scale = np.ones(self.d)

    @property
    def passes(self) -> int:
        """See `LeastSquares`."""
        return self.A.passes - self._before

    def _vectors(self) -> tuple[Any, ...]:
        return (self._b,) if self._row_scale is None else (self._b, self._row_scale)

    def tame(self) -> None:
        """Bring columns near the ends of the floating-point range into its middle: one scan."""
        self._tamed = power_of_two(self.A.scan().column_max)
        self.ridge_root = self.ridge_root * self._tamed
        self.A = self.A.twin(self._tamed)

    def coefficients(self, Z: FloatArray) -> FloatArray:
        """See `LeastSquares`."""
        return self._tamed[:, None] * (self.scale[:, None] * Z / self.column_units)

    def variables(self, X: FloatArray) -> FloatArray:
        """See `LeastSquares`."""
        return X * self.column_units / self._tamed[:, None] / self.scale[:, None]

    def sketch(self, seed: int, size: int, nnz: int) -> tuple[FloatArray, FloatArray]:
        """See `LeastSquares`."""
        S = SparseSign(size, self.n, nnz=nnz).draw(seed)
        visit = partial(_least_squares_visits.sketch, S, self.d, self.column_units)
        flat = self.A.fold(visit, (size * (self.d + self.k),), rows=self._vectors())
        cut = size * self.d
        return flat[:cut].reshape(size, self.d), flat[cut:].reshape(size, self.k)

    def prefers_polish(self) -> bool:
        """Whether the Gram matrix of preconditioned rows costs less than the iterations it saves.

        It takes 3 n d^2 flops at the speed of matrix products, some 20 iterations 80 flops per
        entry at the speed of memory.
        """
        return 3.0 * self.n * self.d**2 < _PER_ENTRY * self.A.entry_count

    def first_rows(self, count: int) -> FloatArray:
        """The first rows of diag(s) A, and those of the ridge; no pass."""
        count = min(count, self.n)
        rows_there = rows.host(self.A.take(np.arange(count))).astype(np.float64, copy=False)
        if self._row_scale is not None:
            rows_there = rows_there * rows.host(self._row_scale[:count])[:, None]
        if np.any(self.ridge_root > 0):
            rows_there = np.vstack([rows_there, np.diag(self.ridge_root)])
        return rows_there

    def gathered(self) -> tuple[FloatArray, FloatArray]:
        """diag(s) A and diag(s) b as dense arrays: one pass."""
        A = self.A.whole()
        target = rows.host(self._b).reshape(self.n, -1) * self.column_units
        if self._row_scale is not None:
            scale = rows.host(self._row_scale)[:, None]
            A *= scale
            target *= scale
        return A, target

    def gram(self) -> tuple[FloatArray, FloatArray]:
        """A^T diag(s^2) A (d, d) and A^T diag(s^2) b (d, k) before scaling by D: one pass."""
        visit = partial(_least_squares_visits.gram, self.column_units)
        both = self.A.fold(visit, (self.d + self.k, self.d), rows=self._vectors())
        upper = both[: self.d]
        return np.triu(upper) + np.triu(upper, 1).T, both[self.d :].T

    def gram_and_residual(
        self, M: FloatArray, Z: FloatArray
    ) -> tuple[FloatArray, tuple[FloatArray, FloatArray]]:
        """(B M)^T (B M) for the scaled matrix B with its ridge, and `residual`: one pass."""
        D, r = self.scale[:, None], M.shape[1]
        visit = partial(_least_squares_visits.gram_and_residual, D * M, D * Z, self.column_units)
        flat = self.A.fold(visit, (r * r + (self.d + 1) * self.k,), rows=self._vectors())
        G = flat[: r * r].reshape(r, r)
        E = (self.ridge_root * self.scale)[:, None] * M
        return G + E.T @ E, self._gradient(Z, flat[r * r :].reshape(self.d + 1, self.k))

    def residual(self, Z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """See `LeastSquares`."""
        visit = partial(_least_squares_visits.residual, self.scale[:, None] * Z, self.column_units)
        both = self.A.fold(visit, (self.d + 1, self.k), rows=self._vectors())
        return self._gradient(Z, both)

    def _gradient(self, Z: FloatArray, both: FloatArray) -> tuple[FloatArray, FloatArray]:
        gradient: FloatArray = self.scale[:, None] * both[:-1]
        gradient -= (self.ridge_root * self.scale)[:, None] ** 2 * Z
        return both[-1], gradient

    def normal(self, Z: FloatArray) -> FloatArray:
        """See `LeastSquares`."""
        visit = partial(_least_squares_visits.normal, self.scale[:, None] * Z)
        scale = () if self._row_scale is None else (self._row_scale,)
        product = self.A.fold(visit, Z.shape, rows=scale)
        return self.scale[:, None] * product + (self.ridge_root * self.scale)[:, None] ** 2 * Z


def weighted_rows(weights: Any) -> tuple[Any, float]:
    """Roots of the weights with the largest near one, and the power of two that did it."""
    if weights is None:
        return None, 1.0
    _, high = rows.extremes(weights)
    unit = float(np.ldexp(1.0, -(int(np.frexp(high)[1]) // 2)))
    return rows.settle(rows.each(partial(_root, unit), weights)), unit


def _root(unit: float, weights: FloatArray) -> FloatArray:
    """Square roots of weights times `unit`, without leaving the floating-point range."""
    root: FloatArray = np.sqrt(weights) * unit
    return root


def _largest_rows(start: int, b: FloatArray, scale: FloatArray | None = None) -> FloatArray:
    size = np.abs(b.reshape(len(b), -1))
    if scale is not None:
        size = size * scale[:, None]
    if not rows.is_here(size):
        return rows.host(size.max(axis=0))
    largest: FloatArray = size.max(axis=0, initial=0.0)
    return largest
