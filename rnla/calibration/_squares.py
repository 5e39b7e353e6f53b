"""Sums of squared moduli over some axes, without an array of them.

Large arrays of squares cost more for the fresh memory than for the squares.
"""

from __future__ import annotations

import numpy as np

from .operators._base import Array

__all__ = ["squares"]


def squares(a: Array, axes: str, kept: str, weights: Array | None = None) -> Array:
    """sum weights |a|^2 over the `axes` of a that are not `kept`, in the notation of einsum."""
    rule = f"{axes},{axes}->{kept}" if weights is None else f"{axes},{axes},{axes}->{kept}"
    more = () if weights is None else (weights,)
    total: Array = np.einsum(rule, a.real, a.real, *more)
    if a.dtype.kind == "c":
        total = total + np.einsum(rule, a.imag, a.imag, *more)
    return np.asarray(total)
