"""Numba gather and multiply (see the contract beside this file)."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

FAR_BELOW = -2000  # exponents this much below the largest contribute nothing


@njit(cache=True, nogil=True)
def gather_product(table, starts, columns, out):
    m = out.shape[1]
    for i in range(out.shape[0]):
        row = table[i]
        for r in range(m):
            value = 1.0
            for k in range(starts[r], starts[r + 1]):
                value *= row[columns[k]]
            out[i, r] = value


@njit(cache=True, nogil=True)
def gather_product_scaled(table, exponents, starts, columns, out):
    m = out.shape[1]
    powers = np.empty(m, np.int64)
    for i in range(out.shape[0]):
        top = np.int64(-(1 << 62))
        for r in range(m):
            value = 1.0
            power = np.int64(0)
            for k in range(starts[r], starts[r + 1]):
                value *= table[i, columns[k]]
                power += exponents[i, columns[k]]
                value, shift = math.frexp(value)
                power += shift
            out[i, r] = value
            powers[r] = power
            if value != 0.0 and power > top:
                top = power
        total = 0.0
        for r in range(m):
            gap = powers[r] - top
            if out[i, r] == 0.0 or gap < FAR_BELOW:
                out[i, r] = 0.0
            else:
                out[i, r] = math.ldexp(out[i, r], gap)
            total += out[i, r] * out[i, r]
        factor = 1.0 / math.sqrt(total) if total > 0.0 else 0.0
        for r in range(m):
            out[i, r] *= factor
