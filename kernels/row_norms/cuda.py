"""Launches of the row norms (see the contract beside this file)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import Launch, blocks, lanes, of_types

THREADS = 256
SIDE = 64  # rows of a tile of the product


def row_norms(device: Any, Y: Any, p: float) -> Any:
    rows, k = Y.shape
    out = device.zeros(rows, np.float64)
    if Y.size:
        width = lanes(k)
        Y = device.contiguous(Y, Y.dtype)
        arguments = Y, np.int64(rows), np.int64(k), np.float64(p), np.int32(width), out
        _run(device, "row_norms", blocks(rows * width, THREADS), arguments, Y.dtype)
    return out


def product_row_norms(device: Any, A: Any, M: Any, p: float) -> Any:
    rows, d = A.shape
    k = M.shape[1]
    out = device.zeros(rows, np.float64)
    if A.size and k:
        A, M = device.contiguous(A, A.dtype), device.contiguous(M, np.float64)
        arguments = A, np.int64(rows), np.int64(d), M, np.int64(k), np.float64(p), out
        _run(device, "product_row_norms", blocks(rows, SIDE), arguments, A.dtype)
    return out


def _run(device: Any, function: str, grid: Any, arguments: Any, dtype: Any) -> None:
    types = of_types(Real=dtype)
    device.run(Launch("row_norms", function, grid, (THREADS, 1, 1), arguments, types))
