"""What a regression in the l_p norm returns: the fit, its value, and a bound on the best value."""

from __future__ import annotations

from dataclasses import dataclass

from .._result import FloatArray, Status

__all__ = ["LpFit"]


@dataclass(frozen=True, eq=False)
class LpFit:
    """The minimiser of sum_i w_i |a_i x - b_i|^p, with a lower bound on the minimum.

    Attributes
    ----------
    x : ndarray, shape (d,)
        Coefficients; zero for columns that depend on others.
    objective : float
        The sum of weighted p-th powers at x.
    lower : float
        Lower bound on the minimum, from a feasible point of the dual problem.
    p : float
    iterations : int
        Of the solver.
    method : str
        Solver that ran.
    status : Status
        OK, or NOT_CONVERGED if the gap is above 1e-6.
    """

    x: FloatArray
    objective: float
    lower: float
    p: float
    iterations: int
    method: str
    status: Status

    @property
    def gap(self) -> float:
        """(objective - lower) / objective, 0 for a perfect fit."""
        return (self.objective - self.lower) / self.objective if self.objective > 0.0 else 0.0
