"""Weighted regression on the few rows of a sample, or on all: which solver takes which problem.

Losses of degree one go to the interior point of `frisch_newton`, on all rows through `globbing`;
powers p > 1 go to Newton's method, in passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..._result import FloatArray, Status
from ...tall import TallMatrix, as_tall
from .._input import Problem
from .._record import LpFit, relative_gap
from ..polyhedral.check_problem import CheckProblem
from ..polyhedral.frisch_newton import frisch_newton
from ..polyhedral.globbing import fit_columns, lay_bands
from ..smooth.losses import Power
from ..smooth.newton import minimise
from .full_data_bound import RowLoss

__all__ = ["fit_all", "fit_sample"]

_TOLERANCE = 1e-10
_ACCEPTED_GAP = 1e-6


def fit_sample(
    rows: Any,
    b: FloatArray,
    weights: FloatArray,
    loss: RowLoss,
    *,
    lower: FloatArray | None = None,
    upper: FloatArray | None = None,
) -> LpFit:
    """Minimise sum_i w_i f(b_i - a_i x) over lower <= x <= upper.

    Parameters
    ----------
    rows : ndarray or csr_array, shape (m, d)
    b, weights : ndarray, shape (m,)
        Weights not negative.
    loss : RowLoss
    lower, upper : ndarray, shape (d,), optional
        Possibly infinite.
    """
    d = rows.shape[1]
    used = np.flatnonzero(weights)
    if not used.size or not d:
        x = _nearest_to_zero(d, lower, upper)
        value = float(weights @ loss.value(b))
        return LpFit(x, value, value, loss.p, 0, "nothing to fit", Status.OK)
    if used.size < weights.size:
        rows, b, weights = rows[used], b[used], weights[used]
    if loss.p == 1.0:
        factor, q = _as_check(loss)
        box = _constraints(lower, upper)
        found = frisch_newton(rows, b, q, weights=weights, constraints=box, tol=_TOLERANCE)
        x, value = found.x, factor * found.value
        if box is not None:
            x = np.clip(x, lower, upper)
            value = float(weights @ loss.value(b - rows @ x))
        bound = min(value, factor * found.lower)
        return _fit(x, value, bound, 1.0, found.iterations, "interior point")
    tall = as_tall(rows, require_tall=False)
    return _newton(tall, b, weights, loss, lower, upper)


def fit_all(
    problem: Problem,
    fits: Sequence[tuple[int, RowLoss]],
    *,
    lower: FloatArray | None = None,
    upper: FloatArray | None = None,
    seed: int = 0,
) -> list[LpFit]:
    """The same on all rows, wherever they live: the fit of every (column of b, loss)."""
    A, b, w = problem.A, problem.b, problem.weights
    columns = [b if problem.single else b[:, j] for j, _ in fits]
    if fits[0][1].p > 1.0:
        return [
            _newton(A, column, w, loss, lower, upper)
            for column, (_, loss) in zip(columns, fits, strict=True)
        ]
    scales = np.array([_as_check(loss) for _, loss in fits])
    check = CheckProblem(A, b, scales[:, 1], w, lower, upper, tol=_TOLERANCE, seed=seed)
    found = fit_columns(check, lay_bands(check))
    values, bounds = scales[:, 0] * found.value, scales[:, 0] * found.lower
    return [
        _fit(found.X[:, j], float(values[j]), float(bounds[j]), 1.0, found.iterations, found.method)
        for j in range(len(fits))
    ]


def _newton(
    A: TallMatrix,
    b: Any,
    weights: Any,
    loss: RowLoss,
    lower: FloatArray | None,
    upper: FloatArray | None,
) -> LpFit:
    best = minimise(A, b, Power(loss.p), weights=weights, lower=lower, upper=upper, tol=_TOLERANCE)
    bound = max(best.lower, 0.0)
    return _fit(best.x, best.objective, bound, loss.p, best.iterations, "newton")


def _fit(
    x: FloatArray, value: float, lower: float, p: float, iterations: int, method: str
) -> LpFit:
    close = relative_gap(value, lower) <= _ACCEPTED_GAP
    status = Status.OK if close else Status.NOT_CONVERGED
    return LpFit(x, value, lower, p, iterations, method, status)


def _as_check(loss: RowLoss) -> tuple[float, float]:
    """A factor and a quantile: |r| is twice the check loss of the median."""
    return (2.0, 0.5) if loss.quantile is None else (1.0, loss.quantile)


def _nearest_to_zero(d: int, lower: FloatArray | None, upper: FloatArray | None) -> FloatArray:
    zero = np.zeros(d)
    return zero if lower is None or upper is None else np.clip(zero, lower, upper)


def _constraints(
    lower: FloatArray | None, upper: FloatArray | None
) -> tuple[FloatArray, FloatArray] | None:
    """The finite bounds as G x >= g."""
    if lower is None or upper is None:
        return None
    unit = np.eye(len(lower))
    low, high = np.isfinite(lower), np.isfinite(upper)
    if not (low.any() or high.any()):
        return None
    return np.vstack([unit[low], -unit[high]]), np.concatenate([lower[low], -upper[high]])
