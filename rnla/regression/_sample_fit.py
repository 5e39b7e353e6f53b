"""Weighted regression on the few rows of a sample, in memory: which solver takes which problem.

Losses of degree one go to the interior point of `frisch_newton`, powers p > 1 to Newton's method.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._result import FloatArray, Status
from ..tall import as_tall
from ._record import LpFit
from .frisch_newton import frisch_newton
from .full_data_bound import RowLoss
from .losses import Power
from .newton import minimise

__all__ = ["fit_sample"]

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
        factor, q = (2.0, 0.5) if loss.quantile is None else (1.0, loss.quantile)
        box = _constraints(lower, upper)
        found = frisch_newton(rows, b, q, weights=weights, constraints=box, tol=_TOLERANCE)
        fit = LpFit(
            found.x, factor * found.value, factor * found.lower, 1.0, found.iterations,
            "interior point", Status.OK,
        )  # fmt: skip
    else:
        tall = as_tall(rows, require_tall=False)
        best = minimise(
            tall, b, Power(loss.p), weights=weights, lower=lower, upper=upper, tol=_TOLERANCE
        )
        fit = LpFit(
            best.x, best.objective, max(best.lower, 0.0), loss.p, best.iterations,
            "newton", Status.OK,
        )  # fmt: skip
    if fit.gap <= _ACCEPTED_GAP:
        return fit
    return LpFit(fit.x, fit.objective, fit.lower, fit.p, fit.iterations, fit.method,
                 Status.NOT_CONVERGED)  # fmt: skip


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
