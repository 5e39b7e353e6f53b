"""Launches of the Gram matrix (see the contract beside this file)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import Launch, blocks, in_place, of_types

THREADS = 256
SIDE = 64  # of a tile
SHORTEST_RUN = 1024  # rows
MOST_RUNS = 512
MOST_PARTS = 1 << 24  # numbers of all runs together


def add_gram(device: Any, block: Any, row_scale: Any, out: Any) -> None:
    rows, d = block.shape
    in_place(out, "out")
    if not block.size:
        return
    block = device.contiguous(block, block.dtype)
    if row_scale is not None:
        row_scale = device.contiguous(row_scale, np.float64)
    runs = max(1, min(-(-rows // SHORTEST_RUN), MOST_RUNS, MOST_PARTS // (d * d)))
    run = -(-rows // runs)
    runs = -(-rows // run)
    tiles = -(-d // SIDE)
    parts = device.empty((runs, d, d), np.float64)
    numbers = np.int64(rows), np.int64(d), np.int64(run), np.int64(tiles)
    types, threads = of_types(Real=block.dtype), (THREADS, 1, 1)
    grid = blocks(tiles * (tiles + 1) // 2 * runs)
    arguments = (block, row_scale, *numbers, parts)
    device.run(Launch("gram", "gram_of_runs", grid, threads, arguments, types))
    arguments = parts, np.int64(runs), np.int64(d), out
    device.run(Launch("gram", "add_runs", blocks(d * d, THREADS), threads, arguments))
