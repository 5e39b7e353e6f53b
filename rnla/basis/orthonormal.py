"""`orthonormal_basis`: from a tall matrix to d x d coefficients of an orthonormal basis.

First version: pivoted Householder QR in memory when small, blocked QR of the rows otherwise.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg

from .._result import FloatArray, Status
from ..tall import TallMatrix, single_threaded_blas
from ._record import Basis

__all__ = ["orthonormal_basis"]

_EPS = float(np.finfo(float).eps)


def orthonormal_basis(
    A: TallMatrix,
    *,
    row_scale: FloatArray | None = None,
    start: Basis | None = None,
    rank: int | None = None,
    rcond: float | None = None,
    ridge: float = 0.0,
    path: str = "auto",
    seed: int = 0,
) -> Basis:
    """Coefficients M such that diag(row_scale) A M has orthonormal columns."""
    n, d = A.shape
    scan = A.scan()
    with single_threaded_blas():
        largest = np.where(scan.column_max > 0, scan.column_max, 1.0)
        column_scale = 2.0 ** -np.round(np.log2(largest))
        R = np.zeros((0, d))
        for begin, block in A.blocks():
            rows = block if isinstance(block, np.ndarray) else block.toarray()
            rows = rows * column_scale
            if row_scale is not None:
                rows *= row_scale[begin : begin + rows.shape[0], None]
            rows = rows[np.argsort(-np.abs(rows).max(axis=1), kind="stable")]
            R = np.linalg.qr(np.vstack([R, rows]), mode="r")
        if ridge > 0:
            R = np.linalg.qr(np.vstack([R, np.sqrt(ridge) * np.diag(column_scale)]), mode="r")
        norm = np.sqrt((R**2).sum(axis=0))
        norm[norm == 0] = 1.0
        T, pivots = scipy.linalg.qr(R / norm, mode="r", pivoting=True)
        T = T[:d]
        column_scale = column_scale / norm
        diagonal = np.append(np.abs(np.diag(T)), np.zeros(d))[: d + 1]
        tol = _EPS * (10 + d + np.sqrt(n)) if rcond is None else rcond
        r = int((diagonal > tol * diagonal[0]).sum()) if rank is None else rank
        M = np.zeros((d, r))
        M[pivots[:r]] = scipy.linalg.solve_triangular(T[:r, :r], np.eye(r))
        R = np.empty((r, d))
        R[:, pivots] = T[:r]
        M *= column_scale[:, None]
        R /= column_scale
    G = A.gram(row_scale=row_scale, M=M)
    with single_threaded_blas():
        if ridge > 0:
            G += ridge * M.T @ M
        L = np.linalg.cholesky(G)
        M = scipy.linalg.solve_triangular(L, M.T, lower=True).T
        R = L.T @ R
        singular = np.linalg.svd(T[:r, :r], compute_uv=False) if r else np.ones(1)
    gap = float(diagonal[r - 1] / diagonal[r]) if 0 < r < d and diagonal[r] > 0 else np.inf
    status = Status.OK
    if r < d:
        status = Status.RANK_DEFICIENT if gap >= 1e3 else Status.AMBIGUOUS_RANK
    condition = float(singular[0] / singular[-1])
    return Basis(M, R, r, condition, gap, "blocked_qr", pivots[:r].astype(np.int64), status)
