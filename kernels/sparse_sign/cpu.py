"""Numba sparse sign sketch (see the contract beside this file)."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..philox.cpu import LOW, SHIFT, philox4x32

ONE = np.uint64(1)
SHIFT_31 = np.uint64(31)


@njit(cache=True, nogil=True, inline="always")
def place_entry(word, taken, filled, rows, nonzeros):
    """Floyd's step: entry `filled` is uniform on 0 … choices-1, or the last of them if taken."""
    choices = rows - nonzeros + filled + 1
    place = np.int64(((word >> ONE) * np.uint64(choices)) >> SHIFT_31)
    for other in range(filled):
        if taken[other] == place:
            place = choices - 1
            break
    taken[filled] = place


@njit(cache=True, nogil=True)
def draw_column(key, index, rows, taken, signs):
    nonzeros = taken.size
    k0 = key & LOW
    k1 = key >> SHIFT
    for block in range((nonzeros + 3) // 4):
        w0, w1, w2, w3 = philox4x32(
            index & LOW, index >> SHIFT, np.uint64(block), np.uint64(0), k0, k1
        )
        for j in range(min(4, nonzeros - 4 * block)):
            word = w0
            if j == 1:
                word = w1
            elif j == 2:
                word = w2
            elif j == 3:
                word = w3
            place_entry(word, taken, 4 * block + j, rows, nonzeros)
            signs[4 * block + j] = 1.0 - 2.0 * np.float64(word & ONE)


@njit(cache=True, nogil=True)
def columns(key, start, rows, places, signs):
    for i in range(places.shape[0]):
        draw_column(key, start + np.uint64(i), rows, places[i], signs[i])


@njit(cache=True, nogil=True)
def add_dense_sketch(key, start, block, nonzeros, out):
    taken = np.empty(nonzeros, dtype=np.int64)
    signs = np.empty(nonzeros)
    scale = 1.0 / np.sqrt(nonzeros)
    for i in range(block.shape[0]):
        draw_column(key, start + np.uint64(i), out.shape[0], taken, signs)
        for k in range(nonzeros):
            sign = signs[k] * scale
            place = taken[k]
            for j in range(block.shape[1]):
                out[place, j] += sign * block[i, j]


@njit(cache=True, nogil=True)
def add_csr_sketch(key, start, data, indices, indptr, nonzeros, out):
    taken = np.empty(nonzeros, dtype=np.int64)
    signs = np.empty(nonzeros)
    scale = 1.0 / np.sqrt(nonzeros)
    for i in range(indptr.size - 1):
        draw_column(key, start + np.uint64(i), out.shape[0], taken, signs)
        for k in range(nonzeros):
            sign = signs[k] * scale
            place = taken[k]
            for a in range(indptr[i], indptr[i + 1]):
                out[place, indices[a]] += sign * np.float64(data[a])
