"""Numba products with sparse columns (see the contract beside this file)."""

from __future__ import annotations

from numba import njit

from .prefetch import prefetch

ROWS_AHEAD = 16  # of the block, which streams from memory
ENTRIES_AHEAD = 2  # of S, whose rows of `out` are in the second-level cache
LINE = 8  # numbers per cache line


@njit(cache=True, nogil=True)
def add_dense(indptr, places, values, block, out):
    d = block.shape[1]
    last = places.size - 1
    for i in range(block.shape[0]):
        for j in range(0, d, LINE):
            prefetch(block, i + ROWS_AHEAD, j)
        for a in range(indptr[i], indptr[i + 1]):
            place = places[a]
            value = values[a]
            later = places[min(a + ENTRIES_AHEAD, last)]
            for j in range(0, d, LINE):
                prefetch(out, later, j)
            for j in range(d):
                out[place, j] += value * block[i, j]


@njit(cache=True, nogil=True)
def add_csr(indptr, places, values, data, indices, row_starts, out):
    for i in range(row_starts.size - 1):
        for a in range(indptr[i], indptr[i + 1]):
            place = places[a]
            value = values[a]
            for b in range(row_starts[i], row_starts[i + 1]):
                out[place, indices[b]] += value * data[b]


@njit(cache=True, nogil=True)
def add_transposed(indptr, places, values, Y, out):
    k = Y.shape[1]
    for i in range(out.shape[0]):
        for a in range(indptr[i], indptr[i + 1]):
            place = places[a]
            value = values[a]
            for j in range(k):
                out[i, j] += value * Y[place, j]
