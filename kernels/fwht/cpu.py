"""Numba Walsh-Hadamard transform (see the contract beside this file)."""

from __future__ import annotations

from numba import njit


@njit(cache=True, nogil=True)
def level(x, h):
    """One level: rows i and i + h become their sum and difference."""
    for base in range(0, x.shape[0], 2 * h):
        for i in range(base, base + h):
            for j in range(x.shape[1]):
                a = x[i, j]
                b = x[i + h, j]
                x[i, j] = a + b
                x[i + h, j] = a - b


@njit(cache=True, nogil=True)
def two_levels(x, h):
    for base in range(0, x.shape[0], 4 * h):
        for i in range(base, base + h):
            for j in range(x.shape[1]):
                a = x[i, j]
                b = x[i + h, j]
                c = x[i + 2 * h, j]
                d = x[i + 3 * h, j]
                a, b = a + b, a - b
                c, d = c + d, c - d
                x[i, j] = a + c
                x[i + h, j] = b + d
                x[i + 2 * h, j] = a - c
                x[i + 3 * h, j] = b - d


@njit(cache=True, nogil=True)
def three_levels(x, h):
    for base in range(0, x.shape[0], 8 * h):
        for i in range(base, base + h):
            for j in range(x.shape[1]):
                a = x[i, j]
                b = x[i + h, j]
                c = x[i + 2 * h, j]
                d = x[i + 3 * h, j]
                e = x[i + 4 * h, j]
                f = x[i + 5 * h, j]
                g = x[i + 6 * h, j]
                k = x[i + 7 * h, j]
                a, b = a + b, a - b
                c, d = c + d, c - d
                e, f = e + f, e - f
                g, k = g + k, g - k
                a, c = a + c, a - c
                b, d = b + d, b - d
                e, g = e + g, e - g
                f, k = f + k, f - k
                x[i, j] = a + e
                x[i + h, j] = b + f
                x[i + 2 * h, j] = c + g
                x[i + 3 * h, j] = d + k
                x[i + 4 * h, j] = a - e
                x[i + 5 * h, j] = b - f
                x[i + 6 * h, j] = c - g
                x[i + 7 * h, j] = d - k


@njit(cache=True, nogil=True)
def transform(x):
    h = 1
    while 8 * h <= x.shape[0]:
        three_levels(x, h)
        h *= 8
    if 4 * h == x.shape[0]:
        two_levels(x, h)
    elif 2 * h == x.shape[0]:
        level(x, h)


@njit(cache=True, nogil=True)
def transform_strided(x, first, buffer):
    w = buffer.shape[1]
    for i in range(x.shape[0]):
        for j in range(w):
            buffer[i, j] = x[i, first + j]
    transform(buffer)
    for i in range(x.shape[0]):
        for j in range(w):
            x[i, first + j] = buffer[i, j]


@njit(cache=True, nogil=True)
def add_signed_rows(x, offset, chosen, scale, out):
    mask = x.shape[0] - 1
    for k in range(chosen.size):
        bits = chosen[k] & offset
        odd = 0
        while bits:
            bits &= bits - 1
            odd ^= 1
        factor = -scale if odd else scale
        row = chosen[k] & mask
        for j in range(x.shape[1]):
            out[k, j] += factor * x[row, j]
