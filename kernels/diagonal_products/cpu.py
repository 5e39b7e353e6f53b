"""Numba products with diagonals (see the contract beside this file)."""

from __future__ import annotations

import numpy as np
from numba import njit

# Sums may be reordered into vector registers; NaN and infinities keep their meaning.
_REORDERED = {"reassoc", "contract", "nsz"}
_TILE = 16  # rows and columns of which a transposition reads and writes whole lines of the cache


@njit(cache=True, nogil=True, fastmath=_REORDERED)
def multiply(a, b, v):
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            v[i, j] = a[i, j] * b[i, j]


@njit(cache=True, nogil=True, fastmath=_REORDERED)
def multiply_strip(a, x, columns, first, last, v):
    for i in range(v.shape[0]):
        start = i * columns
        stop = min(last, x.size - start)
        for j in range(first, stop):
            v[i, j] = a[start + j] * x[start + j]
        for j in range(max(first, stop), last):
            v[i, j] = 0


@njit(cache=True, nogil=True, fastmath=_REORDERED)
def set_product(a, v, out):
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = np.conj(a[i, j]) * v[i, j]


@njit(cache=True, nogil=True, fastmath=_REORDERED)
def add_product(a, v, out):
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] += np.conj(a[i, j]) * v[i, j]


@njit(cache=True, nogil=True, fastmath=_REORDERED)
def add_strip(a, v, columns, first, last, out):
    for i in range(v.shape[0]):
        start = i * columns
        for j in range(first, min(last, out.size - start)):
            out[start + j] += np.conj(a[start + j]) * v[i, j]


@njit(cache=True, nogil=True, fastmath=_REORDERED)
def twiddle(low, high, columns, v, conjugate):
    width = low.shape[1]
    for i in range(v.shape[0]):
        for k in range(high.shape[1]):
            start, factor = k * width, high[i, k]
            count = min(width, columns - start)
            if conjugate:
                for j in range(count):
                    v[i, start + j] *= np.conj(factor * low[i, j])
            else:
                for j in range(count):
                    v[i, start + j] *= factor * low[i, j]


@njit(cache=True, nogil=True, fastmath=_REORDERED)
def scale(power, v):
    for i in range(power.shape[0]):
        for j in range(power.shape[1]):
            v[i, j] *= power[i, j]


@njit(cache=True, nogil=True, fastmath=_REORDERED)
def als_residual(y, d, v):
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            v[i, j] = np.conj(d[i, j]) * (y[i, j] - d[i, j] * v[i, j])


@njit(cache=True, nogil=True, fastmath=_REORDERED)
def add_gain_sums(y, d, v, top, below):
    cost = 0.0
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            one, value = v[i, j], y[i, j]
            left = value - d[i, j] * one
            cost += left.real * left.real + left.imag * left.imag
            top[i, j] += np.conj(one) * value
            below[i, j] += one.real * one.real + one.imag * one.imag
    return cost


@njit(cache=True, nogil=True)
def transpose(a, first, last, out):
    columns = a.shape[1]
    for i in range(first, last, _TILE):
        for j in range(0, columns, _TILE):
            for k in range(j, min(j + _TILE, columns)):
                for h in range(i, min(i + _TILE, last)):
                    out[k, h] = a[h, k]
