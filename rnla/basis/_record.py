"""The result of orthonormalising a tall matrix: everything d x d that later passes need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from .._result import FloatArray, IntArray, Status

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
    """

    M: FloatArray
    R: FloatArray
    rank: int
    condition: float
    gap: float
    path: str
    pivots: IntArray
    status: Status = Status.OK

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
