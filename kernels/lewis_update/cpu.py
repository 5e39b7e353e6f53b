"""Numba steps of Lewis iterations (see the contract beside this file)."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def extremes(h, log_w, share):
    least, most = np.inf, -np.inf
    bad = False
    for i in range(h.size):
        x = 2.0 * h[i] - share * log_w[i]
        least = x if x < least else least
        most = x if x > most else most
        bad |= x != x
    return (np.nan, np.nan) if bad else (least, most)


@njit(cache=True, nogil=True, error_model="numpy")
def first_steps(h, log_w, p, factor, divisor, out):
    for i in range(h.size):
        out[i] = factor * (p * h[i] - log_w[i]) / divisor


@njit(cache=True, nogil=True, error_model="numpy")
def steps(h, log_w, before, p, kept, factor, divisor, out):
    for i in range(h.size):
        out[i] = kept * before[i] + factor * (p * h[i] - log_w[i]) / divisor
