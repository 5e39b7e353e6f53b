"""Numba decisions of a Poisson sample (see the contract beside this file)."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..philox.cpu import LOW, SHIFT, philox4x32


@njit(cache=True, nogil=True)
def poisson_rows(key, start, q, least, out):
    k0 = key & LOW
    k1 = key >> SHIFT
    six, zero = np.uint64(6), np.uint64(0)
    kept = 0
    for i in range(q.size):
        index = start + np.uint64(i)
        w0, w1, _, _ = philox4x32(index & LOW, index >> SHIFT, zero, zero, k0, k1)
        number = (np.float64(w0 >> six) * 67108864.0 + np.float64(w1 >> six) + 0.5) * 2.0**-52
        out[kept] = np.int64(index)
        kept += (number < q[i]) & (q[i] >= least)
    return kept
