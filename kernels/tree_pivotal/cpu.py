"""Numba tree pivotal pass (see the contract beside this file): post-order walk, O(log n) stack."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..ordered_pivotal.cpu import ZERO, wins

DEPTH = 80


@njit(cache=True, nogil=True)
def tree_pivotal(steps, uniforms, accepted):
    low = np.empty(DEPTH, dtype=np.int64)
    high = np.empty(DEPTH, dtype=np.int64)
    stage = np.empty(DEPTH, dtype=np.int64)
    row = np.empty(DEPTH, dtype=np.int64)
    mass = np.empty(DEPTH, dtype=np.uint64)
    top = 0  # open nodes
    done = 0  # survivors waiting for their sibling
    low[0], high[0], stage[0] = 0, steps.size, 0
    if steps.size == 0:
        return -1, ZERO
    while top >= 0:
        lo, hi = low[top], high[top]
        if hi - lo == 1:
            row[done] = lo if steps[lo] > ZERO else -1
            mass[done] = steps[lo]
            done += 1
            top -= 1
            continue
        middle = (lo + hi) // 2
        if stage[top] == 0:
            stage[top] = 1
            top += 1
            low[top], high[top], stage[top] = lo, middle, 0
        elif stage[top] == 1:
            stage[top] = 2
            top += 1
            low[top], high[top], stage[top] = middle, hi, 0
        else:
            done -= 1
            i, j = row[done - 1], row[done]
            if j >= 0:
                total = mass[done - 1] + mass[done]
                newcomer = wins(mass[done], total, uniforms[middle])
                if total < mass[done]:
                    accepted[i if newcomer else j] = True
                if newcomer:
                    row[done - 1] = j
                mass[done - 1] = total
            top -= 1
    return row[0], mass[0]
