"""Numba CSR quadratic forms (see the contract beside this file)."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def csr_quadratic(data, indices, indptr, P, out):
    for i in range(indptr.size - 1):
        total = 0.0
        for a in range(indptr[i], indptr[i + 1]):
            value = np.float64(data[a])
            row = indices[a]
            cross = 0.0
            for b in range(a + 1, indptr[i + 1]):
                cross += data[b] * P[row, indices[b]]
            total += value * (value * P[row, row] + 2.0 * cross)
        out[i] = total
