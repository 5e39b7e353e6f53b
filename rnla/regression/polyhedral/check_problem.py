"""A check-loss regression with one or many columns, and what every way to solve it needs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from ..._result import FloatArray, IntArray, Status
from ...tall import TallMatrix, rows
from .frisch_newton import CheckFit, check_value, frisch_newton, rounding

__all__ = ["CheckProblem", "verdict"]


@dataclass(frozen=True, eq=False)
class CheckProblem:
    """min sum_i w_i rho_(q_j)(b_i - a_i x_j) for every j, lower <= x_j <= upper.

    Attributes
    ----------
    A : TallMatrix, shape (n, d)
    b : row vector, shape (n,) or (n, k)
        One response for all quantiles, or one each.
    q : ndarray, shape (k,)
    weights : row vector, shape (n,), or None
    lower, upper : ndarray, shape (d,), or None
    tol : float
        Relative duality gap.
    x0 : ndarray, shape (d, k), or None
    max_iter : int
        Of each interior point.
    seed : int
        Of the sample.
    """

    A: TallMatrix
    b: Any
    q: FloatArray
    weights: Any = None
    lower: FloatArray | None = None
    upper: FloatArray | None = None
    tol: float = 1e-8
    x0: FloatArray | None = None
    max_iter: int = 100
    seed: int = 0

    @property
    def k(self) -> int:
        """Number of columns of the answer."""
        return len(self.q)

    def response(self, j: int, at: IntArray) -> FloatArray:
        """Responses of some rows."""
        b = self.b if len(self.b.shape) == 1 else self.b[:, j]
        return rows.host(b[at])

    def row_weights(self, at: IntArray) -> FloatArray:
        """Weights of some rows."""
        return np.ones(at.size) if self.weights is None else rows.host(self.weights[at])

    def start(self, j: int) -> FloatArray | None:
        """The guess of column j."""
        return None if self.x0 is None else self.x0[:, j]

    def constraints(self, sparse: bool) -> tuple[Any, FloatArray] | None:
        """The bounds as G x >= g."""
        if self.lower is None or self.upper is None:
            return None
        below, above = np.flatnonzero(self.lower > -np.inf), np.flatnonzero(self.upper < np.inf)
        if not below.size and not above.size:
            return None
        unit = sp.eye_array(len(self.lower), format="csr")
        G = sp.csr_array(sp.vstack([unit[below], -unit[above]]))
        return (
            G if sparse else G.toarray(),
            np.concatenate([self.lower[below], -self.upper[above]]),
        )

    def solve(self, j: int, taken: Any, b: FloatArray, **options: Any) -> CheckFit:
        """Column j on rows in memory, within the bounds."""
        fit = frisch_newton(
            taken,
            b,
            self.q[j],
            constraints=self.constraints(sp.issparse(taken)),
            max_iter=self.max_iter,
            **options,
        )
        if self.lower is None or self.upper is None:
            return fit
        x = np.clip(fit.x, self.lower, self.upper)
        w = options.get("weights", 1.0)
        value = check_value(b - taken @ x, self.q[j], w)
        lower = min(fit.lower, value)
        known = rounding(taken, b, x, w)
        if lower < value <= known:
            lower = value
        return replace(fit, x=x, value=value, lower=lower, rounding=known)


def verdict(value: Any, lower: Any, known: Any, tol: float, *, done: bool = True) -> Status:
    """Whether the gaps are closed, up to what is `known` of the values."""
    gap = np.asarray(value) - np.asarray(lower)
    if done and np.all(gap <= tol * np.asarray(value)):
        return Status.OK
    if done and np.all((gap <= tol * np.asarray(value)) | (gap <= np.asarray(known))):
        return Status.ROUNDING_LIMITED
    return Status.NOT_CONVERGED
