"""A ridge penalty that leaves the intercept alone, for losses that Newton's method minimises."""

from __future__ import annotations

import numpy as np

from .._errors import argument_error
from .._result import FloatArray
from ..tall import TallMatrix

__all__ = ["penalty"]

_LARGE = 1e140  # entries and their inverses stay below, so that their squares fit


def penalty(A: TallMatrix, ridge: float, intercept: bool) -> FloatArray:
    """Factors of x_j^2 / 2, zero for the last column if that is the intercept."""
    largest = A.scan().column_max
    if ridge:
        bad = (largest > _LARGE) | ((largest < 1.0 / _LARGE) & (largest > 0.0))
        if np.any(bad):
            j = int(np.argmax(bad))
            got = f"a column {j} with entries up to {largest[j]:g}"
            expected = f"entries between {1 / _LARGE:g} and {_LARGE:g} beside a ridge penalty"
            remedy = "Rescale that column: a penalty compares the sizes of coefficients."
            raise argument_error("A", got, expected, remedy)
    factors = np.full(A.shape[1], ridge)
    if intercept:
        factors[-1] = 0.0
    return factors
