"""Numba removal of rows (see the contract beside this file): one trial at a time, O(r) scratch."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def remove_rows(U, alive, left, Z, points, target, delicate):
    r = U.shape[1]
    z = np.empty(r)
    trials = points.size // 2
    for t in range(trials):
        place = int(points[2 * t] * left)
        u = U[alive[place]]
        z[:] = 0.0
        for k in range(r):  # by rows of Z: sums in the same order for any vector width
            c = u[k]
            row = Z[k]
            for j in range(r):
                z[j] += c * row[j]
        h = 1.0
        for j in range(r):
            h -= u[j] * z[j]
        if points[2 * t + 1] >= h:
            continue
        left -= 1
        alive[place], alive[left] = alive[left], alive[place]
        if h < delicate or left <= target:
            return t + 1, left, True
        for k in range(r):
            c = z[k] / h
            row = Z[k]
            for j in range(r):
                row[j] += c * z[j]
    return trials, left, False
