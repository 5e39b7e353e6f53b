"""A Fourier transform in two halves, columns and then rows of a grid, by threads in cache.

The transform of length m = r c is one of the r-vectors in the columns of an r x c grid, a product
with roots of unity, and one of its rows; value k_1 + r k_2 is then in row k_1 and column k_2
(Bailey, 1990). Who can live with that order saves the transposition, and may do what comes before
and after to a few columns or rows while these are in cache. Of images the last axis makes the rows
and the others the columns, without roots and in their own order. m log m flops, faster than in one
piece where 2 m numbers do not fit in cache.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.fft

from ..kernels import diagonal_products
from ..tall import thread_count
from .operators._base import Array

__all__ = ["SplitTransform", "grid_shape"]

_LEAST = 2  # rows
_GAP = 4  # numbers behind each row, that columns do not share lines of the cache
_ROOTS = 64  # of unity in the tables of a row, and products of two for the others
_CHUNK = 2**17  # numbers that a thread transforms in one call

Visit = Callable[[int, int], None]


def grid_shape(shape: tuple[int, ...]) -> tuple[int, int] | None:
    """Rows and columns for a transform of this shape; None where the length has no factors."""
    if len(shape) > 1:
        return math.prod(shape[:-1]), shape[-1]
    (m,) = shape
    rows = next((r for r in range(math.isqrt(m), 1, -1) if m % r == 0), 1)
    return (rows, m // rows) if rows >= _LEAST else None


class SplitTransform:
    """One grid of numbers, and what can be done to its columns and rows.

    A visit of columns (or rows) gets the first and the last of them and runs in one of the threads.
    Every number is visited once and sums are those of one visit, so that results do not depend on
    the number of threads. Who fills the grid holds `lock` until it has been read.

    Attributes
    ----------
    rows, columns : int
    grid : ndarray, shape (rows, columns + a few)
        What is transformed; the numbers at the end of each row belong to none.
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        grid = grid_shape(shape)
        assert grid is not None
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.rows, self.columns = grid
        self.grid = np.zeros((self.rows, self.columns + _GAP), dtype=dtype)
        self.lock = threading.RLock()
        self._workers = thread_count()
        self._pool = ThreadPoolExecutor(max(1, self._workers - 1))
        self._roots = self._tables() if len(shape) == 1 else None
        parts = max(1, -(-self.rows * self.columns // _CHUNK))
        self._row_parts = _cut(self.rows, parts)
        self._column_parts = _cut(self.columns, parts)

    def __reduce__(self) -> Any:
        """Copies have threads and a grid of their own."""
        return SplitTransform, (self.shape, self.dtype)

    @property
    def chunks(self) -> int:
        """Visits of rows."""
        return len(self._row_parts)

    def arranged(self, v: Array) -> Array:
        """Values (..., m) in the order of the grid, a new array."""
        if len(self.shape) > 1:
            return v
        out = np.empty(v.shape, dtype=v.dtype)
        before = np.ascontiguousarray(v).reshape(-1, self.columns, self.rows)
        after = out.reshape(-1, self.rows, self.columns)
        self._transpose(before, after)
        return out

    def in_order(self, v: Array) -> Array:
        """The inverse of `arranged`."""
        if len(self.shape) > 1:
            return v
        out = np.empty(v.shape, dtype=v.dtype)
        before = np.ascontiguousarray(v).reshape(-1, self.rows, self.columns)
        after = out.reshape(-1, self.columns, self.rows)
        self._transpose(before, after)
        return out

    def by_rows(self, v: Array) -> Array:
        """An m-vector in the order of the grid, as rows."""
        return v.reshape(self.rows, self.columns)

    def each_columns(self, visit: Visit) -> None:
        """Visit all columns."""
        self._each(visit, self._column_parts)

    def each_rows(self, visit: Visit) -> None:
        """Visit all rows."""
        self._each(visit, self._row_parts)

    # -- transforms of the columns or rows of one visit --------------------------------------------

    def columns_forth(self, first: int, last: int) -> None:
        """The first half."""
        view, axes = self._strip(first, last)
        _kept(view, scipy.fft.fftn(view, axes=axes, overwrite_x=True))

    def rows_forth(self, first: int, last: int) -> Array:
        """The second half; the rows (last - first, columns + a few)."""
        part = self.grid[first:last]
        if self._roots is not None:
            low, high = self._roots
            diagonal_products.twiddle(low[first:last], high[first:last], self.columns, part, False)
        view = part[:, : self.columns]
        _kept(view, scipy.fft.fft(view, axis=1, overwrite_x=True))
        return part

    def rows_back(self, first: int, last: int) -> None:
        """The adjoint of `rows_forth`."""
        part = self.grid[first:last]
        view = part[:, : self.columns]
        _kept(view, scipy.fft.ifft(view, axis=1, norm="forward", overwrite_x=True))
        if self._roots is not None:
            low, high = self._roots
            diagonal_products.twiddle(low[first:last], high[first:last], self.columns, part, True)

    def columns_back(self, first: int, last: int) -> None:
        """The adjoint of `columns_forth`."""
        view, axes = self._strip(first, last)
        _kept(view, scipy.fft.ifftn(view, axes=axes, norm="forward", overwrite_x=True))

    # -- what they need ----------------------------------------------------------------------------

    def _strip(self, first: int, last: int) -> tuple[Array, tuple[int, ...]]:
        """Some columns as an array with the axes along which to transform."""
        if len(self.shape) == 1:
            return self.grid[:, first:last], (0,)
        outer = self.shape[:-1]
        whole = self.grid.reshape(*outer, self.columns + _GAP)
        return whole[..., first:last], tuple(range(len(outer)))

    def _tables(self) -> tuple[Array, Array]:
        """Roots exp(-2 pi i k j / m) of row k for j < 64, and for multiples of 64."""
        m = self.rows * self.columns
        k = np.arange(self.rows, dtype=np.int64)[:, None]
        ends = _ROOTS * np.arange(-(-self.columns // _ROOTS), dtype=np.int64)
        low, high = (
            np.exp(-2j * np.pi * (k * j % m / m)).astype(self.dtype)
            for j in (np.arange(_ROOTS, dtype=np.int64), ends)
        )
        return low, high

    def _transpose(self, before: Array, after: Array) -> None:
        parts = _cut(before.shape[1], len(self._row_parts))

        def visit(first: int, last: int) -> None:
            for one, other in zip(before, after, strict=True):
                diagonal_products.transpose(one, first, last, other)

        self._each(visit, parts)

    def _each(self, visit: Visit, parts: list[tuple[int, int]]) -> None:
        left = iter(parts)  # which the threads share

        def run() -> None:
            for first, last in left:
                visit(first, last)

        others = min(self._workers, len(parts)) - 1
        futures = [self._pool.submit(run) for _ in range(others)]
        try:
            run()
        finally:
            for future in futures:
                future.result()


def _cut(count: int, parts: int) -> list[tuple[int, int]]:
    parts = min(parts, count)
    ends = [count * part // parts for part in range(parts + 1)]
    return list(pairwise(ends))


def _kept(view: Array, result: Array) -> None:
    """In place, whatever the transform could do."""
    if not np.may_share_memory(view, result):
        view[...] = result
