"""Lewis weights by the fixed-point map of Cohen and Peng (arXiv 1412.0588), for p below 4.

w_i <- (a_i^T (A^T W^(1-2/p) A)^+ a_i)^(p/2). The map contracts log w by |p/2 - 1| per step in the
largest entry, so O(log(log n / tol) / log(1 / |1 - p/2|)) steps suffice; at p >= 4 it need not
converge. The provable method for p < 4, and a check of the faster damped one.
Cost per iteration: two passes, 5 n d^2 flops.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._lewis_update import residuals
from ._reweighted import Iterate, ReweightedLeverage

__all__ = ["fixed_point"]


def fixed_point(
    leverage: ReweightedLeverage,
    p: float,
    *,
    tol: float,
    max_iter: int,
    start: Any = None,
) -> Iterate:
    """Iterate from `start` (log-weights; default uniform) until max |log tau - log w| <= tol,
    or rounding."""
    log_w = leverage.uniform() if start is None else start
    tol = max(tol, leverage.rounding)
    iteration = 0
    while True:
        iteration += 1
        h = leverage((0.5 - 1.0 / p) * log_w)
        (least, most), (h, log_w) = residuals(h, log_w, p, h, log_w)
        residual = max(most, -least)
        if residual <= tol or iteration == max_iter:
            ratio = float(np.exp(most))
            return Iterate(log_w, residual, ratio, iteration, residual <= tol)
        log_w = p * h
