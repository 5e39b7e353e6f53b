"""Small dense matrices as sums of three float64 arrays, multiplied without loss through BLAS.

Each factor is cut into slices so short that the product of two slices is exact in float64 (Ozaki,
Ogita, Oishi, Rump, Numer. Algorithms 2012); slice products are added up in three parts. Good for
about 130 bits. Cost: some 20 ordinary products; for d x d matrices only.
"""

from __future__ import annotations

import numpy as np

from .._result import FloatArray
from .extended import significand_bits

__all__ = ["add_parts", "congruence", "multiply", "outer_square", "two_sum"]

_BITS = 130


def two_sum(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """a + b as the rounded sum and its exact error."""
    total = a + b
    share = total - a
    return total, (a - (total - share)) + (b - share)


def _add(parts: FloatArray, X: FloatArray) -> None:
    """Add one array to the three parts, in place."""
    parts[0], X = two_sum(parts[0], X)
    parts[1], X = two_sum(parts[1], X)
    parts[2] += X


def add_parts(left: FloatArray, right: FloatArray) -> FloatArray:
    """Sum of two matrices in three parts each, shape (3, …)."""
    total = left.copy()
    for part in right:
        _add(total, part)
    return total


def _slices(parts: FloatArray, axis: int, bits: int, most: int) -> list[FloatArray]:
    """Cut into slices of `bits` bits, relative to the largest entry along `axis`."""
    exponent = np.frexp(np.abs(parts[0]).max(axis=axis, keepdims=True, initial=0.0))[1]
    first, second, third = parts
    slices = []
    for t in range(1, most + 1):
        first, second = two_sum(first, second)
        second, third = two_sum(second, third)
        anchor = np.ldexp(1.5, 52 + exponent - t * bits)
        piece = (first + anchor) - anchor
        slices.append(piece)
        first = first - piece  # exact
        if not (first.any() or second.any() or third.any()):
            break
    return slices


def multiply(A: FloatArray, B: FloatArray) -> FloatArray:
    """A B for matrices in parts, as (3, …)."""
    bits = significand_bits(A.shape[2])
    most = -(-_BITS // bits)
    left, right = _slices(A, 1, bits, most), _slices(B, 0, bits, most)
    total = np.zeros((3, A.shape[1], B.shape[2]))
    for i, X in enumerate(left):
        for j, Y in enumerate(right):
            if i + j < most:
                _add(total, X @ Y)
    return total


def congruence(G: FloatArray, M: FloatArray) -> FloatArray:
    """M^T G M, rounded once, for G and M in parts."""
    first, second, third = multiply(M.transpose(0, 2, 1), multiply(G, M))
    first, second = two_sum(first, second)  # the parts may cancel: add from the top
    result: FloatArray = first + (second + third)
    return (result + result.T) / 2.0


def outer_square(M: FloatArray) -> FloatArray:
    """M M^T in three parts, symmetric."""
    P = multiply(M, M.transpose(0, 2, 1))
    upper = np.triu(np.ones(P.shape[1:], dtype=bool))
    return np.where(upper, P, P.transpose(0, 2, 1))
