"""Numba CSR row norms (see the contract beside this file)."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def csr_row_norms(data, indices, indptr, M, p, out):
    k = M.shape[1]
    y = np.empty(k)
    for i in range(indptr.size - 1):
        y[:] = 0.0
        for a in range(indptr[i], indptr[i + 1]):
            value = np.float64(data[a])
            row = M[indices[a]]
            for j in range(k):
                y[j] += value * row[j]
        largest = 0.0
        for j in range(k):
            size = abs(y[j])
            if not size <= largest:
                largest = size
                if np.isnan(size):
                    break
        # Dividing by the largest entry first keeps extreme scales from over- or underflowing.
        if largest == 0.0 or p == np.inf or not np.isfinite(largest):
            out[i] = largest
            continue
        total = 0.0
        inverse = 1.0 / largest
        if not np.isfinite(inverse):
            out[i] = largest
            continue
        if p == 2.0:
            for j in range(k):
                ratio = y[j] * inverse
                total += ratio * ratio
            out[i] = largest * np.sqrt(total)
        else:
            for j in range(k):
                total += (abs(y[j]) * inverse) ** p
            out[i] = largest * total ** (1.0 / p)
