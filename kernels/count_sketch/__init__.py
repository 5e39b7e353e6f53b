"""One random row and one random sign for every column of a sketch.

Column i gets them from the Philox words of (key, global index i, draw): the upper 32 bits of word 0
times the number of rows give the row (bias below rows / 2^32), the low bit of word 1 the sign.
About 1 ns a column.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import device_of

__all__ = ["add_dense", "columns"]


def columns(
    key: int, start: int, count: int, rows: int, draw: int = 0, *, like: Any = None
) -> tuple[Any, Any]:
    """Rows (int64) and signs (float64) of `count` columns from `start` on, where `like` is."""
    device = device_of(like)
    if device is not None:
        from . import cuda

        return cuda.columns(device, key, start, count, rows, draw)
    from . import cpu

    places = np.empty(count, dtype=np.int64)
    signs = np.empty(count)
    cpu.columns(np.uint64(key), np.uint64(start), np.uint64(draw), np.uint64(rows), places, signs)
    return places, signs


def add_dense(key: int, start: int, block: Any, out: Any, *, deterministic: bool = True) -> None:
    """Add S[:, start : start + len(block)] @ block to `out`, S being drawn on the way; both arrays
    are C-contiguous float64, on a GPU also float32 blocks.

    Sums are in the order of the rows; on a GPU, with deterministic=False, in any order, which saves
    sorting the entries of S.
    """
    device = device_of(block, out)
    if device is not None:
        from . import cuda

        cuda.add_dense(device, key, start, block, out, deterministic)
        return
    from . import cpu

    cpu.add_dense(np.uint64(key), np.uint64(start), block, out)
