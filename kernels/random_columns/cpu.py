"""Numba dense random columns (see the contract beside this file)."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from ..philox.cpu import LOW, SHIFT, philox4x32

SIX = np.uint64(6)
ONE = np.uint64(1)
ZERO = np.uint64(0)


@njit(cache=True, nogil=True, inline="always")
def open_unit(high, low):
    """52 bits of two words, moved half a step: strictly inside (0, 1)."""
    return (np.float64(high >> SIX) * 67108864.0 + np.float64(low >> SIX) + 0.5) * 2.0**-52


@njit(cache=True, nogil=True)
def normal(key, start, out):
    k0 = key & LOW
    k1 = key >> SHIFT
    rows = out.shape[1]
    for i in range(out.shape[0]):
        index = start + np.uint64(i)
        for b in range((rows + 1) // 2):
            w0, w1, w2, w3 = philox4x32(index & LOW, index >> SHIFT, np.uint64(b), ZERO, k0, k1)
            radius = math.sqrt(-2.0 * math.log(open_unit(w0, w1)))
            angle = 2.0 * math.pi * open_unit(w2, w3)
            out[i, 2 * b] = radius * math.cos(angle)
            if 2 * b + 1 < rows:
                out[i, 2 * b + 1] = radius * math.sin(angle)


@njit(cache=True, nogil=True)
def signs(key, start, out):
    k0 = key & LOW
    k1 = key >> SHIFT
    rows = out.shape[1]
    for i in range(out.shape[0]):
        index = start + np.uint64(i)
        for b in range((rows + 127) // 128):
            words = philox4x32(index & LOW, index >> SHIFT, np.uint64(b), ZERO, k0, k1)
            for w in range(4):
                word = words[w]
                first = 128 * b + 32 * w
                for r in range(first, min(first + 32, rows)):
                    out[i, r] = 1.0 - 2.0 * np.float64((word >> np.uint64(r - first)) & ONE)


@njit(cache=True, nogil=True)
def cauchy(key, start, out):
    k0 = key & LOW
    k1 = key >> SHIFT
    rows = out.shape[1]
    for i in range(out.shape[0]):
        index = start + np.uint64(i)
        for b in range((rows + 1) // 2):
            w0, w1, w2, w3 = philox4x32(index & LOW, index >> SHIFT, np.uint64(b), ZERO, k0, k1)
            out[i, 2 * b] = math.tan(math.pi * (open_unit(w0, w1) - 0.5))
            if 2 * b + 1 < rows:
                out[i, 2 * b + 1] = math.tan(math.pi * (open_unit(w2, w3) - 0.5))


@njit(cache=True, nogil=True)
def stable(key, start, p, out):
    k0 = key & LOW
    k1 = key >> SHIFT
    for i in range(out.shape[0]):
        index = start + np.uint64(i)
        for r in range(out.shape[1]):
            w0, w1, w2, w3 = philox4x32(index & LOW, index >> SHIFT, np.uint64(r), ZERO, k0, k1)
            angle = math.pi * (open_unit(w0, w1) - 0.5)
            if p == 1.0:
                out[i, r] = math.tan(angle)
                continue
            exponential = -math.log(open_unit(w2, w3))
            out[i, r] = (
                math.sin(p * angle)
                / math.cos(angle) ** (1.0 / p)
                * (math.cos((1.0 - p) * angle) / exponential) ** ((1.0 - p) / p)
            )
