"""The result of orthonormalising a tall matrix: everything d x d that later passes need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg

from .._result import FloatArray, IntArray, Status
from ..tall import TallMatrix, rows

__all__ = ["Basis"]


@dataclass(frozen=True, eq=False)
class Basis:
    """An orthonormal basis Q = diag(s) A M of the column space of diag(s) A, kept as M.

    Attributes
    ----------
    M : ndarray, shape (d, rank)
        Coefficients: diag(s) A M has orthonormal columns. Rows of dropped columns are zero.
    R : ndarray, shape (rank, d)
        The other factor: diag(s) A = Q R up to rounding and the dropped directions.
    rank : int
        Numerical rank r.
    condition : float
        Estimate of the condition number after scaling the kept columns to equal norm.
    gap : float
        Last kept over first dropped pivot; infinite if no column was dropped.
    path : str
        The algorithm that ran.
    pivots : ndarray of int, shape (rank,)
        The columns that span the space, in pivot order.
    status : Status
        OK, RANK_DEFICIENT or AMBIGUOUS_RANK.
    low : ndarray, shape (d, m), or None
        If A is ill-conditioned, the bits of the last m columns of M that do not fit into M: pass
        it to `TallMatrix.row_norms` to keep every row accurate. `leverage` does.
    """

    M: FloatArray
    R: FloatArray
    rank: int
    condition: float
    gap: float
    path: str
    pivots: IntArray
    status: Status = Status.OK
    low: FloatArray | None = None

    def leverage(self, A: TallMatrix, row_scale: Any = None) -> Any:
        """Leverage scores ||s_i a_i M||^2 of the matrix this basis belongs to, at most 1: one pass.

        Sparse rows of a well-conditioned matrix cost nnz_i^2 as a_i^T (M M^T) a_i; the others
        nnz_i r each.
        """
        if self.path == "gram" and A.pair_count < A.shape[0] * self.rank and self._is_tame():
            scores = A.quadratic(self.M @ self.M.T)
            if row_scale is not None:
                scores = scores * row_scale**2
        else:
            norms = A.row_norms(self.M, low=self.low)
            scores = (norms if row_scale is None else norms * row_scale) ** 2
        return rows.each(_clipped, scores)

    def _is_tame(self) -> bool:
        size = np.abs(self.M).max(axis=1)
        return bool(np.all((size < 1e100) & ((size > 1e-100) | (size == 0.0))))

    def null_space(self) -> FloatArray:
        """Basis N of the x with A x = 0, shape (d, d - rank), one unit entry per dropped column."""
        d = self.R.shape[1]
        dropped = np.setdiff1d(np.arange(d), self.pivots)
        N = np.zeros((d, dropped.size))
        if dropped.size:
            N[dropped, np.arange(dropped.size)] = 1.0
            if self.rank:
                N[self.pivots] = -scipy.linalg.solve(self.R[:, self.pivots], self.R[:, dropped])
        return N


def _clipped(scores: FloatArray) -> FloatArray:
    return np.clip(scores, 0.0, 1.0)
