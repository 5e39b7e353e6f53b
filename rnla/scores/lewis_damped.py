"""Lewis weights by damped iteration in the logarithm, with Chebyshev acceleration.

One step maps log w towards log T(w), T the fixed-point map of Cohen and Peng (arXiv 1412.0588):
log w <- (1 - theta) log w + theta log T. Near the solution the Jacobian of w - T(w) in the
logarithm is I + (p/2 - 1) D with D = diag(tau)^-1 (P o P), P the projector onto the columns of
W^(1/2-1/p) A. D is row-stochastic, similar to a symmetric matrix, and has its spectrum in [0, 1],
so the Jacobian has its own between 1 and p/2. The best constant damping is theta = 4 / (p + 2)
with rate |p - 2| / (p + 2); since both ends of the spectrum are known, the Chebyshev
semi-iteration (Golub and Varga, 1961) applies at the price of one more n-vector and has rate
|sqrt(p/2) - 1| / (sqrt(p/2) + 1). A rise of the residual restarts it. The theory is local;
convergence is measured, never assumed.
Cost per iteration: two passes, 5 n d^2 flops.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._lewis_update import residuals, towards
from ._reweighted import Iterate, ReweightedLeverage

__all__ = ["damped"]

_RISE = 2.0  # the Chebyshev polynomial may raise single entries a little on the way
_PATIENCE = 30  # evaluations without progress before giving up


def damped(
    leverage: ReweightedLeverage,
    p: float,
    *,
    tol: float,
    max_iter: int,
    momentum: bool = True,
    start: Any = None,
) -> Iterate:
    """Iterate from `start` (log-weights; default uniform) until max |log tau - log w| <= tol,
    or rounding."""
    tol = max(tol, leverage.rounding)
    low, high = min(1.0, p / 2.0), max(1.0, p / 2.0)
    log_w = leverage.uniform() if start is None else start
    step: Any = None
    memory = 0.0  # Chebyshev coefficient; 0 starts afresh
    best = best_here = restarted_at = np.inf
    iteration = best_at = 0
    while True:
        iteration += 1
        h = leverage((0.5 - 1.0 / p) * log_w)
        (least, most), (h, log_w, step) = residuals(h, log_w, p, h, log_w, step)
        residual = max(most, -least)
        if residual < 0.9 * best:
            best, best_at = residual, iteration
        stalled = iteration - best_at >= _PATIENCE
        if residual <= tol or stalled or iteration == max_iter:
            ratio = float(np.exp(most))
            return Iterate(log_w, residual, ratio, iteration, residual <= tol)
        if residual > _RISE * best_here:
            if residual > restarted_at:  # no progress since: the spectrum is wider than assumed
                high *= 2.0
            memory, best_here, restarted_at = 0.0, np.inf, residual
        best_here = min(best_here, residual)
        centre, half = (high + low) / 2.0, (high - low) / 2.0
        if memory == 0.0 or not momentum:
            step = towards(h, log_w, None, p, kept=0.0, factor=1.0, divisor=centre)
            memory = half / centre
        else:
            following = 1.0 / (2.0 * centre / half - memory)
            kept, factor = following * memory, 2.0 * following / half
            step = towards(h, log_w, step, p, kept=kept, factor=factor)
            memory = following
        log_w = log_w + step
