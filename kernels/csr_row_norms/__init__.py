"""Row norms ||a_i M||_p of sparse rows times a small dense matrix, without forming the product.

Cost 2 nnz k flops for M of shape (d, k); one k-vector of scratch. Row i of the product is a sum of
nnz_i rows of M, so M is best row-major. A row whose product holds NaN has norm NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import device_of

__all__ = ["csr_row_norms"]


def csr_row_norms(data: Any, indices: Any, indptr: Any, M: Any, p: float) -> Any:
    """Return the norms, a float64 array with one entry per row; p in [1, inf]."""
    device = device_of(data, indices, indptr, M)
    if device is not None:
        from . import cuda

        return cuda.csr_row_norms(device, data, indices, indptr, M, p)
    from . import cpu

    out = np.empty(indptr.size - 1)
    cpu.csr_row_norms(data, indices, indptr, np.ascontiguousarray(M, dtype=np.float64), p, out)
    return out
