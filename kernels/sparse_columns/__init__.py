"""Products with a sparse matrix S given by its columns: S[:, block] @ block and its transpose.

Column i of S has entries `indptr[i]` to `indptr[i + 1] - 1` of `places` (its rows) and `values`.
Rows of the block are read in order, once, and fetched ahead of their use; rows of the result stay
in the second-level cache while they are few thousand numbers. Cost: one multiply-add per entry of S
and entry of the block's row. Entries are added in the order of i, then of `places`.
"""

from __future__ import annotations

import numpy as np

__all__ = ["add_csr", "add_dense", "transposed"]


def add_dense(
    indptr: np.ndarray, places: np.ndarray, values: np.ndarray, block: np.ndarray, out: np.ndarray
) -> None:
    """Add S @ block to `out` (s, d); `block` (m, d) and `out` are C-contiguous float64."""
    from . import cpu

    cpu.add_dense(indptr, places, values, block, out)


def add_csr(
    indptr: np.ndarray,
    places: np.ndarray,
    values: np.ndarray,
    data: np.ndarray,
    indices: np.ndarray,
    row_starts: np.ndarray,
    out: np.ndarray,
) -> None:
    """The same for a block of CSR rows (data, indices, row_starts)."""
    from . import cpu

    cpu.add_csr(indptr, places, values, data, indices, row_starts, out)


def transposed(
    indptr: np.ndarray, places: np.ndarray, values: np.ndarray, Y: np.ndarray
) -> np.ndarray:
    """S^T @ Y for a C-contiguous float64 Y (s, k), one row per column of S."""
    from . import cpu

    out = np.zeros((indptr.size - 1, Y.shape[1]))
    cpu.add_transposed(indptr, places, values, Y, out)
    return out
