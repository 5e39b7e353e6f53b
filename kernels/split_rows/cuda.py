"""Launches of the row splitting (see the contract beside this file)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import Launch, blocks, lanes, of_types

THREADS = 256


def split_dense(device: Any, block: Any, column_scale: Any, bits: int) -> Any:
    rows, d = block.shape
    out = device.empty((rows, 2 * d), np.float64)
    if out.size:
        width = lanes(d)
        arguments = (
            *(device.contiguous(block, np.float64), device.contiguous(column_scale, np.float64)),
            *(np.int64(bits), np.int64(rows), np.int64(d), np.int32(width), out),
        )
        grid = blocks(rows * width, THREADS)
        device.run(Launch("split_rows", "split_dense", grid, (THREADS, 1, 1), arguments))
    return out


def split_csr(
    device: Any, data: Any, indices: Any, indptr: Any, column_scale: Any, bits: int
) -> tuple[Any, Any]:
    rows = indptr.shape[0] - 1
    high, low = device.empty(data.size, np.float64), device.empty(data.size, np.float64)
    if data.size:
        width = lanes(-(-data.size // rows))
        arguments = (
            *(data, indices, device.contiguous(indptr, indices.dtype)),
            *(device.contiguous(column_scale, np.float64), np.int64(bits), np.int64(rows)),
            *(np.int32(width), high, low),
        )
        types = of_types(Real=data.dtype, Index=indices.dtype)
        grid = blocks(rows * width, THREADS)
        device.run(Launch("split_rows", "split_csr", grid, (THREADS, 1, 1), arguments, types))
    return high, low
