"""Coordinates in which the constrained problem is well conditioned, made once per matrix.

Columns are scaled by powers of two, a column-pivoted QR of the rows in falling order of size gives
R and the rank r, and the iteration runs in z = R x on the pivot columns: the columns of
B = A R^{-1} are orthonormal up to rounding, row by row accurately because R is solved against the
original rows. Cost 3 n d^2 flops; memory n r for a dense matrix, O(nnz + d^2) for a sparse one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import scipy.linalg as sla
import scipy.sparse as sp

from .._result import FloatArray, IntArray
from ..tall import TallMatrix, as_tall, single_threaded_blas

__all__ = ["DenseRange", "Range", "RowSpace", "SparseRange", "row_space"]

_PAIRED_ROWS = 1024  # rows whose pairwise products are formed at a time


class Range(Protocol):
    """An n x r matrix B with nearly orthonormal columns."""

    rows: int
    rank: int

    def image(self, z: FloatArray) -> FloatArray:
        """B z, shape (n,) or (n, k)."""

    def adjoint(self, u: FloatArray) -> FloatArray:
        """B^T u, shape (r,) or (r, k)."""

    def gram(self, weights: FloatArray | None = None) -> FloatArray:
        """B^T diag(weights) B, shape (r, r)."""

    def grams(self, W: FloatArray) -> FloatArray:
        """B^T diag(w_j) B for every column w_j of W, shape (k, r, r)."""


class DenseRange:
    """B held as one Fortran-ordered array, the layout in which a weighted Gram is fastest."""

    def __init__(self, B: FloatArray) -> None:
        self.B = B
        self.rows, self.rank = B.shape

    def image(self, z: FloatArray) -> FloatArray:
        result: FloatArray = self.B @ z
        return result

    def adjoint(self, u: FloatArray) -> FloatArray:
        result: FloatArray = self.B.T @ u
        return result

    def gram(self, weights: FloatArray | None = None) -> FloatArray:
        B = self.B if weights is None else self.B * np.sqrt(weights)[:, None]
        result: FloatArray = B.T @ B
        return result

    def grams(self, W: FloatArray) -> FloatArray:
        # One matrix product of the r (r + 1) / 2 pairwise products of columns with the weights.
        r = self.rank
        a, b = np.triu_indices(r)
        packed = np.zeros((len(a), W.shape[1]))
        for start in range(0, self.rows, _PAIRED_ROWS):
            rows = self.B[start : start + _PAIRED_ROWS]
            packed += (rows[:, a] * rows[:, b]).T @ W[start : start + _PAIRED_ROWS]
        G = np.empty((W.shape[1], r, r))
        G[:, a, b] = packed.T
        G[:, b, a] = packed.T
        return G


class SparseRange:
    """B = C R^{-1} applied as two steps; C is the sparse matrix of scaled pivot columns."""

    def __init__(self, C: sp.csr_array, R: FloatArray) -> None:
        self.C, self.R = C, R
        self.transposed = sp.csr_array(C.T)
        # Threads over row blocks pay from here on.
        self._tall = as_tall(C, require_tall=False) if R.size and C.nnz > 50_000 else None
        self.rows, self.rank = C.shape

    def image(self, z: FloatArray) -> FloatArray:
        result: FloatArray = self.C @ _solve(self.R, z)
        return result

    def adjoint(self, u: FloatArray) -> FloatArray:
        return _solve(self.R, self.transposed @ u, transposed=True)

    def gram(self, weights: FloatArray | None = None) -> FloatArray:
        if self._tall is not None:
            gram = self._tall.gram(row_scale=None if weights is None else np.sqrt(weights))
        else:
            left = self.transposed.copy()
            if weights is not None:
                left.data *= weights[left.indices]
            gram = (left @ self.C).toarray()
        half = _solve(self.R, gram, transposed=True)
        result = _solve(self.R, np.ascontiguousarray(half.T), transposed=True)
        return 0.5 * (result + result.T)

    def grams(self, W: FloatArray) -> FloatArray:
        return np.array([self.gram(W[:, j]) for j in range(W.shape[1])])


def _solve(R: FloatArray, b: FloatArray, *, transposed: bool = False) -> FloatArray:
    if R.size == 0:
        return b
    result: FloatArray = sla.solve_triangular(
        R, b, trans="T" if transposed else "N", check_finite=False
    )
    return result


@dataclass(frozen=True)
class RowSpace:
    """Maps between x in R^d and the coordinates z in R^r, and between g and h.

    Attributes
    ----------
    range : Range
        B, over the rows that are not zero.
    kept : ndarray of int or None
        Those rows; None if there is no zero row.
    scale : ndarray, shape (d,)
        Powers of two by which the columns were multiplied.
    pivots, rest : ndarray of int
        Independent columns and the others.
    R, coupling : ndarray, shapes (r, r) and (r, d - r)
        Triangular factor, and the rest as combinations of the pivots: A_rest = A_pivots coupling.
    shape : tuple of int
    """

    range: Range
    kept: IntArray | None
    scale: FloatArray
    pivots: IntArray
    rest: IntArray
    R: FloatArray
    coupling: FloatArray
    shape: tuple[int, int]

    @property
    def rank(self) -> int:
        """Numerical rank r."""
        return len(self.pivots)

    def coordinates(self, g: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return h with g^T x = h^T z on the row space, and the part of g outside it.

        Shapes (r,) and (d - r,) for g of shape (d,); (r, k) and (k, d - r) for (k, d).
        """
        scaled = g * self.scale
        pivots = scaled[..., self.pivots]
        outside = scaled[..., self.rest] - pivots @ self.coupling
        return _solve(self.R, pivots.T, transposed=True), outside

    def lift(self, z: FloatArray) -> FloatArray:
        """Return the x on the pivot columns with the coordinates z."""
        x = np.zeros(self.shape[1])
        x[self.pivots] = _solve(self.R, z)
        return x * self.scale

    def lower(self, x: FloatArray) -> FloatArray:
        """Return the coordinates z of x."""
        scaled = x / self.scale
        z: FloatArray = self.R @ (scaled[self.pivots] + self.coupling @ scaled[self.rest])
        return z

    def null_vector(self, outside: FloatArray) -> FloatArray:
        """Return x with A x = 0 and g^T x = 1 for the g whose outside part is given."""
        largest = float(np.max(np.abs(outside)))
        unit = outside / largest
        step = unit / (unit @ unit) / largest
        x = np.zeros(self.shape[1])
        x[self.rest] = step
        x[self.pivots] = -self.coupling @ step
        return x * self.scale

    def expand(self, v: FloatArray) -> FloatArray:
        """Return a vector over the nonzero rows as one over all rows."""
        if self.kept is None:
            return v
        full = np.zeros(self.shape[0])
        full[self.kept] = v
        return full


