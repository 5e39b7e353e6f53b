"""Norms without overflow: ||y||_p as max |y| times the norm of the scaled vector (O(n))."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .._result import FloatArray

__all__ = ["Solution", "conjugate", "lp_norm", "power", "relative_gap"]


def lp_norm(y: FloatArray, p: float) -> float:
    """Return ||y||_p for p in [1, inf], safe for entries of any size."""
    magnitude = np.abs(y)
    largest = float(magnitude.max(initial=0.0))
    if largest == 0.0 or math.isinf(p):
        return largest
    if p == 1.0:
        return largest * float(np.sum(magnitude / largest))
    total = float(np.sum((magnitude / largest) ** p))
    return largest * math.exp(math.log(total) / p)


def conjugate(p: float) -> float:
    """Return the exponent p' with 1/p + 1/p' = 1."""
    if p == 1.0:
        return math.inf
    return 1.0 if math.isinf(p) else p / (p - 1.0)


def power(norm: float, p: float) -> float:
    """Return norm**p (norm itself for p = inf), infinity where it overflows."""
    if math.isinf(p):
        return norm
    try:
        return float(norm**p)
    except OverflowError:
        return math.inf


def relative_gap(norm: float, lower: float, p: float) -> float:
    """Return 1 - (lower / norm)^p without cancellation (exponent 1 for p = inf), at least 0."""
    if norm == 0.0 or lower >= norm:
        return 0.0
    if lower <= 0.0:
        return 1.0
    return -math.expm1((1.0 if math.isinf(p) else p) * math.log(lower / norm))


@dataclass(frozen=True)
class Solution:
    """What an algorithm hands back, in the coordinates of a `Range` (h^T z = 1, B^T u = h).

    `norm` is ||B z||_p and `lower` is 1 / ||u||_p', a lower bound on the minimum.
    """

    z: FloatArray
    u: FloatArray
    norm: float
    lower: float
    iterations: int
