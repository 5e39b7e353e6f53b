"""Numba removal of rows (see the contract beside this file), O(r^2 + n) scratch.

Inner loops are of independent sums, so that vectors do not change their order.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from ..philox.cpu import LOW, SHIFT, philox4x32
from ..projection_dpp.cpu import combine

TOGETHER = 32  # rows of a reflection
SHRUNK = 4  # share of the rows after which Z is computed afresh
LATE = np.uint64(1 << 40)  # number of the generator for the first of the last rows


@njit(cache=True, nogil=True)
def number(key, index, draw):
    six = np.uint64(6)
    w0, w1, _, _ = philox4x32(
        index & LOW, index >> SHIFT, np.uint64(0), draw, key & LOW, key >> SHIFT
    )
    return (np.float64(w0 >> six) * 67108864.0 + np.float64(w1 >> six) + 0.5) * 2.0**-52


@njit(cache=True, nogil=True)
def triangles(X, R):
    part = np.empty((TOGETHER, X.shape[2]))
    work = np.empty(X.shape[2])
    for b in range(X.shape[0]):
        R[b] = 0.0
        add_rows(R[b], X[b], part, work)


@njit(cache=True, nogil=True)
def add_rows(R, rows, part, work):
    for first in range(0, rows.shape[0], TOGETHER):
        count = min(TOGETHER, rows.shape[0] - first)
        part[:count] = rows[first : first + count]
        reflect(R, part, count, work)


@njit(cache=True, nogil=True)
def reflect(R, part, count, work):
    """The triangle of R and `count` more rows, which are lost.

    One sweep over the rows applies a reflection and takes their products with the next column.
    """
    r = R.shape[0]
    x, following = np.empty(count), np.empty(count)
    square = 0.0
    for i in range(count):
        x[i] = part[i, 0]
        square += x[i] * x[i]
    combine(part, x, count, r, work, 1)
    change = np.zeros(r)
    whole = count - count % 4
    for j in range(r):
        if square == 0.0:
            for k in range(j + 1, r):
                change[k] = 0.0
        else:
            old = R[j, j]
            new = math.sqrt(old * old + square)
            if old > 0.0:
                new = -new
            head = old - new
            factor = 2.0 / (head * head + square)
            R[j, j] = new
            for k in range(j + 1, r):
                change[k] = (head * R[j, k] + work[k]) * factor
                R[j, k] -= change[k] * head
        if j + 1 == r:
            return
        square = 0.0
        for i in range(count):
            following[i] = part[i, j + 1] - change[j + 1] * x[i]
            square += following[i] * following[i]
        for k in range(j + 2, r):
            work[k] = 0.0
        for i in range(0, whole, 4):
            x0, x1, x2, x3 = x[i], x[i + 1], x[i + 2], x[i + 3]
            y0, y1, y2, y3 = following[i], following[i + 1], following[i + 2], following[i + 3]
            p0, p1, p2, p3 = part[i], part[i + 1], part[i + 2], part[i + 3]
            for k in range(j + 2, r):
                c = change[k]
                q0, q1, q2, q3 = p0[k] - c * x0, p1[k] - c * x1, p2[k] - c * x2, p3[k] - c * x3
                work[k] = (((work[k] + y0 * q0) + y1 * q1) + y2 * q2) + y3 * q3
                p0[k], p1[k], p2[k], p3[k] = q0, q1, q2, q3
        for i in range(whole, count):
            for k in range(j + 2, r):
                q = part[i, k] - change[k] * x[i]
                work[k] += following[i] * q
                part[i, k] = q
        x, following = following, x


@njit(cache=True, nogil=True)
def invert(R, S, Z):
    """S = R^-T, lower triangular, and Z = S^T S."""
    r = R.shape[0]
    S[:] = 0.0
    Z[:] = 0.0
    for i in range(r):
        S[i, i] = 1.0
        for k in range(i):
            c = R[k, i]
            for j in range(k + 1):
                S[i, j] -= c * S[k, j]
        for j in range(i + 1):
            S[i, j] /= R[i, i]
        for l in range(i + 1):
            c = S[i, l]
            for j in range(i + 1):
                Z[l, j] += c * S[i, j]


@njit(cache=True, nogil=True)
def reverse_elimination(U, key, draws, start, root, delicate, patience, kept):
    n, r = U.shape[1], U.shape[2]
    size = kept.shape[1]
    alive = np.empty(n, dtype=np.int64)
    R, S, Z = np.empty((r, r)), np.empty((r, r)), np.empty((r, r))
    part, z = np.empty((TOGETHER, r)), np.empty(r)
    for b in range(draws.size):
        X, draw = U[b % U.shape[0]], np.uint64(draws[b])
        for i in range(n):
            alive[i] = i
        left = n
        target = max(size, 2 * r)
        if left > target:
            if start.shape[0]:
                invert(start[b], S, Z)
            else:
                Z[:] = 0.0
                for j in range(r):
                    Z[j, j] = 1.0
            left = one_at_a_time(
                X, alive, target, key, draw, root, delicate, patience, R, S, Z, part, z
            )
        if left > size:
            left = last_ones(X, alive, left, size, key, draw, root, delicate, R, S, Z, part, z)
        for i in range(size):
            kept[b, i] = alive[i] if left >= 0 else -1


@njit(cache=True, nogil=True)
def one_at_a_time(X, alive, target, key, draw, root, delicate, patience, R, S, Z, part, z):
    """How many are left, or -1 if no row leaves."""
    r, left = X.shape[1], X.shape[0]
    y = np.empty(r)
    refresh = max(target, left // SHRUNK)
    trial, stayed = np.uint64(0), 0
    while True:
        place = int(number(key, trial, draw) * left)
        coin = number(key, trial + np.uint64(1), draw)
        trial += np.uint64(2)
        u = X[alive[place]]
        combine(Z, u, r, r, z)
        h = 1.0
        for j in range(r):
            h -= u[j] * z[j]
        stayed += 1
        if stayed > patience:
            return -1
        if not coin < h:  # of NaN too
            continue
        stayed = 0
        left -= 1
        alive[place], alive[left] = alive[left], alive[place]
        if left == target:
            return left
        if h < delicate or left == refresh:
            R[:] = 0.0
            for first in range(0, left, TOGETHER):
                count = min(TOGETHER, left - first)
                for i in range(count):
                    part[i] = X[alive[first + i]]
                reflect(R, part, count, z)
            add_rows(R, root, part, z)
            invert(R, S, Z)
            refresh = max(target, left // SHRUNK)
            continue
        for j in range(r):
            y[j] = z[j] / h
        for k in range(r):
            for j in range(r):
                Z[k, j] += z[k] * y[j]


@njit(cache=True, nogil=True, inline="always")
def not_negative(x):
    """NaN stays."""
    return 0.0 if x < 0.0 else x


@njit(cache=True, nogil=True)
def last_ones(X, alive, count, size, key, draw, root, delicate, R, S, Z, part, z):
    """With all probabilities: a row that leaves stays in its place, with probability zero.

    How many are left, or -1 if there are no probabilities.
    """
    r = X.shape[1]
    columns = np.empty((r, count))
    for i in range(count):
        columns[:, i] = X[alive[i]]
    h, sums, product = np.ones(count), np.empty(count), np.empty(count)
    left, since = count, 0
    fresh(columns, h, root, R, S, Z, part, z, product)
    for t in range(count - size):
        total = 0.0
        for i in range(count):
            total += h[i]
            sums[i] = total
        if not total > 0.0:
            return -1
        # The actual sum, whatever it should be; for the total the last row that adds to it.
        last = np.searchsorted(sums, total)
        point = number(key, LATE + np.uint64(t), draw)
        place = min(np.searchsorted(sums, point * total, side="right"), last)
        mass = h[place]
        h[place] = 0.0
        alive[place] = -1
        left -= 1
        if left == size:
            break
        x = columns[:, place].copy()
        columns[:, place] = 0.0
        since += 1
        if mass < delicate or since >= r:
            for i in range(count):
                h[i] = alive[i] >= 0
            fresh(columns, h, root, R, S, Z, part, z, product)
            since = 0
            continue
        combine(Z, x, r, r, z)
        for j in range(r):
            z[j] /= math.sqrt(mass)
        combine(columns, z, r, count, product)
        for i in range(count):
            h[i] = not_negative(h[i] - product[i] * product[i])
        for k in range(r):
            for j in range(r):
                Z[k, j] += z[k] * z[j]
    left = 0
    for i in range(count):
        if alive[i] >= 0:
            alive[left] = alive[i]
            left += 1
    return left


@njit(cache=True, nogil=True)
def fresh(columns, h, root, R, S, Z, part, z, product):
    """Z, and h = 1 - |S x|^2 from h = 1; what is zero, of a row that left, stays zero."""
    r, count = columns.shape
    R[:] = 0.0
    for first in range(0, count, TOGETHER):
        together = min(TOGETHER, count - first)
        for i in range(together):
            part[i] = columns[:, first + i]
        reflect(R, part, together, z)
    add_rows(R, root, part, z)
    invert(R, S, Z)
    for k in range(r):
        combine(columns, S[k], k + 1, count, product)
        for i in range(count):
            h[i] -= product[i] * product[i]
    for i in range(count):
        h[i] = not_negative(h[i])
