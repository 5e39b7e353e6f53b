"""Gram matrices and quadratic forms of sparse rows to about 150 bits, for ill-conditioned matrices.

Every product of two entries is formed exactly (Dekker 1971) and added into a sum of three float64
(Knuth's two-sum; Ogita, Rump and Oishi, SISC 2005), so that cond(A)^2 up to 10^30 does no harm.
About 50 flops a product of entries for the Gram matrix and 100 for the forms, nnz_i (nnz_i + 1) / 2
products a row: for very sparse rows far less than a product with a dense d x d matrix.
"""

from __future__ import annotations

import numpy as np

__all__ = ["add_gram", "quadratic"]


def add_gram(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    column_scale: np.ndarray,
    row_weight: np.ndarray | None,
    out: np.ndarray,
) -> None:
    """Add sum_i w_i (D a_i)(D a_i)^T to the upper triangles of `out`, three parts of shape (d, d).

    D, the column scale, holds powers of two; indices are sorted within rows.
    """
    from . import cpu

    if row_weight is None:
        row_weight = np.empty(0)
    cpu.add_gram(data, indices, indptr, column_scale, row_weight, out[0], out[1], out[2])


def quadratic(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    column_scale: np.ndarray,
    P: np.ndarray,
) -> np.ndarray:
    """Return a_i^T D P D a_i, rounded once, for a symmetric P given in three parts (3, d, d)."""
    from . import cpu

    out = np.empty(indptr.size - 1)
    cpu.quadratic(data, indices, indptr, column_scale, P[0], P[1], P[2], out)
    return out
