"""Numba products with diagonals (see the contract beside this file)."""

from __future__ import annotations

import numpy as np
from numba import njit

# Sums may be reordered into vector registers; NaN and infinities keep their meaning.
_REORDERED = {"reassoc", "contract", "nsz"}


@njit(cache=True, nogil=True, fastmath=_REORDERED)
def multiply_padded(a, b, out):
    n = a.size
    for i in range(n):
        out[i] = a[i] * b[i]
    for i in range(n, out.size):
        out[i] = 0


@njit(cache=True, nogil=True, fastmath=_REORDERED)
def add_product(a, v, out):
    for i in range(a.size):
        out[i] += np.conj(a[i]) * v[i]


@njit(cache=True, nogil=True, fastmath=_REORDERED)
def squares(a, out):
    for i in range(a.size):
        out[i] += a[i].real * a[i].real + a[i].imag * a[i].imag


@njit(cache=True, nogil=True, fastmath=_REORDERED)
def weighted_squares(a, weights, out):
    for i in range(a.size):
        out[i] += weights[i] * (a[i].real * a[i].real + a[i].imag * a[i].imag)


@njit(cache=True, nogil=True, fastmath=_REORDERED)
def als_cost(y, v, d):
    cost = 0.0
    for i in range(y.size):
        left = y[i] - d[i] * v[i]
        cost += left.real * left.real + left.imag * left.imag
    return cost


@njit(cache=True, nogil=True, fastmath=_REORDERED)
def als_residual(y, v, d):
    for i in range(y.size):
        v[i] = np.conj(d[i]) * (y[i] - d[i] * v[i])
