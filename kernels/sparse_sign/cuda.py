"""Launches of the sparse sign kernels (see the contract beside this file)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import sparse_columns
from ..dispatch import Launch, blocks, in_place, of_types

THREADS = 256
WARPS_OF_PRODUCT = 4
MOST_SHARED = 48 * 1024


def _run(device: Any, function: str, count: int, *arguments: Any) -> None:
    grid = blocks(count, THREADS)
    device.run(Launch("sparse_sign", function, grid, (THREADS, 1, 1), arguments))


def columns(
    device: Any, key: int, start: int, count: int, rows: int, nonzeros: int
) -> tuple[Any, Any]:
    places = device.empty((count, nonzeros), np.int64)
    signs = device.empty((count, nonzeros), np.float64)
    if places.size:
        arguments = np.uint64(key), np.uint64(start), np.int64(rows), np.int64(nonzeros)
        _run(device, "columns", count, *arguments, np.int64(count), places, signs)
    return places, signs


def ragged_columns(device: Any, key: int, start: int, rows: int, indptr: Any) -> tuple[Any, Any]:
    indptr = device.contiguous(indptr, np.int64)
    count, entries = indptr.shape[0] - 1, int(indptr[-1])
    places, signs = device.empty(entries, np.int64), device.empty(entries, np.float64)
    if entries:
        arguments = np.uint64(key), np.uint64(start), np.int64(rows), indptr, np.int64(count)
        _run(device, "ragged_columns", count, *arguments, places, signs)
    return places, signs


def add_dense(
    device: Any, key: int, start: int, block: Any, nonzeros: int, out: Any, deterministic: bool
) -> None:
    count, d = block.shape
    rows = in_place(out, "out").shape[0]
    if not block.size:
        return
    scale = 1.0 / np.sqrt(nonzeros)
    threads = 32 * WARPS_OF_PRODUCT
    shared = threads * nonzeros * 4
    if deterministic or shared > MOST_SHARED:
        places, signs = columns(device, key, start, count, rows, nonzeros)
        indptr = device.arange(count * nonzeros + 1, nonzeros)
        sparse_columns.add_dense(
            *(indptr, places.reshape(-1), signs.reshape(-1) * scale, block, out),
            deterministic=deterministic,
        )
        return
    block = device.contiguous(block, block.dtype)
    arguments = (
        *(np.uint64(key), np.uint64(start), block, np.int64(count), np.int64(d)),
        *(np.int64(rows), np.int32(nonzeros), np.float64(scale), out),
    )
    grid, types = blocks(count, threads), of_types(Real=block.dtype)
    device.run(Launch("sparse_sign", "add_dense", grid, (threads, 1, 1), arguments, types, shared))
