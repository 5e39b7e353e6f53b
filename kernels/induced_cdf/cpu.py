"""Numba closed-form distribution functions (see the contract beside this file)."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

BIG = 2.0**100
LOG_2 = math.log(2.0)


@njit(cache=True, nogil=True)
def induced_cdf(t, log_flux, base, degrees, a, b, eigenvalues, cdf, log_square):
    for i in range(t.size):
        x = t[i]
        old, now = 0.0, 1.0  # phi_{j-1}, phi_j times 2^-exponent
        k = 0.0  # sum of the squares below degree j, times 4^-exponent
        before = 0.0  # U_{j-1} times 4^-exponent
        exponent = np.int64(0)
        flux = math.exp(log_flux[i])
        total = base[i]
        for j in range(1, degrees[i] + 1):
            new = ((x - a[j - 1]) / b[j]) * now
            if j > 1:
                new -= (b[j - 1] / b[j]) * old
            k += now * now
            old, now = now, new
            size = max(abs(now), abs(old))
            if size > BIG:
                shift = math.frexp(size)[1]
                factor = math.ldexp(1.0, -shift)
                now *= factor
                old *= factor
                k = k * factor * factor
                before = before * factor * factor
                exponent += shift
                flux = math.exp(log_flux[i] + 2.0 * LOG_2 * exponent)
            ratio = k / b[j]
            here = (now * old + (x - a[j]) * ratio) / (eigenvalues[j + 1] - eigenvalues[j - 1])
            change = here - (b[j - 1] / b[j]) * before
            change += (a[j] - a[j - 1]) * ratio / (eigenvalues[j] - eigenvalues[j - 1])
            if flux > 0.0:
                total -= flux * change / b[j]
            before = here
        cdf[i] = min(max(total, 0.0), 1.0)
        if now == 0.0:
            log_square[i] = -np.inf
        else:
            log_square[i] = 2.0 * (math.log(abs(now)) + LOG_2 * exponent)
