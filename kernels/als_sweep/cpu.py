"""Numba sweeps (see the contract beside this file).

Scratch holds real and imaginary parts in rows of their own, which is what vector registers like;
the loops for real numbers have the second row left out.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

_SUMS = {"reassoc", "contract", "nsz"}
_EPS = 2.0**-52
_GROUP = 32


@njit(cache=True, nogil=True)
def signal_step(squares, d, right, active, t, good):
    signals, n, parts = right.shape[1:]
    m, grams = d.shape[1], squares.shape[1]
    L, column, b = np.empty((parts, n, n)), np.empty((parts, n)), np.empty((parts, n))
    shared = squares.shape[0] == 1
    group = _GROUP if shared else 1  # of problems with the same operators: a matrix product
    power, sums = np.empty((group, m)), np.empty((group, n * n))
    places = np.flatnonzero(active)
    for first in range(0, places.size, group):
        own = places[first : first + group]
        rows = squares[0 if shared else own[0]].reshape(grams, m, n * n)
        for h in range(own.size):
            _powers(d[own[h]], power[h])
        for index in range(grams):
            np.dot(power[: own.size], rows[index], sums[: own.size])
            for h in range(own.size):
                k = own[h]
                if not _cholesky(sums[h].reshape(n, n), L, column):
                    good[k] = False
                    continue
                for one in range(index, index + 1 if grams > 1 else signals):
                    _planes(right[k, one], b)
                    _solve(L, b)
                    _pairs(b, t[k, one])


@njit(cache=True, nogil=True)
def gain_sums(y, d, v, active, top, below, data, cost, change):
    for k in range(y.shape[0]):
        if not active[k]:
            continue
        top[k] = 0.0
        below[k] = 0.0
        left = moved = 0.0
        for index in range(y.shape[1]):
            one, other = _add_sums(y[k, index], d[k], v[k, index], top[k], below[k], data[k, index])
            left += one
            moved += other
        cost[k], change[k] = left, moved


@njit(cache=True, nogil=True, fastmath=_SUMS)
def _add_sums(y, d, v, top, below, data):
    """Adds to `top` and `below`, puts d v into `data`; what is left, and the change."""
    left, moved = 0.0, 0.0
    for j in range(y.size):
        one, value, old = v[j], y[j], data[j]
        new = d[j] * one
        rest, step = value - new, new - old
        top[j] += np.conj(one) * value
        below[j] += one.real * one.real + one.imag * one.imag
        left += rest.real * rest.real + rest.imag * rest.imag
        moved += step.real * step.real + step.imag * step.imag
        data[j] = new
    return left, moved


@njit(cache=True, nogil=True)
def _planes(pairs, out):
    for c in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[c, j] = pairs[j, c]


@njit(cache=True, nogil=True)
def _pairs(planes, out):
    for c in range(planes.shape[0]):
        for j in range(planes.shape[1]):
            out[j, c] = planes[c, j]


@njit(cache=True, nogil=True, fastmath=_SUMS)
def _powers(d, power):
    for j in range(power.size):
        total = 0.0
        for c in range(d.shape[1]):
            total += d[j, c] * d[j, c]
        power[j] = total


@njit(cache=True, nogil=True, fastmath=_SUMS)
def _cholesky(gram, L, column):
    """L below the diagonal and its reciprocal diagonal, with a ridge; whether there is one."""
    parts, n = L.shape[0], L.shape[1]
    trace = 0.0
    for i in range(n):
        trace += gram[i, i]
        for j in range(i + 1):
            L[0, i, j] = gram[i, j]
        if parts == 2:
            for j in range(i):
                L[1, i, j] = gram[j, i]
            L[1, i, i] = 0.0
    ridge = _EPS * (trace if trace > 0.0 else 1.0) / n
    for i in range(n):
        L[0, i, i] += ridge
    for j in range(n):
        pivot = L[0, j, j]
        if not pivot > 0.0:
            return False
        factor = 1.0 / math.sqrt(pivot)
        L[0, j, j] = factor
        for i in range(j + 1, n):
            for c in range(parts):
                L[c, i, j] *= factor
                column[c, i] = L[c, i, j]
        for i in range(j + 1, n):
            if parts == 1:
                a = column[0, i]
                for k in range(j + 1, i + 1):
                    L[0, i, k] -= a * column[0, k]
                continue
            a, b = column[0, i], column[1, i]
            for k in range(j + 1, i + 1):
                L[0, i, k] -= a * column[0, k] + b * column[1, k]
                L[1, i, k] -= b * column[0, k] - a * column[1, k]
    return True


@njit(cache=True, nogil=True, fastmath=_SUMS)
def _solve(L, b):
    """b <- (L L^*)^{-1} b."""
    n = b.shape[1]
    if b.shape[0] == 1:
        for i in range(n):
            total = b[0, i]
            for k in range(i):
                total -= L[0, i, k] * b[0, k]
            b[0, i] = total * L[0, i, i]
        for i in range(n - 1, -1, -1):
            value = b[0, i] * L[0, i, i]
            b[0, i] = value
            for k in range(i):
                b[0, k] -= L[0, i, k] * value
        return
    for i in range(n):
        real, imag = b[0, i], b[1, i]
        for k in range(i):
            real -= L[0, i, k] * b[0, k] - L[1, i, k] * b[1, k]
            imag -= L[0, i, k] * b[1, k] + L[1, i, k] * b[0, k]
        b[0, i], b[1, i] = real * L[0, i, i], imag * L[0, i, i]
    for i in range(n - 1, -1, -1):
        real, imag = b[0, i] * L[0, i, i], b[1, i] * L[0, i, i]
        b[0, i], b[1, i] = real, imag
        for k in range(i):  # conj(L[i, k]) x_i
            b[0, k] -= L[0, i, k] * real + L[1, i, k] * imag
            b[1, k] -= L[0, i, k] * imag - L[1, i, k] * real
