"""Numba residuals and their products with the rows (see the contract beside this file)."""

from __future__ import annotations

from numba import njit

# Sums may be reordered into vector registers; NaN and infinities keep their meaning.
_REORDERED = {"reassoc", "contract", "nsz"}


@njit(cache=True, nogil=True, fastmath=_REORDERED)
def add_residual_product(block, x, target, scale, out):
    m, d = block.shape
    weighted = scale.size > 0
    square = 0.0
    whole = m - m % 4
    for i in range(0, whole, 4):
        r0, r1, r2, r3 = target[i], target[i + 1], target[i + 2], target[i + 3]
        s0 = s1 = s2 = s3 = 0.0
        for j in range(d):
            s0 += block[i, j] * x[j]
            s1 += block[i + 1, j] * x[j]
            s2 += block[i + 2, j] * x[j]
            s3 += block[i + 3, j] * x[j]
        r0, r1, r2, r3 = r0 - s0, r1 - s1, r2 - s2, r3 - s3
        if weighted:
            r0, r1 = r0 * scale[i], r1 * scale[i + 1]
            r2, r3 = r2 * scale[i + 2], r3 * scale[i + 3]
        square += r0 * r0 + r1 * r1 + r2 * r2 + r3 * r3
        if weighted:
            r0, r1 = r0 * scale[i], r1 * scale[i + 1]
            r2, r3 = r2 * scale[i + 2], r3 * scale[i + 3]
        for j in range(d):
            out[j] += (
                block[i, j] * r0
                + block[i + 1, j] * r1
                + block[i + 2, j] * r2
                + block[i + 3, j] * r3
            )
    for i in range(whole, m):
        r0 = target[i]
        s0 = 0.0
        for j in range(d):
            s0 += block[i, j] * x[j]
        r0 -= s0
        if weighted:
            r0 *= scale[i]
        square += r0 * r0
        if weighted:
            r0 *= scale[i]
        for j in range(d):
            out[j] += block[i, j] * r0
    out[d] += square
