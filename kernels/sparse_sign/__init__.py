"""Columns of sparse sign sketches: distinct random rows with random signs.

Column i has its entries in distinct rows, uniform over all choices (Floyd's sampling without
replacement), from the Philox words of (key, global index i): no column depends on the block it is
computed in. Word 4b + j feeds entry 4b + j: the low bit is the sign, the upper 31 bits times the
number of choices left give the place (bias below 2^-31 times that number); at most 2^31 - 1 rows.
Cost k^2 / 2 comparisons for k entries, about 10 ns a column for k = 8.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import device_of

__all__ = ["add_dense", "columns", "ragged_columns"]


def columns(
    key: int, start: int, count: int, rows: int, nonzeros: int, *, like: Any = None
) -> tuple[Any, Any]:
    """Rows and signs of the entries of `count` columns from `start` on, (count, nonzeros) each,
    where `like` is."""
    device = device_of(like)
    if device is not None:
        from . import cuda

        return cuda.columns(device, key, start, count, rows, nonzeros)
    from . import cpu

    places = np.empty((count, nonzeros), dtype=np.int64)
    signs = np.empty((count, nonzeros))
    cpu.columns(np.uint64(key), np.uint64(start), rows, places, signs)
    return places, signs


def ragged_columns(key: int, start: int, rows: int, indptr: Any) -> tuple[Any, Any]:
    """The same with indptr[i + 1] - indptr[i] entries in column start + i, one after another."""
    device = device_of(indptr)
    if device is not None:
        from . import cuda

        return cuda.ragged_columns(device, key, start, rows, indptr)
    from . import cpu

    places = np.empty(indptr[-1], dtype=np.int64)
    signs = np.empty(indptr[-1])
    cpu.ragged_columns(np.uint64(key), np.uint64(start), rows, indptr, places, signs)
    return places, signs


def add_dense(
    key: int, start: int, block: Any, nonzeros: int, out: Any, *, deterministic: bool = True
) -> None:
    """Add S[:, start : start + len(block)] @ block to `out`, S being drawn on the way, its entries
    +-1/sqrt(nonzeros); both arrays are C-contiguous float64, on a GPU also float32 blocks.

    Sums are in the order of the rows; on a GPU, with deterministic=False, in any order.
    """
    device = device_of(block, out)
    if device is not None:
        from . import cuda

        cuda.add_dense(device, key, start, block, nonzeros, out, deterministic)
        return
    from . import cpu

    cpu.add_dense(np.uint64(key), np.uint64(start), block, nonzeros, out)
