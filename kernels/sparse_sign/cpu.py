"""Numba columns of sparse sign sketches (see the contract beside this file)."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..philox.cpu import LOW, SHIFT, philox4x32
from ..sparse_columns import cpu as sparse_columns

add_entries = sparse_columns.add_dense

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


BATCH = 64  # columns drawn side by side: the vector unit works on 32-bit numbers of all of them


@njit(cache=True, nogil=True)
def columns(key, start, rows, places, signs):
    count, nonzeros = places.shape
    k0 = key & LOW
    k1 = key >> SHIFT
    words = np.empty((4 * ((nonzeros + 3) // 4), BATCH), dtype=np.uint32)
    taken = np.empty((nonzeros, BATCH), dtype=np.int32)
    hit = np.empty(BATCH, dtype=np.int32)
    for first in range(0, count, BATCH):
        for b in range((nonzeros + 3) // 4):
            for c in range(BATCH):
                index = start + np.uint64(first + c)
                w0, w1, w2, w3 = philox4x32(
                    index & LOW, index >> SHIFT, np.uint64(b), np.uint64(0), k0, k1
                )
                words[4 * b, c] = w0
                words[4 * b + 1, c] = w1
                words[4 * b + 2, c] = w2
                words[4 * b + 3, c] = w3
        for entry in range(nonzeros):
            choices = np.uint64(rows - nonzeros + entry + 1)
            last = np.int32(choices - ONE)
            for c in range(BATCH):
                word = np.uint64(words[entry, c])
                taken[entry, c] = np.int32(((word >> ONE) * choices) >> SHIFT_31)
                hit[c] = 0
            for other in range(entry):
                for c in range(BATCH):
                    hit[c] |= np.int32(taken[other, c] == taken[entry, c])
            for c in range(BATCH):
                taken[entry, c] = last if hit[c] else taken[entry, c]
        for c in range(min(BATCH, count - first)):
            for entry in range(nonzeros):
                places[first + c, entry] = taken[entry, c]
                signs[first + c, entry] = 1.0 - 2.0 * np.float64(words[entry, c] & np.uint32(1))


@njit(cache=True, nogil=True)
def ragged_columns(key, start, rows, indptr, places, signs):
    for i in range(indptr.size - 1):
        here = slice(indptr[i], indptr[i + 1])
        draw_column(key, start + np.uint64(i), rows, places[here], signs[here])


@njit(cache=True, nogil=True)
def add_dense(key, start, block, nonzeros, out):
    count = block.shape[0]
    places = np.empty((count, nonzeros), dtype=np.int64)
    values = np.empty((count, nonzeros))
    columns(key, start, out.shape[0], places, values)
    scale = 1.0 / np.sqrt(nonzeros)
    values *= scale
    indptr = np.arange(0, count * nonzeros + 1, nonzeros)
    add_entries(indptr, places.ravel(), values.ravel(), block, out)
