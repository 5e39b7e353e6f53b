"""Results of minimising ||A x||_p on a hyperplane: point, value, and a certificate to re-check."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._result import FloatArray, Status
from ._norms import power, relative_gap

__all__ = ["ConstrainedMinima", "ConstrainedMinimum"]


@dataclass(frozen=True)
class ConstrainedMinimum:
    """The minimum of ||A x||_p subject to g^T x = 1, with its certificate.

    Attributes
    ----------
    x : ndarray, shape (d,)
        The minimiser, zero outside the pivot columns if A is rank-deficient.
    y : ndarray, shape (n,)
        A x.
    norm, norm_lower : float
        ||A x||_p, and a lower bound on the minimum: 1 / ||multiplier||_p'.
    multiplier : ndarray, shape (n,)
        u with A^T u = g. By Hoelder 1 = g^T x = u^T A x <= ||u||_p' ||A x||_p for every feasible x.
    p : float
    iterations : int
    method : str
        Algorithm that produced the result; ``"null_space"`` if g is outside the row space of A.
    status : Status
        OK, or NOT_CONVERGED if the gap is above the tolerance.
    """

    x: FloatArray
    y: FloatArray
    norm: float
    norm_lower: float
    multiplier: FloatArray
    p: float
    iterations: int
    method: str
    status: Status

    @property
    def value(self) -> float:
        """||A x||_p^p (||A x||_inf for p = inf); infinity where that overflows."""
        return power(self.norm, self.p)

    @property
    def dual(self) -> float:
        """Lower bound on the minimum, in the units of `value`."""
        return power(self.norm_lower, self.p)

    @property
    def gap(self) -> float:
        """1 - dual / value, computed without cancellation."""
        return relative_gap(self.norm, self.norm_lower, self.p)


@dataclass(frozen=True, eq=False)
class ConstrainedMinima:
    """The minima of ||A x||_p subject to g^T x = 1 for k vectors g.

    Attributes
    ----------
    x : ndarray, shape (k, d)
        The minimisers.
    norm, norm_lower : ndarray, shape (k,)
        ||A x||_p and lower bounds on the minima, as in `ConstrainedMinimum`.
    p : float
    status : Status
        OK, or NOT_CONVERGED if some gap is above the tolerance.
    """

    x: FloatArray
    norm: FloatArray
    norm_lower: FloatArray
    p: float
    status: Status

    @property
    def gap(self) -> FloatArray:
        """1 - dual / value for every g."""
        pairs = zip(self.norm, self.norm_lower, strict=True)
        return np.array([relative_gap(norm, lower, self.p) for norm, lower in pairs])
