"""Launches of the CountSketch kernels (see the contract beside this file)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import sparse_columns
from ..dispatch import Launch, blocks, in_place, of_types

THREADS = 256


def columns(device: Any, key: int, start: int, count: int, rows: int, draw: int) -> tuple[Any, Any]:
    places, signs = device.empty(count, np.int64), device.empty(count, np.float64)
    if count:
        arguments = (
            *(np.uint64(key), np.uint64(start), np.uint32(draw), np.uint64(rows), np.int64(count)),
            *(places, signs),
        )
        grid = blocks(count, THREADS)
        device.run(Launch("count_sketch", "columns", grid, (THREADS, 1, 1), arguments))
    return places, signs


def add_dense(device: Any, key: int, start: int, block: Any, out: Any, deterministic: bool) -> None:
    count, d = block.shape
    rows = in_place(out, "out").shape[0]
    if not block.size:
        return
    if deterministic:
        places, signs = columns(device, key, start, count, rows, 0)
        sparse_columns.add_dense(device.arange(count + 1), places, signs, block, out)
        return
    block = device.contiguous(block, block.dtype)
    arguments = (
        *(np.uint64(key), np.uint64(start), block, np.int64(count), np.int64(d)),
        *(np.uint64(rows), out),
    )
    types = of_types(Real=block.dtype)
    grid = blocks(count, THREADS)  # each lane draws one column
    device.run(Launch("count_sketch", "add_dense", grid, (THREADS, 1, 1), arguments, types))
