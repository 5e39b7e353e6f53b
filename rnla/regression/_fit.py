"""min sum_i w_i |a_i x - b_i|^p on the few rows of a sample, for any p >= 1.

p = 1 is a linear program. For p > 1 the residual is (A, -b) z with z_(d+1) = 1, so the fit is the
constrained problem that sensitivities use (SPEC K3): Newton with a duality certificate.
"""

from __future__ import annotations

import numpy as np

from .._result import FloatArray, Status
from ..constrained import ConstrainedProblem
from ._record import LpFit
from .least_absolute_deviations import least_absolute_deviations

__all__ = ["fit_rows"]

_ROUNDING = 1e-14


def fit_rows(A: FloatArray, b: FloatArray, weights: FloatArray, p: float) -> LpFit:
    """Fit b by A x in the weighted lp norm; A dense (m, d), weights non-negative."""
    if p == 1.0:
        return least_absolute_deviations(A, b, weights=weights)
    d = A.shape[1]
    factors = weights ** (1.0 / p)
    unit = float(np.abs(factors * b).max(initial=0.0))
    if unit == 0.0:
        return LpFit(np.zeros(d), 0.0, 0.0, p, 0, "nothing to fit", Status.OK)
    target = factors * b / unit
    bordered = np.column_stack([A * factors[:, None], -target])
    constraint = np.zeros(d + 1)
    constraint[d] = 1.0
    found = ConstrainedProblem(bordered, p).minimise(constraint)
    x = found.x[:d] / found.x[d]
    value = float(np.sum(np.abs(bordered[:, :d] @ x - target) ** p))
    perfect = value <= _ROUNDING**p * float(np.sum(np.abs(target) ** p))
    lower = value if perfect else min(found.dual, value)
    status = Status.OK if perfect else found.status
    with np.errstate(over="ignore", under="ignore"):
        power = np.float64(unit) ** p
        return LpFit(
            x * unit,
            float(value * power),
            float(lower * power),
            p,
            found.iterations,
            found.method,
            status,
        )
