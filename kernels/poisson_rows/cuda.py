"""Launches of the Poisson decisions (see the contract beside this file)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import Launch, blocks

THREADS = 256
TILE = 8 * THREADS  # rows, as in cuda.cu


def poisson_rows(device: Any, key: int, start: int, q: Any, least: float) -> Any:
    """Waits for the device once, to learn how many rows there are."""
    q = device.contiguous(q, np.float64)
    count = q.shape[0]
    if not count:
        return device.empty(0, np.int64)
    tiles = -(-count // TILE)
    counts = device.empty(tiles, np.int64)
    first = (
        *(np.uint64(key), np.uint64(start), q, np.float64(least), np.int64(count)),
        np.int64(tiles),
    )
    grid, block = blocks(tiles), (THREADS, 1, 1)
    device.run(Launch("poisson_rows", "count_kept", grid, block, (*first, counts)))
    ends = device.cumsum(counts)
    out = device.empty(int(ends[-1]), np.int64)
    if out.size:
        arguments = (*first, counts, ends, out)
        device.run(Launch("poisson_rows", "write_kept", grid, block, arguments))
    return out
