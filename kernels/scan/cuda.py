"""Launches of the maxima of bit patterns (see the contract beside this file)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import Launch, blocks, lanes, of_types, strips

THREADS = 256
ROWS_PER_BLOCK = 1024  # a block adds to the column maxima once


def column_and_row_max(device: Any, block: Any, integer: Any) -> tuple[Any, Any]:
    rows, columns = block.shape
    column, row = device.zeros(columns, integer), device.zeros(rows, integer)
    if block.size:
        width = lanes(columns)
        bits = device.contiguous(block, block.dtype).view(integer)
        arguments = bits, np.int64(rows), np.int64(columns), np.int32(width), column, row
        grid = blocks(rows, ROWS_PER_BLOCK)[0], strips(-(-columns // width)), 1
        types = of_types(Bits=integer)
        device.run(Launch("scan", "column_and_row_max", grid, (THREADS, 1, 1), arguments, types))
    return column.view(block.dtype), row.view(block.dtype)


def csr_column_and_row_max(
    device: Any, data: Any, indices: Any, indptr: Any, columns: int, integer: Any
) -> tuple[Any, Any]:
    rows = indptr.shape[0] - 1
    column, row = device.zeros(columns, integer), device.zeros(rows, integer)
    if data.size:
        width = lanes(-(-data.size // rows))
        arguments = (
            *(device.contiguous(data, data.dtype).view(integer), indices),
            *(device.contiguous(indptr, indices.dtype), np.int64(rows), np.int32(width)),
            *(column, row),
        )
        types = of_types(Bits=integer, Index=indices.dtype)
        grid = blocks(rows * width, THREADS)
        device.run(
            Launch("scan", "csr_column_and_row_max", grid, (THREADS, 1, 1), arguments, types)
        )
    return column.view(data.dtype), row.view(data.dtype)
