"""Launches of reverse volume sampling (see the contract beside this file)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import Launch, blocks

THREADS = 128
TOGETHER = 32  # rows of a reflection, as in cuda.cu
MOST_SCRATCH = 1 << 27  # numbers, of all draws that run at once


def triangles(device: Any, X: Any) -> Any:
    count, rows, r = X.shape
    R = device.empty((count, r, r), np.float64)
    if not R.size:
        return R
    grid = blocks(count)
    part = device.empty((grid[0], TOGETHER, r), np.float64)
    numbers = np.int64(count), np.int64(rows), np.int64(r)
    arguments = (device.contiguous(X, np.float64), *numbers, part, R)
    device.run(Launch("reverse_elimination", "triangles", grid, (THREADS, 1, 1), arguments))
    return R


def reverse_elimination(
    device: Any, U: Any, size: int, key: int, draws: Any, start: Any, root: Any
) -> Any:
    from . import DELICATE, PATIENCE

    n, r = U.shape[-2:]
    count = draws.shape[0]
    kept = device.empty((count, size), np.int64)
    if not count:
        return kept
    last = min(n, max(size, 2 * r))  # rows when all probabilities are computed, if they are
    last = 0 if last == size else last
    numbers = 3 * r * r + TOGETHER * r + (r + 2) * last
    grid = blocks(min(count, max(1, MOST_SCRATCH // (n + numbers))))
    alive = device.empty((grid[0], n), np.int64)
    work = device.empty((grid[0], numbers), np.float64)
    if start is not None:
        start = device.contiguous(start, np.float64)
    if root is not None:
        root = device.contiguous(root, np.float64)
    arguments = (
        *(device.contiguous(U, np.float64), np.int64(n * r if U.ndim == 3 else 0)),
        *(np.uint64(key), device.contiguous(draws, np.int64), np.int64(count)),
        *(np.int64(n), np.int64(r), np.int64(size), np.float64(DELICATE)),
        np.int64(PATIENCE),
        *(start, root, np.int64(0 if root is None else root.shape[0])),
        *(np.int64(last), alive, work, np.int64(numbers), kept),
    )
    threads = (THREADS, 1, 1)
    launch = Launch("reverse_elimination", "eliminate", grid, threads, arguments, (), 16 * r)
    device.run(launch)
    return kept
