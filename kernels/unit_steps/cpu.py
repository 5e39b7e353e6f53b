"""Numba steps around the circle (see the contract beside this file)."""

from __future__ import annotations

import numpy as np
from numba import njit

LOW = np.uint64(0xFFFFFFFF)
SHIFT = np.uint64(32)


@njit(cache=True, nogil=True)
def unit_steps(x, first, second, steps):
    low, high, most = np.uint64(0), np.uint64(0), np.uint64(0)
    largest = 0
    for i in range(x.size):
        size = x[i] * first * second
        step = np.uint64(np.rint(size)) if size < 2.0**64 else np.uint64(0)
        steps[i] = step
        low += step & LOW
        high += step >> SHIFT
        if step > most:
            most, largest = step, i
    return low, high, largest


@njit(cache=True, nogil=True)
def crossings(steps, position, out):
    count = 0
    for i in range(steps.size):
        position += steps[i]
        out[count] = i
        count += position < steps[i]  # a sum that wrapped around is smaller than what was added
    return count, position
