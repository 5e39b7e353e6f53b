"""Numba maxima of bit patterns (see the contract beside this file)."""

from __future__ import annotations

from numba import njit


@njit(cache=True, nogil=True)
def column_and_row_max(bits, magnitude, column, row):
    for i in range(bits.shape[0]):
        largest = row[i]
        for j in range(bits.shape[1]):
            value = bits[i, j] & magnitude
            column[j] = max(column[j], value)
            largest = max(largest, value)
        row[i] = largest


@njit(cache=True, nogil=True)
def csr_column_and_row_max(bits, indices, indptr, magnitude, column, row):
    for i in range(indptr.size - 1):
        largest = row[i]
        for a in range(indptr[i], indptr[i + 1]):
            value = bits[a] & magnitude
            column[indices[a]] = max(column[indices[a]], value)
            largest = max(largest, value)
        row[i] = largest
