"""Numba ordered pivotal pass (see the contract beside this file); products instead of divisions."""

from __future__ import annotations

from numba import njit


@njit(cache=True, nogil=True)
def ordered_pivotal(probabilities, uniforms, start, standing, mass, accepted):
    count = 0
    for i in range(probabilities.size):
        b = probabilities[i]
        if b <= 0.0:
            continue
        total = mass + b
        u = uniforms[i]
        if total < 1.0:
            if u * total < b:
                standing = start + i
            mass = total
        else:
            if u * (2.0 - total) < 1.0 - b:
                accepted[count] = standing
                standing = start + i
            else:
                accepted[count] = start + i
            count += 1
            mass = total - 1.0
    return count, standing, mass
