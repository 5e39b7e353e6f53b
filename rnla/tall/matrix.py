"""`TallMatrix`: the passes. Each reads every row once, in cache-sized blocks, and returns something
small (d x d, s x d) or one number per row. Temporary memory is O(block + d^2) per thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from .._errors import argument_error
from .._result import FloatArray, IntArray
from . import _blocks, sparse_extended
from ._engine import block_bounds, map_blocks, reduce_blocks
from ._parts import add_parts
from ._source import Block, Source
from .extended import Extended
from .scaled_source import ScaledSource

__all__ = ["Scan", "SketchOperator", "TallMatrix"]


class SketchOperator(Protocol):
    """What `TallMatrix.sketch` needs: an s x n operator that acts block by block."""

    @property
    def shape(self) -> tuple[int, int]:
        """(s, n)."""

    def apply_block(self, start: int, block: Block, *, out: FloatArray | None = None) -> FloatArray:
        """S[:, start : start + len(block)] @ block, dense (s, d), added to `out` if given."""


@dataclass(frozen=True)
class Scan:
    """Largest absolute value of each column (d,) and of each row (n,)."""

    column_max: FloatArray
    row_max: FloatArray


class TallMatrix:
    """An n x d matrix of real numbers, read in passes. Made by `as_tall`.

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy.dtype
        float32 or float64, the dtype of rows handed back; arithmetic is float64 throughout.
    is_sparse : bool
    entry_count : float
        Number of stored entries: n d if dense.
    pair_count : float
        Number of products a_ij a_ik of stored entries: n d^2 if dense, sum of nnz_i^2 if sparse.
    passes : int
        Passes over the rows spent so far.

    Examples
    --------
    >>> import numpy as np, rnla
    >>> tall = rnla.as_tall(np.array([[3.0, 4.0], [0.0, 1.0], [0.0, 0.0]]))
    >>> tall.row_norms()
    array([5., 1., 0.])
    >>> tall.gram().shape, tall.passes
    ((2, 2), 2)
    """

    def __init__(self, source: Source, *, name: str = "A") -> None:
        self._source = source
        self._name = name  # how messages call the matrix
        self.shape = source.shape
        self.dtype = source.dtype
        self.is_sparse = source.is_sparse
        self.pair_count = source.pair_count
        self.entry_count = source.entry_count
        self._spent = [0]  # shared with twins
        self._twin: tuple[FloatArray, TallMatrix] | None = None
        self._bounds = block_bounds(source.shape[0], source.row_cost)
        self._scan: Scan | None = None

    def __repr__(self) -> str:
        kind = "sparse" if self.is_sparse else "dense"
        return f"TallMatrix(shape={self.shape}, dtype={self.dtype}, {kind}, passes={self.passes})"

    @property
    def passes(self) -> int:
        """Passes over the rows spent so far."""
        return self._spent[0]

    @passes.setter
    def passes(self, count: int) -> None:
        self._spent[0] = count

    def twin(self, units: FloatArray) -> TallMatrix:
        """A diag(units), whose passes count as passes over A. The last one made is kept."""
        if self._twin is None or not np.array_equal(self._twin[0], units):
            other = TallMatrix(ScaledSource(self._source, units), name=self._name)
            other._spent = self._spent
            self._twin = units, other
        return self._twin[1]

    def blocks(self) -> Iterator[tuple[int, Block]]:
        """Yield (start, block) over all rows: one pass. Blocks are float64 arrays or CSR arrays."""
        self.passes += 1
        for start, stop in self._bounds:
            yield start, self._source.read(start, stop)

    def scan(self) -> Scan:
        """Column and row maxima of ``|A|``; cached, one pass the first time.

        Raises
        ------
        ArgumentError
            If an entry is NaN or infinite; the message names the first such row.
        """
        if self._scan is None:
            self.passes += 1
            row_max = np.empty(self.shape[0])

            def visit(start: int, stop: int, out: FloatArray) -> None:
                block = self._source.read_raw(start, stop)
                row_max[start:stop] = _blocks.max_columns_and_rows(block, out)

            column_max = reduce_blocks(self._bounds, (self.shape[1],), visit, np.maximum)
            bad = np.flatnonzero(~np.isfinite(row_max))
            if bad.size:
                raise argument_error(
                    self._name,
                    f"{bad.size} row(s) with NaN or infinity, the first is row {bad[0]}",
                    "finite entries",
                    "Drop or impute those rows first.",
                )
            self._scan = Scan(column_max, row_max)
        return self._scan

    def gram(
        self,
        *,
        row_scale: FloatArray | None = None,
        M: FloatArray | None = None,
        low: FloatArray | None = None,
    ) -> FloatArray:
        """Sum of (s_i a_i M)^T (s_i a_i M) over the rows: one pass, n k (d + k) flops at most.

        `low`, of shape (d, m), extends the last m columns of M to M + low, whose products are then
        formed in one and a half times the working precision and three times the time.
        """
        self.passes += 1
        if M is not None and self._prefers_pairs(M.shape[1]):
            return self._gram_of_pairs(row_scale, M, low)
        product = self._product(M, low)

        def visit(start: int, stop: int, out: FloatArray) -> None:
            scale = None if row_scale is None else row_scale[start:stop]
            _blocks.add_gram(self._source.read(start, stop), product, scale, out)

        k = self.shape[1] if M is None else M.shape[1]
        G = reduce_blocks(self._bounds, (k, k), visit)
        return np.triu(G) + np.triu(G, 1).T

    def row_norms(
        self, M: FloatArray | None = None, *, p: float = 2.0, low: FloatArray | None = None
    ) -> FloatArray:
        """||a_i M||_p for every row, p in [1, inf]: one pass, 2 n d k flops, output (n,).

        `low` extends M as in `gram`.
        """
        self.passes += 1
        out = np.empty(self.shape[0])
        if M is not None and low is not None and p == 2.0 and self._prefers_pairs(M.shape[1]):
            D = self._column_scale()
            P = sparse_extended.quadratic_form(sparse_extended.coefficients(M, low, D))

            def visit(start: int, stop: int) -> None:
                block = self._source.read(start, stop)
                out[start:stop] = sparse_extended.quadratic_norms(block, D, P)
        else:
            product = self._product(M, low)

            def visit(start: int, stop: int) -> None:
                out[start:stop] = _blocks.norms(self._source.read(start, stop), product, p)

        map_blocks(self._bounds, visit)
        return out

    def _column_scale(self) -> FloatArray:
        exponent = np.frexp(self.scan().column_max)[1]
        scale: FloatArray = np.ldexp(1.0, -np.clip(exponent, -1000, 1000))
        return scale

    def _product(self, M: FloatArray | None, low: FloatArray | None) -> _blocks.Coefficients:
        if M is None or low is None or low.shape[1] == 0:
            return M
        return Extended.prepare(M, low, self._column_scale())

    def _prefers_pairs(self, k: int) -> bool:
        """Whether products of pairs of entries are cheaper than dense rows a_i M with k columns.

        A pair costs about ten times as much as a multiply-add of a_i M, and d x d work is added.
        """
        n, d = self.shape
        return self.is_sparse and 10 * self.pair_count < self.entry_count * k and n > 100 * d

    def _gram_of_pairs(
        self, row_scale: FloatArray | None, M: FloatArray, low: FloatArray | None
    ) -> FloatArray:
        d, D = self.shape[1], self._column_scale()

        def visit(start: int, stop: int, out: FloatArray) -> None:
            weight = None if row_scale is None else row_scale[start:stop] ** 2
            sparse_extended.add_gram(self._source.read(start, stop), D, weight, out)

        G = reduce_blocks(self._bounds, (3, d, d), visit, add_parts)
        low = np.zeros((d, 0)) if low is None else low
        return sparse_extended.congruent_gram(G, sparse_extended.coefficients(M, low, D))

    def quadratic(self, P: FloatArray) -> FloatArray:
        """a_i^T P a_i for a symmetric P: one pass, 2 d^2 flops a row, nnz_i^2 if it is sparse."""
        self.passes += 1
        out = np.empty(self.shape[0])

        def visit(start: int, stop: int) -> None:
            out[start:stop] = _blocks.quadratic(self._source.read(start, stop), P)

        map_blocks(self._bounds, visit)
        return out

    def matmul(self, X: FloatArray) -> FloatArray:
        """A @ X as a dense (n, k) array, or (n,) for a vector: one pass."""
        self.passes += 1
        out = np.empty((self.shape[0], *X.shape[1:]))

        def visit(start: int, stop: int) -> None:
            out[start:stop] = self._source.read(start, stop) @ X

        map_blocks(self._bounds, visit)
        return out

    def rmatmul(self, Y: FloatArray) -> FloatArray:
        """A^T @ Y as a dense (d, k) array, or (d,) for a vector: one pass."""
        self.passes += 1

        def visit(start: int, stop: int, out: FloatArray) -> None:
            out += self._source.read(start, stop).T @ Y[start:stop]

        return reduce_blocks(self._bounds, (self.shape[1], *Y.shape[1:]), visit)

    def sketch(
        self,
        S: SketchOperator,
        *,
        row_scale: FloatArray | None = None,
        column_scale: FloatArray | None = None,
    ) -> FloatArray:
        """S @ diag(row_scale) @ A @ diag(column_scale) as a dense (s, d) array: one pass."""
        self.passes += 1

        def visit(start: int, stop: int, out: FloatArray) -> None:
            scale = None if row_scale is None else row_scale[start:stop]
            block = _blocks.scaled(self._source.read(start, stop), scale, column_scale)
            S.apply_block(start, block, out=out)

        return reduce_blocks(self._bounds, (S.shape[0], self.shape[1]), visit)

    def take(self, rows: IntArray) -> Any:
        """The given rows as the user's kind of array and dtype. Not counted as a pass."""
        return self._source.take(np.asarray(rows, dtype=np.int64))
