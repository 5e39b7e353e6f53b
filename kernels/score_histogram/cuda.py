"""Launches of the histograms of scores (see the contract beside this file)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import Launch, blocks

THREADS = 256
ROWS_PER_BLOCK = 64 * THREADS  # so that adding up the blocks costs little
MOST_BINS = 2048  # of a block: 48 KiB of shared memory


def _run(device: Any, function: str, grid: Any, *arguments: Any, shared: int = 0) -> None:
    block = (THREADS, 1, 1)
    device.run(Launch("score_histogram", function, grid, block, arguments, shared=shared))


def fill(device: Any, windows: Any, bins: int, scores: Any) -> Any:
    keys = _keys(device, scores)
    out = device.zeros((3, bins), np.uint64)
    rows = keys.shape[0]
    if rows and bins:
        local = bins <= MOST_BINS
        count = np.int32(windows.shape[1])
        arguments = device.put(windows), count, keys, np.int64(rows), np.int32(bins)
        grid, shared = blocks(rows, ROWS_PER_BLOCK), 24 * bins if local else 0
        _run(device, "fill", grid, *arguments, np.int32(local), out, shared=shared)
    return out.view(np.int64)


def inside(device: Any, windows: Any, scores: Any) -> Any:
    """Waits for the device, to learn how many there are."""
    keys = _keys(device, scores)
    rows = keys.shape[0]
    flags = device.empty(rows, np.uint8)
    if rows:
        arguments = device.put(windows), np.int32(windows.shape[1]), keys, np.int64(rows), flags
        _run(device, "inside", blocks(rows, THREADS), *arguments)
    return keys[device.flatnonzero(flags)]


def _keys(device: Any, scores: Any) -> Any:
    return device.contiguous(scores, np.float64).view(np.int64)
