"""`TallMatrix`: the passes. Each reads every row once, in cache-sized blocks, and returns something
small (d x d, s x d) or one number per row. Temporary memory is O(block + d^2) per thread.

A row vector is an n-vector of one number per row. Passes take and return NumPy arrays; those of a
`distributed` matrix return, and all of them accept, whatever the home of the rows keeps.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np

from .._errors import RnlaError, argument_error
from .._result import FloatArray, IntArray
from . import _visits, blocks, sparse_extended
from . import rows as row_vectors
from ._cut import Cut
from ._device import stays_on_device
from ._engine import Engine, Visit, Wrap
from ._reduction import ADD, MAX, MAX_AND_ADD, PARTS, Reduction
from ._source import Block
from .blocks import Coefficients
from .bordered import BorderedEngine
from .extended import Extended
from .row_scaled import RowScaledEngine
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
    """Largest absolute value of each column (d,) and of each row, a row vector."""

    column_max: FloatArray
    row_max: Any


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
    column_names : tuple of str, or None
        If the home of the rows has names.

    Examples
    --------
    >>> import numpy as np, rnla
    >>> tall = rnla.as_tall(np.array([[3.0, 4.0], [0.0, 1.0], [0.0, 0.0]]))
    >>> tall.row_norms()
    array([5., 1., 0.])
    >>> tall.gram().shape, tall.passes
    ((2, 2), 2)
    """

    def __init__(
        self, engine: Engine, *, name: str = "A", column_names: tuple[str, ...] | None = None
    ) -> None:
        self._engine = engine
        self.column_names = column_names
        self._name = name  # how messages call the matrix
        header = engine.header
        self.shape = header.shape
        self.dtype = header.dtype
        self.is_sparse = header.is_sparse
        self.pair_count = header.pair_count
        self.entry_count = header.entry_count
        self._gathers = True
        self._defers = False
        self._spent = [0]  # shared with twins
        self._twin: tuple[FloatArray, TallMatrix] | None = None
        self._kept: TallMatrix | None = None
        self._scan: Scan | None = None
        self._plain_gram: FloatArray | None = None

    def __repr__(self) -> str:
        kind = "sparse" if self.is_sparse else "dense"
        place = getattr(self._engine, "place", "")
        where = f", {place}" if place else ""
        return (
            f"TallMatrix(shape={self.shape}, dtype={self.dtype}, {kind}{where}, "
            f"passes={self.passes})"
        )

    @property
    def passes(self) -> int:
        """Passes over the rows spent so far."""
        return self._spent[0]

    @passes.setter
    def passes(self, count: int) -> None:
        self._spent[0] = count

    @property
    def strip_rows(self) -> int:
        """Rows computed together: Dask chunks of a multiple of so many send no rows anywhere."""
        return Cut.of(self._engine.header).strip

    def view(self, wrap: Wrap) -> TallMatrix:
        """The matrix of wrap(source), whose rows are changed as they are read; its own passes."""
        other = TallMatrix(self._engine.view(wrap), name=self._name)
        other._gathers = self._gathers or not self.is_on_device
        return other

    def through(self, wrap: Callable[[Engine], Engine]) -> TallMatrix:
        """The same matrix, read through wrap(engine); its passes count as passes over A."""
        other = copy.copy(self)
        other._engine, other._twin, other._kept = wrap(self._engine), None, None
        return other

    def with_columns(self, *vectors: Any, ones: bool = False) -> TallMatrix:
        """[A v_1 ... v_k], and a last column of ones; its passes count as passes over A.

        `vectors` are float64 row vectors. Nothing of size n d is copied.
        """
        border = BorderedEngine(self._engine, vectors, ones)
        other = TallMatrix(border, name=self._name)
        other._spent, other._gathers = self._spent, self._gathers
        return other

    def scaled_rows(self, factors: Any) -> TallMatrix:
        """diag(factors) A, a float64 row vector; its passes count as passes over A."""
        other = TallMatrix(RowScaledEngine(self._engine, factors), name=self._name)
        other._spent, other._gathers = self._spent, self._gathers
        return other

    def twin(self, units: FloatArray) -> TallMatrix:
        """A diag(units), whose passes count as passes over A. The last one made is kept."""
        if self._twin is None or not np.array_equal(self._twin[0], units):
            other = self.view(partial(ScaledSource, units=units))
            other._spent, other._gathers = self._spent, self._gathers
            self._twin = units, other
        return self._twin[1]

    def distributed(self) -> TallMatrix:
        """The same matrix, whose row vectors stay where the rows are; itself if that is here."""
        if not (self._engine.is_distributed and self._gathers):
            return self
        if self._kept is None:
            self._kept = TallMatrix(self._engine, name=self._name, column_names=self.column_names)
            self._kept._gathers, self._kept._spent = False, self._spent
        return self._kept

    @property
    def is_distributed(self) -> bool:
        """Whether passes leave row vectors where the rows are; see `distributed`."""
        return not self._gathers

    def gathered(self) -> TallMatrix:
        """The same matrix, whose row vectors come to the caller; itself if they do already."""
        if self._gathers and not self.is_on_device:
            return self
        if self.is_on_device:
            raise stays_on_device(self._name, "rows on a GPU", "one number per row")
        other = copy.copy(self)
        other._gathers, other._twin = True, None
        if self._scan is not None:
            other._scan = Scan(self._scan.column_max, row_vectors.host(self._scan.row_max))
        return other

    def deferred(self) -> TallMatrix:
        """A distributed matrix whose row vectors are computed when they are asked for."""
        other = copy.copy(self)
        other._defers, other._twin = True, None
        return other

    @property
    def is_on_device(self) -> bool:
        """Whether the rows are in the memory of a GPU."""
        return self._engine.is_on_device

    def whole(self) -> FloatArray:
        """All rows as one float64 array, here, for small matrices only: one pass."""
        if self.is_on_device:
            return self.fold(_visits.whole, self.shape)
        out = np.empty(self.shape)
        for start, block in self.blocks():
            dense = block.toarray() if hasattr(block, "toarray") else block
            out[start : start + dense.shape[0]] = dense
        return out

    def blocks(self) -> Iterator[tuple[int, Block]]:
        """Yield (start, block) over all rows: one pass. Blocks are float64 arrays or CSR arrays."""
        self.passes += 1
        yield from self._engine.blocks()

    def fold(
        self,
        visit: Visit,
        shape: tuple[int, ...],
        *,
        rows: Sequence[Any] = (),
        reduction: Reduction = ADD,
    ) -> FloatArray:
        """One pass that adds up something small.

        Parameters
        ----------
        visit : callable
            ``visit(block, start, out, *slices)`` adds what the rows start, start + 1, … contribute
            to `out`, an array of `shape` that begins as zeros and may have seen other blocks. A
            module-level function or a `functools.partial` of one, since it may be sent elsewhere.
        shape : tuple of int
        rows : sequence of row vectors
            (n,) or (n, k); a visit gets the part that belongs to its block.
        reduction : Reduction
            How accumulators are put together; sums by default.
        """
        self.passes += 1
        total, _ = self._engine.run(visit, rows=rows, shape=shape, reduction=reduction)
        assert total is not None
        return total

    def each(self, visit: Visit, *, rows: Sequence[Any] = (), width: int = 0) -> Any:
        """One pass that returns a row vector; ``visit(block, start, out, *slices)`` computes the
        part of one block, with `width` columns or, by default, one number per row."""
        self.passes += 1
        if self._defers:
            return self._engine.lazy(visit, rows=rows, width=width)
        return self._engine.run(visit, rows=rows, width=width, gather=self._gathers)[1]

    def fold_each(
        self, visit: Visit, shape: tuple[int, ...], *, rows: Sequence[Any] = (), width: int = 0
    ) -> tuple[FloatArray, Any]:
        """`fold` with sums, and `each`, in one pass: the visit adds to `out` and returns its part
        of the row vector."""
        self.passes += 1
        total, values = self._engine.run(
            visit, rows=rows, shape=shape, width=width, gather=self._gathers
        )
        assert total is not None
        return total, values

    def scan(self, *, with_gram: bool = False) -> Scan:
        """Column and row maxima of ``|A|``; cached, one pass the first time.

        That pass can compute the Gram matrix of dense rows as well, `with_gram`, for whoever asks
        next: the rows are then read once instead of twice.

        Raises
        ------
        ArgumentError
            If an entry is NaN or infinite; the message names the first such row.
        """
        if self._scan is None:
            self.passes += 1
            d = self.shape[1]
            if with_gram and not self.is_sparse:
                both, row_max = self._engine.run(
                    _visits.scan_and_gram,
                    shape=(d + 1, d),
                    reduction=MAX_AND_ADD,
                    width=0,
                    gather=self._gathers,
                )
                assert both is not None
                column_max, self._plain_gram = both[0], _symmetric(both[1:])
            else:
                found, row_max = self._engine.run(
                    _visits.scan, shape=(d,), reduction=MAX, width=0, raw=True, gather=self._gathers
                )
                assert found is not None
                column_max = found
            if not np.all(np.isfinite(column_max)):
                raise self._not_finite(row_vectors.host(row_max))
            self._scan = Scan(column_max, row_max)
        return self._scan

    def _not_finite(self, row_max: FloatArray) -> RnlaError:
        bad = np.flatnonzero(~np.isfinite(row_max))
        where = self._engine.where(int(bad[0]))
        return argument_error(
            self._name,
            f"{bad.size} row(s) with NaN or infinity, the first is row {bad[0]}"
            + (f" ({where})" if where else ""),
            "finite entries",
            "Drop or impute those rows first.",
        )

    def gram(
        self,
        *,
        row_scale: Any = None,
        M: FloatArray | None = None,
        low: FloatArray | None = None,
    ) -> FloatArray:
        """Sum of (s_i a_i M)^T (s_i a_i M) over the rows: one pass, n k (d + k) flops at most.

        No pass if neither a scale nor M is given and `scan` has computed it already.
        `low`, of shape (d, m), extends the last m columns of M to M + low, whose products are then
        formed in one and a half times the working precision and three times the time.
        """
        if M is not None and self._prefers_pairs(M.shape[1]):
            return self._gram_of_pairs(row_scale, M, low)
        if M is None and row_scale is None and self._plain_gram is not None:
            return self._plain_gram.copy()
        k = self.shape[1] if M is None else M.shape[1]
        visit = partial(_visits.gram, self._product(M, low))
        return _symmetric(self.fold(visit, (k, k), rows=_present(row_scale)))

    def row_norms(
        self, M: FloatArray | None = None, *, p: float = 2.0, low: FloatArray | None = None
    ) -> Any:
        """||a_i M||_p for every row, p in [1, inf]: one pass, 2 n d k flops; a row vector.

        `low` extends M as in `gram`.
        """
        if M is not None and low is not None and p == 2.0 and self._prefers_pairs(M.shape[1]):
            D = self._column_scale()
            P = sparse_extended.quadratic_form(sparse_extended.coefficients(M, low, D))
            return self.each(partial(_visits.norms_of_pairs, D, P))
        return self.each(partial(_visits.norms, self._product(M, low), p))

    def _column_scale(self) -> FloatArray:
        exponent = np.frexp(self.scan().column_max)[1]
        scale: FloatArray = np.ldexp(1.0, -np.clip(exponent, -1000, 1000))
        return scale

    def _product(self, M: FloatArray | None, low: FloatArray | None) -> Coefficients:
        if M is None or low is None or low.shape[1] == 0:
            return M
        return Extended.prepare(M, low, self._column_scale())

    def _prefers_pairs(self, k: int) -> bool:
        """Whether products of pairs of entries are cheaper than dense rows a_i M with k columns.

        A pair costs about ten times as much as a multiply-add of a_i M, and d x d work is added.
        """
        n, d = self.shape
        if self.is_on_device:
            return False
        return self.is_sparse and 10 * self.pair_count < self.entry_count * k and n > 100 * d

    def _gram_of_pairs(self, row_scale: Any, M: FloatArray, low: FloatArray | None) -> FloatArray:
        d, D = self.shape[1], self._column_scale()
        visit = partial(_visits.gram_of_pairs, D)
        G = self.fold(visit, (3, d, d), rows=_present(row_scale), reduction=PARTS)
        low = np.zeros((d, 0)) if low is None else low
        return sparse_extended.congruent_gram(G, sparse_extended.coefficients(M, low, D))

    def quadratic(self, P: FloatArray) -> Any:
        """a_i^T P a_i for a symmetric P: one pass, 2 d^2 flops a row, nnz_i^2 if it is sparse."""
        return self.each(partial(_visits.quadratic, P))

    def matmul(self, X: FloatArray) -> Any:
        """A @ X as a dense (n, k) array, or (n,) for a vector: one pass."""
        if X.ndim == 2 and X.shape[1] == 0 and not self.is_on_device:
            return np.empty((self.shape[0], 0))
        return self.each(partial(_visits.matmul, X), width=0 if X.ndim == 1 else X.shape[1])

    def rmatmul(self, Y: Any) -> FloatArray:
        """A^T @ Y as a dense (d, k) array, or (d,) for a vector: one pass."""
        return self.fold(_visits.rmatmul, (self.shape[1], *Y.shape[1:]), rows=(Y,))

    def sketch(
        self,
        S: SketchOperator,
        *,
        row_scale: Any = None,
        column_scale: FloatArray | None = None,
    ) -> FloatArray:
        """S @ diag(row_scale) @ A @ diag(column_scale) as a dense (s, d) array: one pass."""
        visit = partial(_visits.sketch, S, column_scale)
        return self.fold(visit, (S.shape[0], self.shape[1]), rows=_present(row_scale))

    def take(self, rows: IntArray) -> Any:
        """The given rows as the user's kind of array and dtype. Not counted as a pass."""
        return self._engine.take(np.asarray(rows, dtype=np.int64))

    def product_of_taken(
        self, taken: Any, M: FloatArray, *, low: FloatArray | None = None
    ) -> FloatArray:
        """a_i M, dense (k, r), for k rows that `take` returned; `low` as in `gram`. No pass."""
        return blocks.product(taken.astype(np.float64), self._product(M, low), None)


def _symmetric(upper: FloatArray) -> FloatArray:
    """The matrix of which only this triangle was needed."""
    return np.triu(upper) + np.triu(upper, 1).T


def _present(row_scale: Any) -> tuple[Any, ...]:
    return () if row_scale is None else (row_scale,)
