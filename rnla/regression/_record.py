"""What a regression in the l_p norm returns: the fit, its value, and a bound on the best value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._result import FloatArray, Status
from ..sampling import RowSample

__all__ = ["LpFit", "relative_gap"]


def relative_gap(objective: Any, lower: Any) -> Any:
    """(objective - lower) / objective, 0 where the objective is; of numbers or arrays."""
    value, bound = np.asarray(objective, dtype=np.float64), np.asarray(lower, dtype=np.float64)
    safe = np.where(value > 0.0, value, 1.0)
    with np.errstate(invalid="ignore"):  # nan where powers have left the floating-point range
        gap = np.where(value > 0.0, (value - bound) / safe, 0.0)
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
        OK, or NOT_CONVERGED if the gap is above the tolerance.
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

    @property
    def gap(self) -> Any:
        """(objective - lower) / objective, 0 for a perfect fit; an array for many responses."""
        return relative_gap(self.objective, self.lower)
