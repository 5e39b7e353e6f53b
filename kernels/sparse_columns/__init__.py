"""Products with a sparse matrix S given by its columns: S[:, block] @ block and its transpose.

Column i of S has entries `indptr[i]` to `indptr[i + 1] - 1` of `places` (its rows, distinct) and
`values`. Rows of the block are read in order, once, and fetched ahead of their use; rows of the
result stay in the second-level cache while they are few thousand numbers. Cost: one multiply-add
per entry of S and entry of the block's row. Entries are added in the order of i, then of `places`:
on a GPU by sorting the entries of S, or, with deterministic=False, in any order, atomically.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import device_of

__all__ = ["add_csr", "add_dense", "transposed"]


def add_dense(
    indptr: Any, places: Any, values: Any, block: Any, out: Any, *, deterministic: bool = True
) -> None:
    """Add S @ block to `out` (s, d); `block` (m, d) and `out` are C-contiguous float64, on a GPU
    also float32 blocks."""
    device = device_of(indptr, places, values, block, out)
    if device is not None:
        from . import cuda

        cuda.add_dense(device, indptr, places, values, block, out, deterministic)
        return
    from . import cpu

    cpu.add_dense(indptr, places, values, block, out)


def add_csr(
    indptr: Any,
    places: Any,
    values: Any,
    data: Any,
    indices: Any,
    row_starts: Any,
    out: Any,
    *,
    deterministic: bool = True,
) -> None:
    """The same for a block of CSR rows (data, indices, row_starts), distinct indices in a row."""
    device = device_of(indptr, places, values, data, indices, row_starts, out)
    if device is not None:
        from . import cuda

        cuda.add_csr(
            *(device, indptr, places, values, data, indices, row_starts, out, deterministic)
        )
        return
    from . import cpu

    cpu.add_csr(indptr, places, values, data, indices, row_starts, out)


def transposed(indptr: Any, places: Any, values: Any, Y: Any) -> Any:
    """S^T @ Y for a C-contiguous float64 Y (s, k), one row per column of S."""
    device = device_of(indptr, places, values, Y)
    if device is not None:
        from . import cuda

        return cuda.transposed(device, indptr, places, values, Y)
    from . import cpu

    out = np.zeros((indptr.size - 1, Y.shape[1]))
    cpu.add_transposed(indptr, places, values, Y, out)
    return out
