"""Numba draws of a projection DPP (see the contract beside this file), O(r^2) scratch a draw.

Sums run over the outer loop, so that the inner one is made of independent sums: vectors at work, in
the order of the index.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

REFRESH = 64  # steps of the chain after which residuals are computed afresh


@njit(cache=True, nogil=True)
def accept(features, envelope, points, which, cap, negligible, basis, chosen, counts, work):
    count, r = features.shape[1], features.shape[2]
    for g in range(which.size):
        b = which[g]
        rows, columns = basis[b, 0], basis[b, 1]
        k, looked, since = counts[b, 0], counts[b, 1], counts[b, 2]
        for t in range(count):
            if k == r or since > cap:
                break
            looked += 1
            since += 1
            if since > cap:
                break
            u = features[g, t]
            combine(columns, u, r, k, work[0])
            rho = 0.0
            for j in range(r):
                rho += u[j] * u[j]
            for i in range(k):
                rho -= work[0, i] * work[0, i]
            threshold = points[g, t] * envelope[g, t]
            if threshold >= rho:
                continue
            # Tested on a residual of its own: rounding of the difference decides nothing.
            work[1] = u
            deduct(rows, work[0], k, work[1])
            combine(columns, work[1], r, k, work[0])
            deduct(rows, work[0], k, work[1])
            square = 0.0
            for j in range(r):
                square += work[1, j] * work[1, j]
            if threshold >= square or square <= negligible * envelope[g, t]:
                continue
            append(rows, columns, k, math.sqrt(square), work[1])
            chosen[b, k] = looked - 1
            k += 1
            since = 0
        counts[b, 0], counts[b, 1], counts[b, 2] = k, looked, since


@njit(cache=True, nogil=True)
def combine(matrix, x, count, width, out, first=0):
    """out[i] = sum over j < count of x[j] matrix[j, i], for first <= i < width."""
    for i in range(first, width):
        out[i] = 0.0
    whole = count - count % 4
    for j in range(0, whole, 4):
        x0, x1, x2, x3 = x[j], x[j + 1], x[j + 2], x[j + 3]
        m0, m1, m2, m3 = matrix[j], matrix[j + 1], matrix[j + 2], matrix[j + 3]
        for i in range(first, width):
            out[i] = (((out[i] + x0 * m0[i]) + x1 * m1[i]) + x2 * m2[i]) + x3 * m3[i]
    for j in range(whole, count):
        for i in range(first, width):
            out[i] += x[j] * matrix[j, i]


@njit(cache=True, nogil=True)
def deduct(matrix, x, count, out):
    """out[i] -= sum over j < count of x[j] matrix[j, i]."""
    width = out.size
    whole = count - count % 4
    for j in range(0, whole, 4):
        x0, x1, x2, x3 = x[j], x[j + 1], x[j + 2], x[j + 3]
        m0, m1, m2, m3 = matrix[j], matrix[j + 1], matrix[j + 2], matrix[j + 3]
        for i in range(width):
            out[i] = (((out[i] - x0 * m0[i]) - x1 * m1[i]) - x2 * m2[i]) - x3 * m3[i]
    for j in range(whole, count):
        for i in range(width):
            out[i] -= x[j] * matrix[j, i]


@njit(cache=True, nogil=True)
def append(rows, columns, k, length, residual):
    for j in range(residual.size):
        v = residual[j] / length
        residual[j] = v
        rows[k, j] = v
        columns[j, k] = v


@njit(cache=True, nogil=True)
def chain(columns, points, negligible, chosen):
    r, n = columns.shape
    leverage, rho, sums, product = np.zeros(n), np.empty(n), np.empty(n), np.empty(n)
    basis = np.empty((2, r, r))
    work = np.empty((2, r))
    for j in range(r):
        for i in range(n):
            leverage[i] += columns[j, i] * columns[j, i]
    for b in range(points.shape[0]):
        rho[:] = leverage
        for k in range(r):
            if k and k % REFRESH == 0:
                distances(columns, basis[0], k, product, rho)
            for i in range(n):
                if rho[i] <= negligible * leverage[i]:
                    rho[i] = 0.0
            for l in range(k):
                rho[chosen[b, l]] = 0.0
            total = 0.0
            for i in range(n):
                total += rho[i]
                sums[i] = total
            # The actual sum, whatever it should be; for the total the last row that adds to it.
            last = np.searchsorted(sums, total)
            row = min(np.searchsorted(sums, points[b, k] * total, side="right"), last)
            chosen[b, k] = row
            work[1] = columns[:, row]
            for _ in range(2):
                combine(basis[1], work[1], r, k, work[0])
                deduct(basis[0], work[0], k, work[1])
            square = 0.0
            for j in range(r):
                square += work[1, j] * work[1, j]
            append(basis[0], basis[1], k, math.sqrt(square), work[1])
            combine(columns, work[1], r, n, product)
            for i in range(n):
                rho[i] -= product[i] * product[i]


@njit(cache=True, nogil=True)
def distances(columns, rows, k, product, rho):
    """Squared lengths of all rows less their projections, one basis row after another, twice."""
    r, n = columns.shape
    rest = columns.copy()
    for _ in range(2):
        for l in range(k):
            combine(rest, rows[l], r, n, product)
            for j in range(r):
                q = rows[l, j]
                for i in range(n):
                    rest[j, i] -= q * product[i]
    rho[:] = 0.0
    for j in range(r):
        for i in range(n):
            rho[i] += rest[j, i] * rest[j, i]