def row_space(A: TallMatrix, *, rcond: float | None = None, rank: int | None = None) -> RowSpace:
    """Factor A once.

    Parameters
    ----------
    A : TallMatrix, shape (n, d)
        Finite. Two passes are spent.
    rcond : float, optional
        Pivots up to this multiple of the largest count as zero; default max(n, d) * 2.2e-16.
    rank : int, optional
        Number of pivots to keep if it was decided elsewhere; zero pivots are never kept.
    """
    n, d = A.shape
    scan = A.scan()
    scale = _powers_of_two(scan.column_max)
    nonzero = np.flatnonzero(scan.row_max)
    kept = None if len(nonzero) == n else nonzero
    rows: Any = _gather(A, scale)
    if kept is not None:
        rows = rows[kept]
    with single_threaded_blas():
        R, pivots = _triangular_factor(rows)
        diagonal = np.abs(np.diag(R))
        cut = max(n, d) * np.finfo(float).eps if rcond is None else rcond
        kept_pivots = diagonal > (cut * diagonal[:1] if rank is None else 0.0)
        most = len(diagonal) if rank is None else rank
        rank = min(int(np.sum(kept_pivots)), most)
        R11 = np.ascontiguousarray(R[:rank, :rank])
        coupling = _solve(R11, R[:rank, rank:])
        chosen = rows[:, pivots[:rank]]
        B: Range
        if sp.issparse(chosen):
            B = SparseRange(sp.csr_array(chosen), R11)
        else:
            B = DenseRange(np.asfortranarray(_solve(R11, chosen.T, transposed=True).T))
    return RowSpace(B, kept, scale, pivots[:rank], pivots[rank:], R11, coupling, (n, d))


def _powers_of_two(column_max: FloatArray) -> FloatArray:
    exponent = np.where(column_max > 0.0, np.frexp(column_max)[1], 0)
    scale: FloatArray = np.ldexp(1.0, -np.clip(exponent, -1000, 1000))
    return scale


def _gather(A: TallMatrix, scale: FloatArray) -> Any:
    """All rows in memory with scaled columns, float64, sparse if A is."""
    if A.is_sparse:
        blocks = [block for _, block in A.blocks()]
        whole = sp.csr_array(sp.vstack(blocks, format="csr"), dtype=np.float64, copy=True)
        whole.data *= scale[whole.indices]
        return whole
    dense = np.empty(A.shape, order="F")
    for start, block in A.blocks():
        np.multiply(block, scale, out=dense[start : start + len(block)])
    return dense


def _triangular_factor(rows: Any) -> tuple[FloatArray, IntArray]:
    """R and pivots of a column-pivoted QR; large rows first, so that small rows keep digits."""
    n, d = rows.shape
    if n == 0:
        return np.zeros((0, d)), np.arange(d)
    if sp.issparse(rows):
        size = abs(rows).max(axis=1).toarray().ravel()
    else:
        size = np.max(np.abs(rows), axis=1)
    order = np.argsort(-size, kind="stable")
    if not sp.issparse(rows):
        _, R, pivots = sla.qr(rows[order], mode="raw", pivoting=True, check_finite=False)
        return np.triu(R[: min(n, d)]), pivots.astype(np.int64)
    stacked = np.zeros((0, d))
    step = max(4 * d, 1024)
    for start in range(0, n, step):
        stacked = np.vstack([stacked, rows[order[start : start + step]].toarray()])
        stacked = sla.qr(stacked, mode="r", check_finite=False)[0][:d]
    _, R, pivots = sla.qr(stacked, mode="economic", pivoting=True, check_finite=False)
    return R, pivots.astype(np.int64)
