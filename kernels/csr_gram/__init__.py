"""Dense Gram matrix of sparse rows, sum over i of s_i^2 a_i a_i^T, in one sweep.

Every row contributes nnz_i (nnz_i + 1) / 2 multiply-adds to the upper triangle; no n x d temporary.
"""

from __future__ import annotations

import numpy as np

__all__ = ["csr_gram"]


def csr_gram(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    columns: int,
    row_scale: np.ndarray | None = None,
) -> np.ndarray:
    """Return the (columns, columns) float64 Gram matrix of CSR rows with sorted indices."""
    from . import cpu

    out = np.zeros((columns, columns))
    if row_scale is None:
        cpu.csr_gram(data, indices, indptr, out)
    else:
        cpu.csr_gram_scaled(data, indices, indptr, row_scale, out)
    return out + np.triu(out, 1).T
