"""Two-sided bounds on every l_p sensitivity from one weighted quadratic form, no solves.

For any positive weights w let M = A^T W^(1-2/p) A, m_i = a_i^T M^+ a_i, kappa = max_i tau_i / w_i
with tau_i = w_i^(1-2/p) m_i the leverage scores of W^(1/2-1/p) A. Hoelder's inequality, once for
||Ax||_p against ||W^(1/2-1/p) Ax||_2 and once for the vector x = M^+ a_i, gives

    p <= 2:  m_i^(p/2) / ||w||_1^(1-p/2)  <=  sigma_i  <=  m_i^(p/2) kappa^(1-p/2)
    p >= 2:  m_i^(p/2) / kappa^(p/2-1)    <=  sigma_i  <=  m_i^(p/2) ||w||_1^(p/2-1).

Nothing is assumed of w, so approximate Lewis weights give certified bounds. Exact Lewis weights
(m_i^(p/2) = w_i, kappa = 1, ||w||_1 = d) turn them into w_i d^(p/2-1) <= sigma_i <= w_i for p <= 2
(Chen and Derezinski, COLT 2021, Theorem 5) and w_i <= sigma_i <= d^(p/2-1) w_i for p >= 2
(Yasuda, thesis 2024, Lemma 6.2.4); w = 1 gives the root-leverage bounds of its chapter 8. Both are
used here and the better one is kept row by row. Cost: the Lewis iterations, about 2 passes each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._result import FloatArray, Status
from ..tall import TallMatrix
from ._reweighted import ReweightedLeverage
from .lewis_damped import damped

__all__ = ["Screen", "screen", "weight_bounds"]

_LEWIS_TOL = 0.02
_LEWIS_ITERATIONS = 40


@dataclass(frozen=True, eq=False)
class Screen:
    """What is known of every row before any solve, and what the solves start from.

    Attributes
    ----------
    lower, upper : ndarray, shape (n,)
        Bounds on the sensitivities; 0 for zero rows, at most 1, equal for p = 2.
    weights : ndarray, shape (n,)
        Approximate Lewis weights, zero for zero rows; they sum to about the rank.
    rank : int
    passes, seed : int
    status : Status
        OK, RANK_DEFICIENT or AMBIGUOUS_RANK.
    """

    lower: FloatArray
    upper: FloatArray
    weights: FloatArray
    rank: int
    passes: int
    seed: int
    status: Status

    def form(self, p: float) -> FloatArray:
        """Row weights of the Lewis quadratic, w^(1 - 2/p); zero for zero rows."""
        positive = self.weights > 0.0
        log_w = np.log(np.where(positive, self.weights, 1.0))
        return np.where(positive, np.exp((1.0 - 2.0 / p) * log_w), 0.0)


def weight_bounds(
    log_m: FloatArray, log_w: FloatArray, p: float, alive: Any = None
) -> tuple[FloatArray, FloatArray]:
    """Logarithms of the lower and upper bounds above for the weights w; sums over rows `alive`."""
    half = 0.5 * p
    log_kappa = float(np.max((1.0 - 2.0 / p) * log_w + log_m - log_w))
    largest = float(np.max(log_w))
    weights = np.exp((log_w if alive is None else log_w[alive]) - largest)
    log_total = largest + float(np.log(np.sum(weights)))
    value = half * log_m
    if p <= 2.0:
        return value - (1.0 - half) * log_total, value + (1.0 - half) * log_kappa
    return value - (half - 1.0) * log_kappa, value + (half - 1.0) * log_total


def screen(A: TallMatrix, p: float, *, seed: int = 0) -> Screen:
    """Bounds from leverage scores and from approximate Lewis weights, intersected."""
    before = A.passes
    leverage = ReweightedLeverage(A, seed=seed)
    zero = np.zeros(A.shape[0])
    status = leverage.plain.status
    if leverage.count == 0:
        return Screen(zero, zero, zero, leverage.rank, A.passes - before, seed, status)
    log_one = leverage.constant(0.0)
    log_tau = 2.0 * leverage(log_one)
    log_w = np.minimum(log_tau, 0.0)
    lower, upper = weight_bounds(log_tau, log_one, p, leverage.alive)
    if p != 2.0:
        log_w = damped(leverage, p, tol=_LEWIS_TOL, max_iter=_LEWIS_ITERATIONS).log_w
        log_m = 2.0 * leverage((0.5 - 1.0 / p) * log_w)
        by_lewis = weight_bounds(log_m, log_w, p, leverage.alive)
        # Rounding in the quadratic forms must not cut off the truth.
        slack = p * leverage.rounding
        lower = np.maximum(lower, by_lewis[0]) - slack
        upper = np.minimum(upper, by_lewis[1]) + slack
    upper = np.minimum(upper, 0.0)
    lower = np.minimum(lower, upper)
    return Screen(
        lower=leverage.live(np.exp(lower)),
        upper=leverage.live(np.exp(upper)),
        weights=leverage.live(np.exp(log_w)),
        rank=leverage.rank,
        passes=A.passes - before,
        seed=seed,
        status=status,
    )
