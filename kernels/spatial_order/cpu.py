"""Numba median-split order (see the contract beside this file)."""

from __future__ import annotations

import numpy as np
from numba import njit

DEPTH = 80
POWER_STEPS = 30


@njit(cache=True, nogil=True)
def _before(value_a, row_a, value_b, row_b):
    return value_a < value_b or (value_a == value_b and row_a < row_b)


@njit(cache=True, nogil=True)
def _select(values, order, lo, hi, middle):
    """Quickselect: the (middle - lo) smallest of lo ... hi-1 go left of middle."""
    hi -= 1
    while lo < hi:
        # Median of three as pivot, so that sorted input costs nothing extra.
        centre = (lo + hi) // 2
        if _before(values[centre], order[centre], values[lo], order[lo]):
            _swap(values, order, centre, lo)
        if _before(values[hi], order[hi], values[lo], order[lo]):
            _swap(values, order, hi, lo)
        if _before(values[hi], order[hi], values[centre], order[centre]):
            _swap(values, order, hi, centre)
        pivot, row = values[centre], order[centre]
        i, j = lo, hi
        while i <= j:
            while _before(values[i], order[i], pivot, row):
                i += 1
            while _before(pivot, row, values[j], order[j]):
                j -= 1
            if i <= j:
                _swap(values, order, i, j)
                i += 1
                j -= 1
        if middle <= j:
            hi = j
        elif middle >= i:
            lo = i
        else:
            return


@njit(cache=True, nogil=True)
def _swap(values, order, i, j):
    values[i], values[j] = values[j], values[i]
    order[i], order[j] = order[j], order[i]


@njit(cache=True, nogil=True)
def _direction(points, order, lo, hi, direction):
    """First principal direction of a node by power steps; its largest entry is positive."""
    k = points.shape[1]
    mean = np.zeros(k)
    for t in range(lo, hi):
        for a in range(k):
            mean[a] += points[order[t], a]
    mean /= hi - lo
    spread = np.zeros((k, k))
    for t in range(lo, hi):
        for a in range(k):
            left = points[order[t], a] - mean[a]
            for b in range(a + 1):
                spread[a, b] += left * (points[order[t], b] - mean[b])
    start = 0
    for a in range(k):
        for b in range(a):
            spread[b, a] = spread[a, b]
        if spread[a, a] > spread[start, start]:
            start = a
    for a in range(k):
        direction[a] = spread[start, a]
    for _ in range(POWER_STEPS):
        largest = 0.0
        for a in range(k):
            if abs(direction[a]) > abs(largest):
                largest = direction[a]
        if largest == 0.0:
            direction[:] = 0.0
            direction[0] = 1.0
            return
        direction /= largest
        mean[:] = 0.0
        for a in range(k):
            for b in range(k):
                mean[a] += spread[a, b] * direction[b]
        direction[:] = mean
    largest = 0.0
    for a in range(k):
        if abs(direction[a]) > abs(largest):
            largest = direction[a]
    if largest != 0.0:
        direction /= largest


@njit(cache=True, nogil=True)
def spatial_order(points, principal, order, values):
    k = points.shape[1]
    low = np.empty(DEPTH, dtype=np.int64)
    high = np.empty(DEPTH, dtype=np.int64)
    level = np.empty(DEPTH, dtype=np.int64)
    direction = np.empty(k)
    top = 0
    low[0], high[0], level[0] = 0, points.shape[0], 0
    while top >= 0:
        lo, hi, depth = low[top], high[top], level[top]
        top -= 1
        if hi - lo < 2:
            continue
        middle = (lo + hi) // 2
        if principal:
            _direction(points, order, lo, hi, direction)
            for t in range(lo, hi):
                value = 0.0
                for a in range(k):
                    value += direction[a] * points[order[t], a]
                values[t] = value
        else:
            axis = depth % k
            for t in range(lo, hi):
                values[t] = points[order[t], axis]
        _select(values, order, lo, hi, middle)
        top += 1
        low[top], high[top], level[top] = lo, middle, depth + 1
        top += 1
        low[top], high[top], level[top] = middle, hi, depth + 1
