"""Dense Gram matrix of sparse rows, sum over i of s_i^2 a_i a_i^T, in one sweep.

Every row contributes nnz_i (nnz_i + 1) / 2 multiply-adds to the upper triangle; no n x d temporary.
"""

from __future__ import annotations

from typing import Any

from ..dispatch import device_of

__all__ = ["add_csr_gram"]


def add_csr_gram(
    data: Any,
    indices: Any,
    indptr: Any,
    row_scale: Any,
    out: Any,
) -> None:
    """Add the upper triangle of the Gram matrix of CSR rows with sorted indices to `out` (d, d)."""
    device = device_of(data, indices, indptr, row_scale, out)
    if device is not None:
        from . import cuda

        cuda.add_csr_gram(device, data, indices, indptr, row_scale, out)
        return
    from . import cpu

    if row_scale is None:
        cpu.csr_gram(data, indices, indptr, out)
    else:
        cpu.csr_gram_scaled(data, indices, indptr, row_scale, out)
