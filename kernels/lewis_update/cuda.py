"""Launches of the steps of Lewis iterations (see the contract beside this file)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import Launch, blocks

THREADS = 256
ROWS_PER_BLOCK = 8 * THREADS


def _run(device: Any, function: str, grid: Any, *arguments: Any) -> None:
    device.run(Launch("lewis_update", function, grid, (THREADS, 1, 1), arguments))


def extremes(device: Any, h: Any, log_w: Any, p: float) -> tuple[float, float]:
    """Waits for the device."""
    h, log_w = device.contiguous(h, np.float64), device.contiguous(log_w, np.float64)
    count = h.shape[0]
    if not count:
        return float("inf"), float("-inf")
    grid = blocks(count, ROWS_PER_BLOCK)
    parts, out = device.empty((grid[0], 2), np.float64), device.empty(2, np.float64)
    _run(device, "extremes", grid, h, log_w, np.int64(count), np.float64(2.0 / p), parts)
    _run(device, "join_parts", (1, 1, 1), parts, np.int64(grid[0]), out)
    least, most = out.tolist()
    return least, most


def steps(
    device: Any,
    h: Any,
    log_w: Any,
    before: Any,
    p: float,
    kept: float,
    factor: float,
    divisor: float,
) -> Any:
    h, log_w = device.contiguous(h, np.float64), device.contiguous(log_w, np.float64)
    before = None if before is None else device.contiguous(before, np.float64)
    count = h.shape[0]
    out = device.empty(count, np.float64)
    if count:
        numbers = (np.float64(x) for x in (p, kept, factor, divisor))
        grid = blocks(count, THREADS)
        _run(device, "steps", grid, h, log_w, before, np.int64(count), *numbers, out)
    return out
