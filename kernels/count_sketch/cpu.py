"""Numba rows and signs of a CountSketch (see the contract beside this file)."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..philox.cpu import LOW, SHIFT, philox4x32

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
