"""Lewis weights for p > 2 by descent on a convex matrix potential.

Gribling, Sidford and Zhang (COLT 2026), Algorithm 1: the Lewis quadratic minimises F(M) = -log
det M + (2/p) sum_i (a_i^T M a_i)^(p/2), convex for p >= 2. With M = (A^T V A)^-1 and v =
w^(1-2/p), the step v_i <- v_i + (T_i^(1-2/p) - v_i) / L, with T_i = (a_i^T M a_i)^(p/2), moves
M^-1 against the gradient of F; L = 32 p max(1, (p-2)/2) always decreases F enough for O(p^2 log(n
p / eps)) steps in all. Here L is found by backtracking: it starts at the local optimum (p + 2) /
4, doubles when F would rise and never exceeds the proven value. Once the change of F is below
rounding, the residual decides instead.
Cost per iteration: two passes, 5 n d^2 flops; a rejected step costs the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tall import rows
from ._lewis_update import residuals
from ._reweighted import Iterate, ReweightedLeverage

__all__ = ["potential_descent"]


def potential_descent(
    leverage: ReweightedLeverage,
    p: float,
    *,
    tol: float,
    max_iter: int,
    start: Any = None,
) -> Iterate:
    """Iterate from `start` (log-weights) until max |log tau - log w| <= tol, or rounding.

    Weights rise fast and fall slowly here, so the default start is low: one step of the fixed-point
    map from uniform weights, cut at 1.
    """
    tol = max(tol, leverage.rounding)
    share = 1.0 - 2.0 / p  # v = w^share
    cap = 16.0 * p * max(1.0, (p - 2.0) / 2.0)  # twice this is the proven smoothness
    smoothness = (p + 2.0) / 4.0
    log_w = leverage.uniform() if start is None else start
    h = leverage(0.5 * share * log_w)
    iteration = 1
    if start is None:
        log_w = np.minimum(p * h, 0.0)
        h = leverage(0.5 * share * log_w)
        iteration = 2
    basis = leverage.basis
    while True:
        (least, most), _ = residuals(h, log_w, p)
        residual = max(most, -least)
        if residual <= tol or iteration >= max_iter:
            leverage.basis = basis
            ratio = float(np.exp(most))
            return Iterate(log_w, residual, ratio, iteration, residual <= tol)
        while True:
            kept, added = np.log1p(-1.0 / smoothness), -np.log(smoothness)
            new_w = np.logaddexp(kept + share * log_w, added + share * p * h) / share
            new_w = rows.settle(new_w)
            new_h, change = leverage.advance(0.5 * share * new_w, basis)
            iteration += 1
            growth = leverage.live(np.exp(p * new_h) - np.exp(p * h))
            change += (2.0 / p) * rows.total(growth)
            (low, high), _ = residuals(new_h, new_w, p)
            new_residual = max(high, -low)
            rounding = leverage.rounding * (1.0 + leverage.rank)
            falls = change < 0.0 if abs(change) > rounding else new_residual < residual
            if falls or smoothness >= cap or iteration >= max_iter:
                break
            smoothness *= 2.0
        log_w, h, basis = new_w, new_h, leverage.basis
        smoothness = max((p + 2.0) / 4.0, smoothness / 1.5)
