"""Numba rows and signs of a CountSketch (see the contract beside this file)."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..philox.cpu import LOW, SHIFT, philox4x32
from ..sparse_columns import cpu as sparse_columns

add_entries = sparse_columns.add_dense

ONE = np.uint64(1)


@njit(cache=True, nogil=True)
def columns(key, start, draw, rows, places, signs):
    k0 = key & LOW
    k1 = key >> SHIFT
    for i in range(places.size):
        index = start + np.uint64(i)
        w0, w1, _, _ = philox4x32(index & LOW, index >> SHIFT, np.uint64(0), draw, k0, k1)
        places[i] = np.int64((w0 * rows) >> SHIFT)
        signs[i] = 1.0 - 2.0 * np.float64(w1 & ONE)


@njit(cache=True, nogil=True)
def add_dense(key, start, block, out):
    count = block.shape[0]
    places = np.empty(count, dtype=np.int64)
    signs = np.empty(count)
    columns(key, start, np.uint64(0), np.uint64(out.shape[0]), places, signs)
    add_entries(np.arange(count + 1), places, signs, block, out)
