"""Numba row append (see the contract beside this file): one row at a time, O(d) scratch.

While every direction is known and exponents are moderate, which is almost always, a row takes the
short way: `scale_row` and `squared_length`. `load` and `project` are right for any exponents and
any rank.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

# Residual, relative to what was subtracted to get it, that still counts as rounding (SPEC A15b).
ROUNDING = 1e-12

# 2^-1022 ... 2^1023, and the exponents up to which products with two of them cannot overflow.
POWERS = np.ldexp(1.0, np.arange(-1022, 1024))
MIDDLE = 1022
MODERATE = 400


@njit(cache=True, nogil=True)
def qr_append(rows, exponents, p, triangle, row_exponents, column_exponents, unseen, scores):
    d = triangle.shape[0]
    x = np.empty(d)
    residual = np.empty(d)
    size = np.empty(d)
    coefficient = np.empty(d)
    missing = 0
    for k in range(d):
        missing += triangle[k, k] == 0.0
    for i in range(rows.shape[0]):
        unit = scale_row(rows[i], column_exponents, x)
        if unit == unseen:
            empty, unit = load(rows[i], exponents[i], column_exponents, unseen, x)
            if empty:
                scores[i] = 0.0
                continue
        else:
            unit += exponents[i]
        new = -1
        square = -1.0
        if missing == 0:
            square = squared_length(triangle, row_exponents, x, unit, residual)
        if square >= 1.0:
            scores[i] = 1.0
        elif square > 0.0 and p == 2.0:
            scores[i] = square
        else:
            if square > 0.0:
                log_norm = 0.5 * math.log2(square)
            else:
                new, log_norm = project(
                    triangle, row_exponents, x, unit, residual, size, coefficient
                )
                missing -= new >= 0
            if new >= 0 or log_norm >= 0.0:
                scores[i] = 1.0
            else:
                scores[i] = 2.0 ** (p * log_norm)
                shift = (0.5 * p - 1.0) * log_norm  # log2 of w^(1/2 - 1/p)
                whole = math.floor(shift)
                unit += np.int64(whole)
                x *= 2.0 ** (shift - whole)
        append(triangle, row_exponents, x, unit, new)


@njit(cache=True, nogil=True)
def scale_row(row, column_exponents, x):
    """The row in x as `load` leaves it, and its unit; UNSEEN if that takes more care."""
    unseen = np.int64(-(1 << 63))
    top, low = 0.0, np.inf
    for j in range(row.size):
        value = row[j]
        if value == 0.0:
            x[j] = 0.0
            continue
        exponent = column_exponents[j]
        if exponent < -MODERATE or exponent > MODERATE:
            return unseen
        value *= POWERS[MIDDLE - exponent]
        x[j] = value
        top = max(top, abs(value))
        low = min(low, abs(value))
    if not (low > 1e-250 and top < 1e250 and top > 0.0):
        return unseen
    unit = np.int64(math.frexp(top)[1])
    factor = POWERS[MIDDLE - unit]
    for j in range(row.size):
        x[j] *= factor
    return unit


@njit(cache=True, nogil=True)
def squared_length(triangle, row_exponents, x, unit, residual):
    """||y||^2 for x = R^T y, R of full rank; -1 if that leaves the range where it is accurate."""
    d = x.size
    for j in range(d):
        residual[j] = x[j]
    total = 0.0
    for k in range(d):
        if residual[k] == 0.0:
            continue
        gap = unit - row_exponents[k]
        if gap < -MODERATE or gap > MODERATE:
            return -1.0
        c = residual[k] / triangle[k, k]
        total += (c * POWERS[MIDDLE + gap]) ** 2
        row = triangle[k]
        for j in range(k + 1, d):
            residual[j] -= c * row[j]
    return total if 1e-200 < total < 1e200 else -1.0


@njit(cache=True, nogil=True)
def load(row, exponent, column_exponents, unseen, x):
    """Put the row into x, in column units and in a power of two that makes max |x| about 1."""
    unit = unseen
    for j in range(row.size):
        if row[j] != 0.0:
            own = math.frexp(row[j])[1] + exponent
            if column_exponents[j] == unseen:
                column_exponents[j] = own
            unit = max(unit, own - column_exponents[j])
    if unit == unseen:
        return True, np.int64(0)
    for j in range(row.size):
        if row[j] == 0.0:
            x[j] = 0.0
        else:
            mantissa, own = math.frexp(row[j])
            x[j] = math.ldexp(mantissa, own + exponent - column_exponents[j] - unit)
    return False, unit


@njit(cache=True, nogil=True)
def project(triangle, row_exponents, x, unit, residual, size, coefficient):
    """Solve x = R^T y. Returns (-1, log2 ||y||), or (first column of a new direction, 0)."""
    d = x.size
    for j in range(d):
        residual[j] = x[j]
        size[j] = abs(x[j])
    top = np.int64(-(1 << 62))
    for k in range(d):
        coefficient[k] = 0.0
        if triangle[k, k] == 0.0:
            if abs(residual[k]) > ROUNDING * size[k]:
                return k, 0.0
            continue
        if residual[k] == 0.0:
            continue
        c = residual[k] / triangle[k, k]
        coefficient[k] = c
        top = max(top, math.frexp(c)[1] + unit - row_exponents[k])
        for j in range(k + 1, d):
            change = c * triangle[k, j]
            residual[j] -= change
            size[j] = max(size[j], abs(change))
    total = 0.0
    for k in range(d):
        if coefficient[k] != 0.0:
            total += math.ldexp(coefficient[k], unit - row_exponents[k] - top) ** 2
    return -1, top + 0.5 * math.log2(total)


@njit(cache=True, nogil=True)
def append(triangle, row_exponents, x, unit, new):
    """Rotate x into the rows of R; what is left becomes row `new`, or is rounding if new is -1.

    Of the two rows that meet in a rotation one has the larger unit: the row of R that results takes
    it, the remainder takes the other. Hence no factor below exceeds max(1, |x_k| / |R_kk|).
    """
    d = x.size
    for k in range(d):
        if k == new:
            largest = 0.0
            for j in range(k, d):
                largest = max(largest, abs(x[j]))
            extra = math.frexp(largest)[1]
            for j in range(k, d):
                triangle[k, j] = math.ldexp(x[j], -extra)
            row_exponents[k] = unit + extra
            return
        r = triangle[k, k]
        b = x[k]
        if b == 0.0 or r == 0.0:
            continue
        gap = unit - row_exponents[k]
        if -MODERATE <= gap <= 0 and 1e-100 < abs(r) < 1e100 and 1e-30 < abs(b) < 1e30:
            # As below, without the care for squares that leave the range.
            down = POWERS[MIDDLE + gap]
            small = b * down
            length = math.sqrt(r * r + small * small)
            from_r, left_r = r / length, b / length
            from_x, left_x = left_r * down * down, from_r
        elif gap <= 0:
            small = math.ldexp(b, gap)
            length = math.hypot(r, small)
            from_r, from_x = r / length, math.ldexp(small / length, gap)
            left_x, left_r = r / length, b / length
        else:
            small = math.ldexp(r, -gap)
            length = math.hypot(small, b)
            from_r, from_x = math.ldexp(small / length, -gap), b / length
            left_x, left_r = r / length, b / length
            row_exponents[k], unit = unit, row_exponents[k]
        triangle[k, k] = length
        row = triangle[k]
        for j in range(k + 1, d):
            old, mine = row[j], x[j]
            row[j] = from_r * old + from_x * mine
            x[j] = left_x * mine - left_r * old
