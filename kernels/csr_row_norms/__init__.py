"""Row norms ||a_i M||_p of sparse rows times a small dense matrix, without forming the product.

Cost 2 nnz k flops for M of shape (d, k); one k-vector of scratch. Row i of the product is a sum of
nnz_i rows of M, so M is best row-major.
"""

from __future__ import annotations

import numpy as np

__all__ = ["csr_row_norms"]


def csr_row_norms(
    data: np.ndarray, indices: np.ndarray, indptr: np.ndarray, M: np.ndarray, p: float
) -> np.ndarray:
    """Return the norms, a float64 array with one entry per row; p in [1, inf]."""
    from . import cpu

    out = np.empty(indptr.size - 1)
    cpu.csr_row_norms(data, indices, indptr, np.ascontiguousarray(M, dtype=np.float64), p, out)
    return out
