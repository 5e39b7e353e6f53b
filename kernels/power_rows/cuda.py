"""Launches of the rows of powers (see the contract beside this file)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import Launch, blocks, of_types

THREADS = 256
ROWS_PER_BLOCK = 8 * THREADS  # of which a sum is taken


def _run(device: Any, function: str, grid: Any, *arguments: Any, types: Any = ()) -> None:
    device.run(Launch("power_rows", function, grid, (THREADS, 1, 1), arguments, types))


def _doubles(device: Any, *arrays: Any) -> list[Any]:
    return [None if a is None else device.contiguous(a, np.float64) for a in arrays]


def _total(device: Any, sums: Any, factor: float) -> Any:
    """The sum as an array of no dimensions: nothing waits for it."""
    out = device.empty((), np.float64)
    count = np.int64(sums.shape[0])
    _run(device, "sum_of_sums", (1, 1, 1), sums, count, np.float64(factor), out)
    return out


def held_rows(device: Any, b: Any, z: Any, unit: float, floor: float) -> tuple[Any, Any]:
    b, z = _doubles(device, b, z)
    count = b.shape[0]
    r, held = device.empty(count, np.float64), device.empty(count, np.float64)
    if count:
        numbers = np.float64(unit), np.float64(floor), np.int64(count)
        _run(device, "held_rows", blocks(count, THREADS), b, z, *numbers, r, held)
    return r, held


def scaled_rows(device: Any, B: Any, root: Any) -> Any:
    B, root = device.contiguous(B, B.dtype), device.contiguous(root, np.float64)
    out = device.empty(B.shape, np.float64)
    if B.size:
        numbers = np.int64(B.shape[0]), np.int64(B.shape[1])
        grid, types = blocks(B.size, THREADS), of_types(Real=B.dtype)
        _run(device, "scaled_rows", grid, B, root, *numbers, out, types=types)
    return out


def power_rows(
    device: Any, r: Any, power: Any, w: Any, p: float, least: float
) -> tuple[Any, Any, Any]:
    r, power, w = _doubles(device, r, power, w)
    count = r.shape[0]
    slope, root = device.empty(count, np.float64), device.empty(count, np.float64)
    if not count:
        return device.zeros((), np.float64), slope, root
    grid = blocks(count, ROWS_PER_BLOCK)
    sums = device.empty(grid[0], np.float64)
    numbers = np.float64(p), np.float64(least), np.int64(count)
    _run(device, "power_rows", grid, r, power, w, *numbers, slope, root, sums)
    return _total(device, sums, 1.0), slope, root


def guided_power_rows(
    device: Any,
    r: Any,
    held: Any,
    power: Any,
    known: Any,
    bend: Any,
    w: Any,
    p: float,
    length: float,
) -> tuple[Any, Any, Any, Any, Any]:
    r, held, power, known, bend, w = _doubles(device, r, held, power, known, bend, w)
    count = r.shape[0]
    slope, root, u = (device.empty(count, np.float64) for _ in range(3))
    kept = device.empty((count, 2), np.float64)
    if not count:
        return device.zeros((), np.float64), slope, root, kept, u
    grid = blocks(count, ROWS_PER_BLOCK)
    sums = device.empty(grid[0], np.float64)
    numbers = np.float64(p), np.float64(length), np.int64(count)
    _run(
        *(device, "guided_power_rows", grid, r, held, power, known, bend, w, *numbers),
        *(slope, root, kept, u, sums),
    )
    return _total(device, sums, 1.0 / p), slope, root, kept, u
