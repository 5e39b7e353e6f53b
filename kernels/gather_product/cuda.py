"""Launches of gathered products (see the contract beside this file)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import Launch, blocks

THREADS = 256


def gather_product(device: Any, table: Any, starts: Any, columns: Any) -> Any:
    (points, width), m = table.shape, starts.shape[0] - 1
    out = device.empty((points, m), np.float64)
    if out.size:
        arguments = (
            *(device.contiguous(table, np.float64), np.int64(points), np.int64(width)),
            *(device.contiguous(starts, np.int64), device.contiguous(columns, np.int64)),
            *(np.int64(m), out),
        )
        grid = blocks(out.size, THREADS)
        device.run(Launch("gather_product", "gather_product", grid, (THREADS, 1, 1), arguments))
    return out


def gather_product_scaled(
    device: Any, table: Any, exponents: Any, starts: Any, columns: Any
) -> Any:
    (points, width), m = table.shape, starts.shape[0] - 1
    out = device.empty((points, m), np.float64)
    if out.size:
        arguments = (
            *(device.contiguous(table, np.float64), device.contiguous(exponents, np.int64)),
            *(np.int64(points), np.int64(width)),
            *(device.contiguous(starts, np.int64), device.contiguous(columns, np.int64)),
            *(np.int64(m), out),
        )
        grid, block = blocks(32 * points, THREADS), (THREADS, 1, 1)
        device.run(Launch("gather_product", "gather_product_scaled", grid, block, arguments))
    return out
