"""Numba ordered pivotal pass (see the contract beside this file); products instead of divisions."""

from __future__ import annotations

import numpy as np
from numba import njit

ZERO = np.uint64(0)


@njit(cache=True, nogil=True, inline="always")
def wins(step, total, u):
    """Whether the newcomer with `step` goes on; `total` is the sum of masses modulo 2^64."""
    if total >= step:  # not wrapped around: the masses add up to less than one
        return u * np.float64(total) < np.float64(step)
    missing = np.float64(ZERO - total) if total > ZERO else 2.0**64
    return u * missing < np.float64(ZERO - step)


@njit(cache=True, nogil=True)
def ordered_pivotal(steps, uniforms, start, standing, mass, accepted):
    count = 0
    for i in range(steps.size):
        step = steps[i]
        if step == ZERO:
            continue
        total = mass + step
        newcomer = wins(step, total, uniforms[i])
        if total < step:
            accepted[count] = standing if newcomer else start + i
            count += 1
        if newcomer:
            standing = start + i
        mass = total
    return count, standing, mass
