"""Numba extended sparse kernels (see the contract beside this file). No fastmath: order matters."""

from __future__ import annotations

import numpy as np
from numba import njit

SPLITTER = 134217729.0  # 2^27 + 1


@njit(cache=True, nogil=True, inline="always")
def two_sum(a, b):
    """a + b = total + error, exactly."""
    total = a + b
    share = total - a
    return total, (a - (total - share)) + (b - share)


@njit(cache=True, nogil=True, inline="always")
def two_product(a, b):
    """a b = product + error, exactly."""
    product = a * b
    t = SPLITTER * a
    a1 = t - (t - a)
    a2 = a - a1
    t = SPLITTER * b
    b1 = t - (t - b)
    b2 = b - b1
    return product, a2 * b2 - (((product - a1 * b1) - a2 * b1) - a1 * b2)


@njit(cache=True, nogil=True, inline="always")
def add_pair(high, middle, low, x, y):
    """Add x + y, with y small beside x, to a sum of three."""
    high, a = two_sum(high, x)
    y, b = two_sum(y, a)
    middle, c = two_sum(middle, y)
    return high, middle, low + (b + c)


@njit(cache=True, nogil=True)
def add_gram(data, indices, indptr, column_scale, row_weight, high, middle, low):
    weighted = row_weight.size > 0
    for i in range(indptr.size - 1):
        for a in range(indptr[i], indptr[i + 1]):
            j = indices[a]
            value = np.float64(data[a]) * column_scale[j]
            for b in range(a, indptr[i + 1]):
                k = indices[b]
                x, y = two_product(value, np.float64(data[b]) * column_scale[k])
                if weighted:
                    x, z = two_product(x, row_weight[i])
                    y, rest = two_product(y, row_weight[i])
                    y, small = two_sum(y, z)
                    low[j, k] += small + rest
                high[j, k], middle[j, k], low[j, k] = add_pair(
                    high[j, k], middle[j, k], low[j, k], x, y
                )


@njit(cache=True, nogil=True)
def quadratic(data, indices, indptr, column_scale, P1, P2, P3, out):
    for i in range(indptr.size - 1):
        high = 0.0
        middle = 0.0
        low = 0.0
        for a in range(indptr[i], indptr[i + 1]):
            j = indices[a]
            value = np.float64(data[a]) * column_scale[j]
            for b in range(a, indptr[i + 1]):
                k = indices[b]
                twice = 1.0 if a == b else 2.0
                x, y = two_product(twice * value, np.float64(data[b]) * column_scale[k])
                u, v = two_product(x, P1[j, k])
                high, middle, low = add_pair(high, middle, low, u, v)
                u, v = two_product(x, P2[j, k])
                high, middle, low = add_pair(high, middle, low, u, v)
                u, v = two_product(y, P1[j, k])
                high, middle, low = add_pair(high, middle, low, u, v)
                low += x * P3[j, k] + y * P2[j, k]
        high, middle = two_sum(high, middle)  # the parts may cancel: add from the top
        out[i] = high + (middle + low)
