"""Numba row splitting (see the contract beside this file)."""

from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def anchor(largest, bits):
    """1.5 * 2^(52 + e - bits), 2^e > largest: adding it rounds to a multiple of 2^(e - bits)."""
    if largest == 0.0:
        return 0.0
    return math.ldexp(1.5, 52 + math.frexp(largest)[1] - bits)


@njit(cache=True, nogil=True)
def split_dense(block, column_scale, bits, out):
    d = block.shape[1]
    for i in range(block.shape[0]):
        largest = 0.0
        for j in range(d):
            value = block[i, j] * column_scale[j]
            out[i, d + j] = value
            largest = max(largest, abs(value))
        big = anchor(largest, bits)
        for j in range(d):
            value = out[i, d + j]
            high = (value + big) - big
            out[i, j] = high
            out[i, d + j] = value - high


@njit(cache=True, nogil=True)
def split_csr(data, indices, indptr, column_scale, bits, high, low):
    for i in range(indptr.size - 1):
        largest = 0.0
        for a in range(indptr[i], indptr[i + 1]):
            value = np.float64(data[a]) * column_scale[indices[a]]
            low[a] = value
            largest = max(largest, abs(value))
        big = anchor(largest, bits)
        for a in range(indptr[i], indptr[i + 1]):
            value = low[a]
            high[a] = (value + big) - big
            low[a] = value - high[a]
