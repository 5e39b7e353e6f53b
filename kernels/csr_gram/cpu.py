"""Numba CSR Gram (see the contract beside this file); accumulates the upper triangle."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def csr_gram(data, indices, indptr, out):
    for i in range(indptr.size - 1):
        for a in range(indptr[i], indptr[i + 1]):
            value = np.float64(data[a])
            row = indices[a]
            for b in range(a, indptr[i + 1]):
                out[row, indices[b]] += value * data[b]


@njit(cache=True, nogil=True)
def csr_gram_scaled(data, indices, indptr, row_scale, out):
    for i in range(indptr.size - 1):
        scale = row_scale[i]
        for a in range(indptr[i], indptr[i + 1]):
            value = scale * data[a]
            row = indices[a]
            for b in range(a, indptr[i + 1]):
                out[row, indices[b]] += value * (scale * data[b])
