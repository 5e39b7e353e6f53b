"""Householder QR of a small matrix, rows sorted by size and columns pivoted.

With that order QR is backward stable row by row (Powell and Reid 1969; Cox and Higham, BIT 1998),
so rows whose sizes differ by many powers of ten all keep relative accuracy. One Cholesky step on
the rows solved with R then removes what is left. Cost 4 n d^2 flops and one copy of the matrix.
"""

from __future__ import annotations

import numpy as np

from .._result import FloatArray, IntArray
from ..tall import single_threaded_blas
from ._factor import Factor, cholesky_step, pivoted
from ._operand import Operand
from .extended import columns_to_extend, extended_step

__all__ = ["householder"]


def householder(
    B: Operand, rank: int | None, rcond: float, pivots: IntArray | None = None
) -> Factor:
    """Factor a small operand: one pass, n x d memory. `pivots` fixes the columns to keep."""
    rows = B.rows()
    with single_threaded_blas():
        order = np.argsort(-np.abs(rows).max(axis=1), kind="stable")
        if pivots is None:
            factor = pivoted(rows[order], rank, rcond)
        else:
            factor = _among(pivots, rows[order])
        if factor.pivots.size == 0:
            return factor
        m = columns_to_extend(factor)
        if m == 0:
            Y = rows @ factor.M
            return cholesky_step(factor, Y.T @ Y)
    return extended_step(B, factor, m)


def _among(columns: IntArray, rows: FloatArray) -> Factor:
    part = pivoted(rows[:, columns], columns.size, 0.0)
    M = np.zeros((rows.shape[1], part.pivots.size))
    M[columns] = part.M
    R = (rows @ M).T @ rows
    R[:, columns] = part.R
    return Factor(M, R, columns[part.pivots], np.inf)
