"""Numba histograms of scores (see the contract beside this file)."""

from __future__ import annotations

import numpy as np
from numba import njit

FRACTION = np.int64(2**52 - 1)
LOWER = np.int64(2**26 - 1)
HALF = np.int64(26)


@njit(cache=True, nogil=True, inline="always")
def window_of(windows, key):
    """The last window that does not begin after the key; -1 if there is none."""
    low, high = 0, windows.shape[1]
    while low < high:
        middle = (low + high) // 2
        if windows[0, middle] <= key:
            low = middle + 1
        else:
            high = middle
    return low - 1


@njit(cache=True, nogil=True)
def fill(windows, keys, out):
    for i in range(keys.size):
        key = keys[i]
        w = window_of(windows, key)
        if w >= 0 and key <= windows[1, w]:
            place = windows[3, w] + (key >> windows[2, w])
            out[0, place] += 1
            out[1, place] += (key & FRACTION) >> HALF
            out[2, place] += key & LOWER


@njit(cache=True, nogil=True)
def inside(windows, keys):
    flags = np.empty(keys.size, dtype=np.bool_)
    for i in range(keys.size):
        w = window_of(windows, keys[i])
        flags[i] = w >= 0 and keys[i] <= windows[1, w]
    return flags
