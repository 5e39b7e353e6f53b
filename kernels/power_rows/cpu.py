"""Numba rows of powers (see the contract beside this file)."""

from __future__ import annotations

import numpy as np
from numba import njit

_FLUSH = 1e-200  # roots of smaller curvatures would make denormal products, which crawl
_SUMS = {"reassoc", "contract"}  # so that loops become vector instructions


@njit(cache=True, nogil=True, error_model="numpy")
def held_rows(b, z, unit, floor, r, held):
    for i in range(b.size):
        difference = b[i] / unit - z[i]
        size = abs(difference)
        r[i] = difference
        held[i] = size if size > floor else floor


@njit(cache=True, nogil=True, error_model="numpy")
def scaled_rows(B, root, out):
    for i in range(B.shape[0]):
        factor = root[i]
        for j in range(B.shape[1]):
            out[i, j] = factor * B[i, j]


@njit(cache=True, nogil=True, fastmath=_SUMS, error_model="numpy")
def power_rows(r, power, w, p, least, slope, root):
    total = 0.0
    for i in range(r.size):
        step = w[i] * power[i]
        half = step * r[i]
        total += half * r[i]
        slope[i] = p * half
        bent = power[i] if power[i] > least else least
        curvature = p * (p - 1.0) * w[i] * bent
        root[i] = np.sqrt(curvature if curvature > _FLUSH else 0.0)
    return total


@njit(cache=True, nogil=True, fastmath=_SUMS, error_model="numpy")
def guided_power_rows(r, held, power, known, bend, w, p, length, slope, root, kept, u):
    # Three loops, for the middle one to become vector instructions without the interleaved pairs.
    guided = np.empty(r.size)
    for i in range(r.size):
        change = known[i, 1] * bend[i]
        u[i] = known[i, 0] - change
        guided[i] = known[i, 0] - length * change
    total = 0.0
    for i in range(r.size):
        steep = p * power[i]
        plain = steep * r[i]
        touch = steep * held[i]  # the slope at held
        total += w[i] * touch * abs(r[i])  # not below p |r|^p under the floor
        ratio = guided[i] * r[i] / (touch * held[i])
        ratio = 1.0 if ratio > 1.0 else ratio
        ratio = -1.0 if ratio < -1.0 else ratio
        curvature = steep * (1.0 - (2.0 - p) * ratio)
        guided[i] = curvature
        slope[i] = plain
        curvature *= w[i]
        root[i] = np.sqrt(curvature if curvature > _FLUSH else 0.0)
    for i in range(r.size):
        kept[i, 0] = slope[i]
        kept[i, 1] = guided[i]
        slope[i] *= w[i]
    return total / p
