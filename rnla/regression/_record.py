"""What a regression in the l_p norm returns: the fit, its value, and a bound on the best value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._result import FloatArray, Status
from ..sampling import RowSample

__all__ = ["LpFit", "relative_gap"]


def relative_gap(objective: Any, lower: Any) -> Any:
    """(objective - lower) / objective, 0 where the objective is, 1 where it is infinite."""
    value, bound = np.asarray(objective, dtype=np.float64), np.asarray(lower, dtype=np.float64)
    plain = (value > 0.0) & (value < np.inf)
    safe = np.where(plain, value, 1.0)
    with np.errstate(over="ignore"):
        gap = np.where(plain, (safe - np.where(plain, bound, 0.0)) / safe, value > 0.0)
    return float(gap) if gap.ndim == 0 else gap


@dataclass(frozen=True, eq=False)
class LpFit:
    """The minimiser of sum_i w_i |a_i x - b_i|^p, with a lower bound on the minimum.

    Attributes
    ----------
    x : ndarray, shape (d,) or (d, k)
        Coefficients, a column per response; zero for columns of A that depend on others.
    objective : float or ndarray, shape (k,)
        The sum of weighted p-th powers at x, for p = inf the largest absolute residual.
    lower : float or ndarray, shape (k,)
        Lower bound on the minimum, from a feasible point of the dual problem.
    p : float
    iterations : int
        Of the solver.
    method : str
        Solver that ran.
    status : Status
        OK; ROUNDING_LIMITED if the gap is above the tolerance, but no more than rounding of the
        residuals could make of the objective; NOT_CONVERGED if it is larger.
    intercept : float or ndarray, shape (k,)
        Zero if none was asked for.
    rank : int or None
        Numerical rank of A, with the column of ones if there is an intercept.
    passes : int
        Passes over A.
    seed : int or None
        Passing it as ``rng=`` repeats the result; None if nothing was drawn.
    sample : RowSample or None
        The rows that the fit rests on, if it was not polished on all of them.
    reason : str
        Why this method was chosen.
    proved : float or ndarray, shape (k,), or None
        The gap in units of the solver's own, if it has any: the powers in `objective` and `lower`
        can leave the range of floating-point numbers.

    Notes
    -----
    A residual b_i - a_i x is computed to within (d + 2) eps (|b_i| + |a_i| |x|). If none is larger
    than that, the fit is perfect as far as float64 can tell: `lower` is then set to `objective`,
    both of which are rounding, and the gap is zero.
    """

    x: FloatArray
    objective: Any
    lower: Any
    p: float
    iterations: int
    method: str
    status: Status
    intercept: Any = 0.0
    rank: int | None = None
    passes: int = 0
    seed: int | None = None
    sample: RowSample | None = None
    reason: str = ""
    proved: Any = None

    @property
    def gap(self) -> Any:
        """(objective - lower) / objective, 0 for a perfect fit; an array for many responses."""
        if self.proved is not None:
            return self.proved
        return relative_gap(self.objective, self.lower)
