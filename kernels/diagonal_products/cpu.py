"""Numba products with diagonals (see the contract beside this file)."""

from __future__ import annotations

import numpy as np
from numba import njit

# Sums may be reordered into vector registers; NaN and infinities keep their meaning.
_REORDERED = {"reassoc", "contract", "nsz"}
_TILE = 16  # rows and columns of which a transposition reads and writes whole lines of the cache


# Loops run over slices, which the compiler knows to be contiguous.


@njit(cache=True, nogil=True, fastmath=_REORDERED)
def multiply(a, b, v):
    for i in range(a.shape[0]):
        left, right, row = a[i], b[i], v[i, : a.shape[1]]
        for j in range(row.size):
            row[j] = left[j] * right[j]


@njit(cache=True, nogil=True, fastmath=_REORDERED)
def multiply_strip(a, x, columns, first, last, v):
    for i in range(v.shape[0]):
        start = i * columns
        stop = max(first, min(last, x.size - start))
        left, right, row = a[start + first : start + stop], x[start + first : start + stop], v[i]
        for j in range(left.size):
            row[first + j] = left[j] * right[j]
        row[stop:last] = 0


@njit(cache=True, nogil=True, fastmath=_REORDERED)
def set_product(a, v, out):
    for i in range(out.shape[0]):
        left, right, row = a[i, : out.shape[1]], v[i, : out.shape[1]], out[i]
        for j in range(row.size):
            row[j] = np.conj(left[j]) * right[j]


@njit(cache=True, nogil=True, fastmath=_REORDERED)
def add_product(a, v, out):
    for i in range(out.shape[0]):
        left, right, row = a[i, : out.shape[1]], v[i, : out.shape[1]], out[i]
        for j in range(row.size):
            row[j] += np.conj(left[j]) * right[j]


@njit(cache=True, nogil=True, fastmath=_REORDERED)
def add_strip(a, v, columns, first, last, out):
    for i in range(v.shape[0]):
        start = i * columns
        stop = max(first, min(last, out.size - start))
        left, right = a[start + first : start + stop], v[i, first:stop]
        row = out[start + first : start + stop]
        for j in range(row.size):
            row[j] += np.conj(left[j]) * right[j]


@njit(cache=True, nogil=True, fastmath=_REORDERED)
def twiddle(low, high, columns, v, conjugate):
    width = low.shape[1]
    for i in range(v.shape[0]):
        own = low[i]
        for k in range(high.shape[1]):
            factor, row = high[i, k], v[i, k * width : min((k + 1) * width, columns)]
            if conjugate:
                for j in range(row.size):
                    row[j] *= np.conj(factor * own[j])
            else:
                for j in range(row.size):
                    row[j] *= factor * own[j]


@njit(cache=True, nogil=True, fastmath=_REORDERED)
def scale(power, v):
    for i in range(power.shape[0]):
        left, row = power[i], v[i, : power.shape[1]]
        for j in range(row.size):
            row[j] *= left[j]


@njit(cache=True, nogil=True, fastmath=_REORDERED)
def als_residual(y, d, v):
    for i in range(y.shape[0]):
        values, gains, row = y[i], d[i], v[i, : y.shape[1]]
        for j in range(row.size):
            row[j] = np.conj(gains[j]) * (values[j] - gains[j] * row[j])


@njit(cache=True, nogil=True, fastmath=_REORDERED)
def add_gain_sums(y, d, v, top, below):
    cost = 0.0
    for i in range(y.shape[0]):
        values, gains, row = y[i], d[i], v[i, : y.shape[1]]
        above, under = top[i], below[i]
        for j in range(row.size):
            one, value = row[j], values[j]
            left = value - gains[j] * one
            cost += left.real * left.real + left.imag * left.imag
            above[j] += np.conj(one) * value
            under[j] += one.real * one.real + one.imag * one.imag
    return cost


@njit(cache=True, nogil=True)
def transpose(a, first, last, out):
    columns = a.shape[1]
    for i in range(first, last, _TILE):
        for j in range(0, columns, _TILE):
            for k in range(j, min(j + _TILE, columns)):
                for h in range(i, min(i + _TILE, last)):
                    out[k, h] = a[h, k]
