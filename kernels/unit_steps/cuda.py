"""Launches of the steps around the circle (see the contract beside this file)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import Launch, blocks

THREADS = 256
TILE = 8 * THREADS  # rows, as in unit_scan.cuh
LAST = 2**64 - 1


def _run(device: Any, function: str, grid: Any, *arguments: Any) -> None:
    device.run(Launch("unit_steps", function, grid, (THREADS, 1, 1), arguments))


def unit_steps(device: Any, x: Any, first: float, second: float) -> tuple[Any, int, int]:
    """Waits for the device once."""
    x = device.contiguous(x, np.float64)
    count = x.shape[0]
    steps, found = device.empty(count, np.uint64), device.empty(4, np.uint64)
    if not count:
        return steps, 0, 0
    grid = blocks(count, TILE)
    factors = np.float64(first), np.float64(second)
    parts = device.empty((grid[0], 4), np.uint64)
    _run(device, "unit_steps", grid, x, np.int64(count), *factors, steps, parts)
    _run(device, "join_parts", (1, 1, 1), parts, np.int64(grid[0]), found)
    low, high, _, largest = found.tolist()
    return steps, low + (high << 32), largest


def tile_sums(device: Any, steps: Any) -> tuple[int, Any, Any]:
    """How many tiles there are, their sums modulo 2^64, and the sums up to their ends."""
    count = steps.shape[0]
    tiles = -(-count // TILE)
    sums = device.empty(tiles, np.uint64)
    _run(device, "tile_sums", blocks(tiles), steps, np.int64(count), np.int64(tiles), sums)
    return tiles, sums, device.cumsum(sums)


def crossings(device: Any, steps: Any, position: int) -> tuple[Any, int]:
    """Waits for the device twice, to learn how many crossings there are and where steps end."""
    steps = device.contiguous(steps, np.uint64)
    count = steps.shape[0]
    if not count:
        return device.empty(0, np.int64), position
    tiles, sums, ends = tile_sums(device, steps)
    counts = device.empty(tiles, np.int64)
    first = (steps, np.int64(count), np.int64(tiles), sums, ends, np.uint64(position), counts)
    _run(device, "count_crossings", blocks(tiles), *first)
    places = device.cumsum(counts)
    out = device.empty(int(places[-1]), np.int64)
    if out.size:
        _run(device, "write_crossings", blocks(tiles), *first, places, out)
    return out, (position + int(ends[-1])) & LAST
