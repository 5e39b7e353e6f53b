"""Launches of the dense random columns (see the contract beside this file)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import Launch, blocks

THREADS = 256
PER_THREAD = {"normal": 2, "cauchy": 2, "signs": 4, "stable": 1}  # columns of a row


def draw(
    device: Any, function: str, key: int, start: int, count: int, rows: int, *numbers: float
) -> Any:
    out = device.empty((count, rows), np.float64)
    if out.size:
        first = np.uint64(key), np.uint64(start), np.int64(count), np.int64(rows)
        arguments = (*first, *(np.float64(x) for x in numbers), out)
        work = count * -(-rows // PER_THREAD[function])
        grid, block = blocks(work, THREADS), (THREADS, 1, 1)
        device.run(Launch("random_columns", function, grid, block, arguments))
    return out
