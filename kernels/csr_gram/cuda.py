"""Launches of the CSR Gram matrix (see the contract beside this file)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import Launch, blocks, in_place, of_types
from ..sparse_columns import cuda as sparse_columns

THREADS = 256


def add_csr_gram(
    device: Any, data: Any, indices: Any, indptr: Any, row_scale: Any, out: Any
) -> None:
    d = in_place(out, "out").shape[0]
    if not data.size:
        return
    if row_scale is not None:
        row_scale = device.contiguous(row_scale, np.float64)
    indptr = device.contiguous(indptr, indices.dtype)
    types = of_types(Real=data.dtype, Index=indices.dtype)
    rows_of = device.contiguous(indptr, np.int64)
    for first, last, begin, end in sparse_columns.chunks(rows_of, data.size):
        if begin == end:
            continue
        keys, owners = sparse_columns.sorted_entries(
            *(device, rows_of[first : last + 1], device.contiguous(indices, np.int64)),
            *(end - begin, begin),
        )
        # Entries are numbered from `begin` on, as are their data.
        starts = indptr[first : last + 1] - indices.dtype.type(begin)
        arguments = (
            *(keys, owners, np.int64(end - begin), data[begin:end], indices[begin:end], starts),
            *(None if row_scale is None else row_scale[first:last], np.int64(d), out),
        )
        grid = blocks(32 * d, THREADS)
        device.run(Launch("csr_gram", "csr_gram", grid, (THREADS, 1, 1), arguments, types))
