"""Numba loops (see the contract beside this file)."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

_EPS = 2.0**-52
_SWEEPS = 60
_TINY = _EPS * _EPS  # in the place of pivots that vanish


@njit(cache=True, nogil=True)
def largest_ritz(diagonal, off, value, tail):
    count, size = diagonal.shape
    a, b = np.empty(size), np.empty(size - 1)
    forward, backward, z = np.empty(size), np.empty(size), np.empty(size)
    for k in range(count):
        scale = _size(diagonal[k], off[k])
        if scale == 0.0:
            value[k], tail[k] = 0.0, 1.0 if size == 1 else 0.0
            continue
        exponent = math.frexp(scale)[1]  # by a power of two: squares neither over- nor underflow
        for i in range(size):
            a[i] = math.ldexp(diagonal[k, i], -exponent)
        for i in range(size - 1):
            b[i] = math.ldexp(off[k, i], -exponent)
        x = largest_value(a, b)
        value[k] = math.ldexp(x, exponent)
        tail[k] = unit_vector(a, b, x, forward, backward, z)


@njit(cache=True, nogil=True)
def _size(a, b):
    largest = 0.0
    for i in range(a.size):
        largest = max(largest, abs(a[i]))
    for i in range(b.size):
        largest = max(largest, abs(b[i]))
    return largest


@njit(cache=True, nogil=True)
def largest_value(a, b):
    """Of numbers that are not tiny or huge."""
    return a[0] if a.size == 1 else _laguerre(a, b, _bound(a, b))


@njit(cache=True, nogil=True)
def second_value(a, b, top):
    """The eigenvalue below the largest, which is `top`, by bisection; needs size 2 at least."""
    low = a[0]
    for i in range(a.size):
        radius = abs(b[i - 1]) if i > 0 else 0.0
        radius += abs(b[i]) if i < b.size else 0.0
        low = min(low, a[i] - radius)
    high = top
    while high - low > _EPS * max(abs(low), abs(high)):
        x = 0.5 * (low + high)
        if x <= low or x >= high:
            break
        above, pivot = 0, 1.0
        for i in range(a.size):
            pivot = a[i] - x - (b[i - 1] * b[i - 1] / pivot if i > 0 else 0.0)
            if abs(pivot) < _TINY:
                pivot = -_TINY
            above += pivot > 0.0
        if above >= 2:
            low = x
        else:
            high = x
    return 0.5 * (low + high)


@njit(cache=True, nogil=True)
def _bound(a, b):
    """Gershgorin's upper bound of the eigenvalues."""
    top = a[0]
    for i in range(a.size):
        radius = 0.0
        if i > 0:
            radius += abs(b[i - 1])
        if i < b.size:
            radius += abs(b[i])
        top = max(top, a[i] + radius)
    return top + 16.0 * _EPS


@njit(cache=True, nogil=True)
def _laguerre(a, b, x):
    """From above all eigenvalues down to the largest; the pivots of T - x are negative there."""
    size = a.size
    for _ in range(_SWEEPS):
        pivot, first, second = 1.0, 0.0, 0.0
        log_slope, log_curve = 0.0, 0.0
        for i in range(size):
            square = b[i - 1] * b[i - 1] if i > 0 else 0.0
            ratio = square / pivot if i > 0 else 0.0
            # Derivatives of square / pivot by x.
            slope = ratio * first
            curve = ratio * (2.0 * first * first - second)
            new = a[i] - x - ratio
            if new >= 0.0:  # x has reached the eigenvalue, to rounding
                return x
            pivot = new
            first = (-1.0 + slope) / new
            second = -curve / new
            log_slope += first
            log_curve += first * first - second
        under = (size - 1) * (size * log_curve - log_slope * log_slope)
        step = size / (log_slope + math.sqrt(max(under, 0.0)))
        if step <= _EPS:
            return x
        x -= step
    return x


@njit(cache=True, nogil=True)
def unit_vector(a, b, x, forward, backward, z):
    """z, the unit vector of x, and |its last component|."""
    size = a.size
    for i in range(size):
        value = a[i] - x
        if i > 0:
            value -= b[i - 1] * b[i - 1] / forward[i - 1]
        forward[i] = value if abs(value) > _TINY else -_TINY
    best, at = math.inf, 0
    for i in range(size - 1, -1, -1):
        value = a[i] - x
        if i < size - 1:
            value -= b[i] * b[i] / backward[i + 1]
        backward[i] = value if abs(value) > _TINY else -_TINY
        gamma = abs(forward[i] + backward[i] - (a[i] - x))
        if gamma < best:
            best, at = gamma, i
    z[at] = total = entry = 1.0
    for i in range(at - 1, -1, -1):
        entry *= -b[i] / forward[i]
        z[i] = entry
        total += entry * entry
    entry = 1.0
    for i in range(at + 1, size):
        entry *= -b[i - 1] / backward[i]
        z[i] = entry
        total += entry * entry
    norm = math.sqrt(total)
    for i in range(size):
        z[i] /= norm
    return abs(entry) / norm
