"""Numba tree pivotal pass (see the contract beside this file): post-order walk, O(log n) stack."""

from __future__ import annotations

import numpy as np
from numba import njit

DEPTH = 80


@njit(cache=True, nogil=True)
def tree_pivotal(probabilities, uniforms, accepted):
    low = np.empty(DEPTH, dtype=np.int64)
    high = np.empty(DEPTH, dtype=np.int64)
    stage = np.empty(DEPTH, dtype=np.int64)
    row = np.empty(DEPTH, dtype=np.int64)
    mass = np.empty(DEPTH, dtype=np.float64)
    count = 0
    top = 0  # open nodes
    done = 0  # survivors waiting for their sibling
    low[0], high[0], stage[0] = 0, probabilities.size, 0
    if probabilities.size == 0:
        return 0, -1, 0.0
    while top >= 0:
        lo, hi = low[top], high[top]
        if hi - lo == 1:
            row[done] = lo if probabilities[lo] > 0.0 else -1
            mass[done] = probabilities[lo]
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
            a, b = mass[done - 1], mass[done]
            i, j = row[done - 1], row[done]
            total = a + b
            if j >= 0:
                u = uniforms[middle]
                if total < 1.0:
                    if u * total < b:
                        row[done - 1] = j
                    mass[done - 1] = total
                else:
                    if u * (2.0 - total) < 1.0 - b:
                        accepted[count] = i
                        row[done - 1] = j
                    else:
                        accepted[count] = j
                    count += 1
                    mass[done - 1] = total - 1.0
            top -= 1
    return count, row[0], mass[0]
