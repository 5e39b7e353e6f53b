"""A ridge penalty that leaves the intercept alone, for losses that Newton's method minimises."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..._errors import argument_error
from ..._result import FloatArray, Status
from ...tall import TallMatrix
from .newton import Minimum

__all__ = ["better_of", "penalised", "penalty"]

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


def penalised(free: Minimum, ridge: FloatArray) -> Minimum:
    """A minimum found without the penalty as one with it, whose lower bound it keeps.

    Where columns are so large that the penalty is nothing beside the loss, this closes the gap.
    """
    with np.errstate(over="ignore"):
        extra = 0.5 * float(np.sum(ridge * free.x**2))
    return replace(free, objective=free.objective + extra)


def better_of(first: Minimum, second: Minimum, tol: float) -> Minimum:
    """The smaller value with the larger bound, and the iterations of both."""
    best = second if second.objective < first.objective else first
    lower = min(max(first.lower, second.lower), best.objective)
    met = best.objective - lower <= tol * best.objective
    return replace(
        best,
        lower=lower,
        iterations=first.iterations + second.iterations,
        status=Status.OK if met else Status.NOT_CONVERGED,
        rank=first.rank if second.rank is None else second.rank,
    )
