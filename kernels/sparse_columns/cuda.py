"""Launches of products with sparse columns (see the contract beside this file)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..dispatch import Launch, blocks, in_place, lanes, of_types

THREADS = 256
MOST_ENTRIES = 1 << 26  # sorted at a time: 20 bytes each


def _run(
    device: Any, function: str, groups: int, width: int, *arguments: Any, **types: Any
) -> None:
    """Run a function by `groups` groups of `width` lanes."""
    grid = blocks(groups * width, THREADS)
    block = (THREADS, 1, 1)
    device.run(Launch("sparse_columns", function, grid, block, arguments, of_types(**types)))


def chunks(indptr: Any, entries: int) -> Iterator[tuple[int, int, int, int]]:
    """Runs of columns of S with few enough entries each: first, last column, first, last entry."""
    columns = indptr.shape[0] - 1
    if entries <= MOST_ENTRIES:
        yield 0, columns, 0, entries
        return
    step = max(1, MOST_ENTRIES * columns // entries)
    for first in range(0, columns, step):
        last = min(first + step, columns)
        yield first, last, int(indptr[first]), int(indptr[last])


def sorted_entries(
    device: Any, indptr: Any, places: Any, entries: int, first: int
) -> tuple[Any, Any]:
    """Entries in the order of rows, then columns, and the columns that they belong to."""
    keys, owners = device.empty(entries, np.uint64), device.empty(entries, np.uint32)
    count = indptr.shape[0] - 1
    _run(
        *(device, "entry_keys", count, 1),
        *(indptr, places, np.int64(count), np.int64(first), keys, owners),
    )
    return device.sort(keys), owners


def add_dense(
    device: Any, indptr: Any, places: Any, values: Any, block: Any, out: Any, deterministic: bool
) -> None:
    d = block.shape[1]
    rows = in_place(out, "out").shape[0]
    entries = places.shape[0]
    if not block.size or not entries:
        return
    indptr, places = device.contiguous(indptr, np.int64), device.contiguous(places, np.int64)
    values = device.contiguous(values, np.float64)
    block = device.contiguous(block, block.dtype)
    width, d_ = lanes(d), np.int64(d)
    if not deterministic:
        count = block.shape[0]
        _run(
            *(device, "add_dense", count, width),
            *(indptr, places, values, np.int64(count), block, d_, np.int32(width), out),
            Real=block.dtype,
        )
        return
    for first, last, begin, end in chunks(indptr, entries):
        if begin == end:
            continue
        keys, owners = sorted_entries(device, indptr[first : last + 1], places, end - begin, begin)
        _run(
            *(device, "add_dense_sorted", rows, width),
            *(keys, owners, values[begin:end], np.int64(end - begin), block[first:last], d_),
            *(np.int64(rows), np.int32(width), out),
            Real=block.dtype,
        )


def add_csr(
    device: Any,
    indptr: Any,
    places: Any,
    values: Any,
    data: Any,
    indices: Any,
    row_starts: Any,
    out: Any,
    deterministic: bool,
) -> None:
    rows, d = in_place(out, "out").shape
    entries, count = places.shape[0], row_starts.shape[0] - 1
    if not entries or not data.size:
        return
    indptr, places = device.contiguous(indptr, np.int64), device.contiguous(places, np.int64)
    values = device.contiguous(values, np.float64)
    row_starts = device.contiguous(row_starts, indices.dtype)
    types = {"Real": data.dtype, "Index": indices.dtype}
    if not deterministic:
        width = lanes(-(-data.size // count))
        _run(
            *(device, "add_csr", count, width, indptr, places, values, np.int64(count)),
            *(data, indices, row_starts, np.int64(d), np.int32(width), out),
            **types,
        )
        return
    for first, last, begin, end in chunks(indptr, entries):
        if begin == end:
            continue
        keys, owners = sorted_entries(device, indptr[first : last + 1], places, end - begin, begin)
        _run(
            *(device, "add_csr_sorted", rows, 32),
            *(keys, owners, values[begin:end], np.int64(end - begin)),
            *(data, indices, row_starts[first : last + 1], np.int64(d), np.int64(rows), out),
            **types,
        )


def transposed(device: Any, indptr: Any, places: Any, values: Any, Y: Any) -> Any:
    count, k = indptr.shape[0] - 1, Y.shape[1]
    out = device.zeros((count, k), np.float64)
    if out.size and places.shape[0]:
        indptr, places = device.contiguous(indptr, np.int64), device.contiguous(places, np.int64)
        values, Y = device.contiguous(values, np.float64), device.contiguous(Y, np.float64)
        width = lanes(k)
        _run(
            *(device, "transposed", count, width, indptr, places, values, np.int64(count)),
            *(Y, np.int64(k), np.int32(width), out),
        )
    return out
