"""Numba Philox4x32-10 (see the contract beside this file); arithmetic in uint64 registers."""

from __future__ import annotations

import numpy as np
from numba import njit

LOW = np.uint64(0xFFFFFFFF)
MULTIPLIER_0 = np.uint64(0xD2511F53)
MULTIPLIER_1 = np.uint64(0xCD9E8D57)
WEYL_0 = np.uint64(0x9E3779B9)
WEYL_1 = np.uint64(0xBB67AE85)
SHIFT = np.uint64(32)


@njit(cache=True, nogil=True, inline="always")
def philox4x32(c0, c1, c2, c3, k0, k1):
    """Ten rounds on 32-bit words held in uint64."""
    for _ in range(10):
        product_0 = MULTIPLIER_0 * c0
        product_1 = MULTIPLIER_1 * c2
        c0 = (product_1 >> SHIFT) ^ c1 ^ k0
        c1 = product_1 & LOW
        c2 = (product_0 >> SHIFT) ^ c3 ^ k1
        c3 = product_0 & LOW
        k0 = (k0 + WEYL_0) & LOW
        k1 = (k1 + WEYL_1) & LOW
    return c0, c1, c2, c3


@njit(cache=True, nogil=True)
def words_range(key, start, block, draw, out):
    k0 = key & LOW
    k1 = key >> SHIFT
    for i in range(out.shape[0]):
        index = start + np.uint64(i)
        w0, w1, w2, w3 = philox4x32(index & LOW, index >> SHIFT, block, draw, k0, k1)
        out[i, 0] = w0
        out[i, 1] = w1
        out[i, 2] = w2
        out[i, 3] = w3


@njit(cache=True, nogil=True)
def words_at(key, index, block, draw, out):
    k0 = key & LOW
    k1 = key >> SHIFT
    for i in range(out.shape[0]):
        w0, w1, w2, w3 = philox4x32(index[i] & LOW, index[i] >> SHIFT, block, draw, k0, k1)
        out[i, 0] = w0
        out[i, 1] = w1
        out[i, 2] = w2
        out[i, 3] = w3


@njit(cache=True, nogil=True)
def uniform_range(key, start, block, draw, out):
    k0 = key & LOW
    k1 = key >> SHIFT
    six = np.uint64(6)
    for i in range(out.shape[0]):
        index = start + np.uint64(i)
        w0, w1, _, _ = philox4x32(index & LOW, index >> SHIFT, block, draw, k0, k1)
        high = np.float64(w0 >> six)
        low = np.float64(w1 >> six)
        out[i] = (high * 67108864.0 + low + 0.5) * 2.0**-52
