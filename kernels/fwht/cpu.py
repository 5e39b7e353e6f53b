"""Numba Walsh-Hadamard transform (see the contract beside this file).

Steps exist twice, in place and from one array into another: only where the compiler knows that a
row is written where it was read does it use the vector unit on all eight rows of a step.
"""

from __future__ import annotations

from numba import njit


@njit(cache=True, nogil=True, inline="always")
def of_four(a, b, c, d):
    a, b, c, d = a + b, a - b, c + d, c - d
    return a + c, b + d, a - c, b - d


@njit(cache=True, nogil=True, inline="always")
def of_eight(a, b, c, d, e, f, g, h):
    a, b, c, d = of_four(a, b, c, d)
    e, f, g, h = of_four(e, f, g, h)
    return a + e, b + f, c + g, d + h, a - e, b - f, c - g, d - h


@njit(cache=True, nogil=True)
def one_level(x, h):
    """Rows i and i + h become their sum and difference."""
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
                a, b, c, d = of_four(x[i, j], x[i + h, j], x[i + 2 * h, j], x[i + 3 * h, j])
                x[i, j] = a
                x[i + h, j] = b
                x[i + 2 * h, j] = c
                x[i + 3 * h, j] = d


@njit(cache=True, nogil=True)
def three_levels(x, h):
    for base in range(0, x.shape[0], 8 * h):
        for i in range(base, base + h):
            for j in range(x.shape[1]):
                a, b, c, d, e, f, g, k = of_eight(
                    x[i, j],
                    x[i + h, j],
                    x[i + 2 * h, j],
                    x[i + 3 * h, j],
                    x[i + 4 * h, j],
                    x[i + 5 * h, j],
                    x[i + 6 * h, j],
                    x[i + 7 * h, j],
                )
                x[i, j] = a
                x[i + h, j] = b
                x[i + 2 * h, j] = c
                x[i + 3 * h, j] = d
                x[i + 4 * h, j] = e
                x[i + 5 * h, j] = f
                x[i + 6 * h, j] = g
                x[i + 7 * h, j] = k


@njit(cache=True, nogil=True)
def transform(x):
    h = 1
    while 8 * h <= x.shape[0]:
        three_levels(x, h)
        h *= 8
    if 4 * h == x.shape[0]:
        two_levels(x, h)
    elif 2 * h == x.shape[0]:
        one_level(x, h)


@njit(cache=True, nogil=True)
def two_levels_between(x, f, y, g, width, i, h):
    """Rows i, i + h, … of x, from column f on, to those of y, from column g on."""
    x0, x1 = x[i, f : f + width], x[i + h, f : f + width]
    x2, x3 = x[i + 2 * h, f : f + width], x[i + 3 * h, f : f + width]
    y0, y1 = y[i, g : g + width], y[i + h, g : g + width]
    y2, y3 = y[i + 2 * h, g : g + width], y[i + 3 * h, g : g + width]
    for j in range(width):
        y0[j], y1[j], y2[j], y3[j] = of_four(x0[j], x1[j], x2[j], x3[j])


@njit(cache=True, nogil=True)
def three_levels_between(x, f, y, g, width, i, h):
    x0, x1 = x[i, f : f + width], x[i + h, f : f + width]
    x2, x3 = x[i + 2 * h, f : f + width], x[i + 3 * h, f : f + width]
    x4, x5 = x[i + 4 * h, f : f + width], x[i + 5 * h, f : f + width]
    x6, x7 = x[i + 6 * h, f : f + width], x[i + 7 * h, f : f + width]
    y0, y1 = y[i, g : g + width], y[i + h, g : g + width]
    y2, y3 = y[i + 2 * h, g : g + width], y[i + 3 * h, g : g + width]
    y4, y5 = y[i + 4 * h, g : g + width], y[i + 5 * h, g : g + width]
    y6, y7 = y[i + 6 * h, g : g + width], y[i + 7 * h, g : g + width]
    for j in range(width):
        y0[j], y1[j], y2[j], y3[j], y4[j], y5[j], y6[j], y7[j] = of_eight(
            x0[j], x1[j], x2[j], x3[j], x4[j], x5[j], x6[j], x7[j]
        )


@njit(cache=True, nogil=True)
def transform_strided(x, first, buffer):
    """Two levels on the way into the buffer; the others there, or on the way back."""
    count, width = buffer.shape
    if count < 4:
        for i in range(count):
            for j in range(width):
                buffer[i, j] = x[i, first + j]
    for base in range(0, count - 3, 4):
        two_levels_between(x, first, buffer, 0, width, base, 1)
    if count == 16:
        for i in range(4):
            two_levels_between(buffer, 0, x, first, width, i, 4)
    elif count == 32:
        for i in range(4):
            three_levels_between(buffer, 0, x, first, width, i, 4)
    else:
        if count == 8 or count == 2:
            one_level(buffer, count // 2)
        for i in range(count):
            for j in range(width):
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
