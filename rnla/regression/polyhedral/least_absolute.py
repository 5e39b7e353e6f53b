"""Least absolute deviations, min sum_i w_i |b_i - a_i x|: the median among quantile regressions.

|r| is twice the check loss at q = 1/2, whose solvers (`globbing`, `frisch_newton`) do the work: the
exact minimum at a vertex, with a dual feasible point on all rows, at any home of the rows.
"""

from __future__ import annotations

import numpy as np

from ..._result import FloatArray
from .._input import Problem
from .._record import LpFit
from .centre import centred
from .check_problem import CheckProblem, verdict
from .globbing import fit_columns, lay_bands

__all__ = ["least_absolute"]


def least_absolute(
    problem: Problem,
    *,
    lower: FloatArray | None = None,
    upper: FloatArray | None = None,
    tol: float = 1e-8,
    x0: FloatArray | None = None,
    max_iter: int = 100,
    seed: int = 0,
) -> LpFit:
    """Fit every response; the fit is for all columns of ``problem.A``, an intercept included.

    Parameters
    ----------
    problem : Problem
    lower, upper : ndarray, shape (d,), optional
        Bounds, possibly infinite.
    tol : float
        Relative duality gap.
    x0 : ndarray, shape (d,) or (d, k), optional
        A guess.
    max_iter : int
        Of an interior point.
    seed : int
        Of the sample that tells which rows matter. The minimum does not depend on it.
    """
    A, single = problem.A, problem.single
    before = A.passes
    k = 1 if single else problem.b.shape[1]
    start = None if x0 is None else np.array(x0, dtype=np.float64).reshape(-1, k)
    response, centre = centred(problem)
    if start is not None and centre.any():
        start[-1] -= centre
    check = CheckProblem(
        A,
        response,
        np.full(k, 0.5),
        problem.weights,
        lower,
        upper,
        tol=tol,
        x0=start,
        max_iter=max_iter,
        seed=seed,
    )
    bands = lay_bands(check)
    found = fit_columns(check, bands)
    if centre.any():
        found.X[-1] += centre
    value, bound = 2.0 * found.value, 2.0 * found.lower
    return LpFit(
        found.X[:, 0] if single else found.X,
        float(value[0]) if single else value,
        float(bound[0]) if single else bound,
        1.0,
        found.iterations,
        found.method,
        verdict(found.value, found.lower, found.rounding, tol),
        rank=found.rank,
        passes=A.passes - before,
        seed=None if bands is None else seed,
        reason=found.reason,
    )
