"""Sparse sign sketch S @ A of consecutive rows, with S drawn as it is applied.

Column i of S has `nonzeros` entries +-1/sqrt(nonzeros) in distinct rows, uniform over all choices
(Floyd's sampling without replacement), from the Philox words of (key, global row i): no column
depends on the block it is computed in. Word 4b + j feeds entry 4b + j: the low bit is the sign, the
upper 31 bits times the number of choices left give the place (bias below 2^-31 times that number).
Cost `nonzeros` multiply-adds per entry of A.
"""

from __future__ import annotations

import numpy as np

__all__ = ["add_csr_sketch", "add_dense_sketch", "columns"]


def columns(
    key: int, start: int, count: int, rows: int, nonzeros: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rows and signs of the entries of `count` columns from `start` on, (count, nonzeros) each."""
    from . import cpu

    places = np.empty((count, nonzeros), dtype=np.int64)
    signs = np.empty((count, nonzeros))
    cpu.columns(np.uint64(key), np.uint64(start), rows, places, signs)
    return places, signs


def add_dense_sketch(
    key: int, start: int, block: np.ndarray, nonzeros: int, out: np.ndarray
) -> None:
    """Add S[:, start : start + len(block)] @ block to `out` (s, d); `block` is C-contiguous."""
    from . import cpu

    cpu.add_dense_sketch(np.uint64(key), np.uint64(start), block, nonzeros, out)


def add_csr_sketch(
    key: int,
    start: int,
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    nonzeros: int,
    out: np.ndarray,
) -> None:
    """The same for CSR rows."""
    from . import cpu

    cpu.add_csr_sketch(np.uint64(key), np.uint64(start), data, indices, indptr, nonzeros, out)
