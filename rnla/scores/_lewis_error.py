"""From a residual max |log tau_i - log w_i| = rho to a bound on max |log w_i - log w*_i|.

p < 4 (Cohen and Peng, Lemma 5.3): c rho with c = (p/2) / (1 - |p/2 - 1|).

p >= 2: the Lewis quadratic minimises F(M) = -log det M + (2/p) sum (a_i^T M a_i)^(p/2), which is
convex. At M = (A^T W^(1-2/p) A)^+ its gradient, seen in the inner product of M, has all
eigenvalues within eta = exp((p/2 - 1) rho) - 1 of zero, because T_i / w_i lies within exp(+-
(p/2) rho). Convexity of the sum leaves, for the eigenvalues x_j of M* relative to M,
    sum_j (x_j - 1 - log x_j) <= eta sum_j |x_j - 1|.
Each term x - 1 - log x - eta |x - 1| is at least -B0 with B0 = eta^2 / (2 (1 - eta)), so a single
one is at most B = (r - 1) B0; with e^-t - 1 + t >= t^2 / (2 + t) that makes |log x_j| at most the
positive root of (1 - eta) t^2 - (2 eta + B) t - 2 B. Hence |log w - log w*| <= (p/2)(rho + t) =
O(p^2 sqrt(r) rho), an explicit form of the bound of Fazel, Lee, Padmanabhan and Sidford (arXiv
2110.15563, Lemma 14).
"""

from __future__ import annotations

import math

__all__ = ["estimate_error_bound"]


def estimate_error_bound(p: float, residual: float, rank: int) -> float | None:
    """Bound on max |log w - log w*| for weights of that residual, or None if there is none."""
    bounds = []
    if p < 4.0:
        bounds.append(p / 2.0 / (1.0 - abs(p / 2.0 - 1.0)) * residual)
    exponent = (p / 2.0 - 1.0) * residual
    if p >= 2.0 and exponent < 0.6:
        eta = math.expm1(exponent)
        B = (rank - 1) * eta**2 / (2.0 * (1.0 - eta))
        c = eta + B / 2.0
        t = (c + math.sqrt(c * c + 2.0 * (1.0 - eta) * B)) / (1.0 - eta)
        bounds.append(p / 2.0 * (residual + t))
    return min(bounds, default=None)
