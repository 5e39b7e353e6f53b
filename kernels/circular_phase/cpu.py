"""Numba recurrence (see the contract beside this file)."""

from __future__ import annotations

import math

from numba import njit


@njit(cache=True, nogil=True)
def circular_phase(a, b, theta, angle, slope):
    for i in range(theta.size):
        t = theta[i]
        zr, zi = math.cos(t), math.sin(t)
        br, bi = zr, zi
        total, rise = t, 1.0
        for k in range(a.size):
            wr = 1.0 - (a[k] * br - b[k] * bi)
            wi = -(a[k] * bi + b[k] * br)
            square = wr * wr + wi * wi
            # w has a positive real part, so its phase is the principal one.
            total += t - 2.0 * math.atan2(wi, wr)
            rise = 1.0 + rise * (1.0 - a[k] * a[k] - b[k] * b[k]) / square
            # conj(w)^2 / |w|^2, then times B and z.
            cr, ci = (wr * wr - wi * wi) / square, -2.0 * wr * wi / square
            dr, di = cr * br - ci * bi, cr * bi + ci * br
            br, bi = dr * zr - di * zi, dr * zi + di * zr
        angle[i] = total
        slope[i] = rise
