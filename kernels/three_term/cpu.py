"""Numba recurrences (see the contract beside this file)."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

BIG = 2.0**400
SMALL = 2.0**-400


@njit(cache=True, nogil=True)
def evaluate(x, a, b, out):
    p = b.size - 1
    inverse = 1.0 / b
    for i in range(x.size):
        t = x[i]
        old, now = 0.0, 1.0
        out[i, 0] = 1.0
        for j in range(p):
            new = (t - a[j]) * now
            if j > 0:
                new -= b[j] * old
            new *= inverse[j + 1]
            out[i, j + 1] = new
            old, now = now, new


@njit(cache=True, nogil=True)
def evaluate_scaled(x, a, b, out, exponents):
    p = b.size - 1
    for i in range(x.size):
        t = x[i]
        old, now = 0.0, 1.0
        exponent = np.int64(0)
        out[i, 0] = 1.0
        exponents[i, 0] = 0
        for j in range(p):
            # The factor first, so that a huge t cannot overflow the product.
            new = ((t - a[j]) / b[j + 1]) * now
            if j > 0:
                new -= (b[j] / b[j + 1]) * old
            old, now = now, new
            size = max(abs(now), abs(old))
            if size > BIG or (size < SMALL and size > 0.0):
                shift = math.frexp(size)[1]
                now = math.ldexp(now, -shift)
                old = math.ldexp(old, -shift)
                exponent += shift
            out[i, j + 1] = now
            exponents[i, j + 1] = exponent


@njit(cache=True, nogil=True)
def derivatives(x, a, b, out, slopes):
    p = b.size - 1
    inverse = 1.0 / b
    for i in range(x.size):
        t = x[i]
        old, now, old_slope, slope = 0.0, 1.0, 0.0, 0.0
        out[i, 0] = 1.0
        slopes[i, 0] = 0.0
        for j in range(p):
            new = (t - a[j]) * now
            new_slope = now + (t - a[j]) * slope
            if j > 0:
                new -= b[j] * old
                new_slope -= b[j] * old_slope
            new *= inverse[j + 1]
            new_slope *= inverse[j + 1]
            out[i, j + 1] = new
            slopes[i, j + 1] = new_slope
            old, now, old_slope, slope = now, new, slope, new_slope
