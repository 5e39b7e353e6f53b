"""Lewis weights at p = infinity: the D-optimal design (John's ellipsoid) on an active set.

w maximises log det(A^T W A) with sum w = rank; equivalently ||a_i M|| <= 1 for every row, with
equality wherever w_i > 0, for M orthonormalising W^(1/2) A. Few rows carry weight (at most r
(r+1) / 2 are needed), so the design is solved on a small set of rows that grows by violators
until one pass over all rows finds none (Sun and Freund, Operations Research 2004, section 6). On
the set: their primal-dual Newton method on w_i (1 - ||b_i M||^2) = mu for falling mu, O(m^3) per
step for m rows.
Cost: 2 passes per averaging step of the start, 1 pass per round, usually below ten rounds; m rows
of memory. The weights come scaled so that w_i >= tau_i holds for every row.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.linalg

from .._result import FloatArray, IntArray
from ..tall import single_threaded_blas
from ._reweighted import Iterate, ReweightedLeverage
from .lewis_one_sided import averaged

__all__ = ["infinity_design"]

_START_STEPS = 3
_NEWTON_STEPS = 100
_CANDIDATES = 2048  # violators looked at per round
_WORST = 16  # of them added without regard to direction


def infinity_design(leverage: ReweightedLeverage, *, tol: float, max_iter: int) -> Iterate:
    """Weights with w_i >= tau_i(W^(1/2) A) and sum at most (1 + tol) rank; -inf where zero."""
    tol = max(tol, leverage.rounding)
    start = averaged(leverage, np.inf, steps=_START_STEPS)
    origin = leverage.basis  # orthonormalises the start: well scaled coordinates for the small set
    r, m = leverage.rank, leverage.count
    height = leverage.live(start.log_w, -np.inf)
    active = np.sort(np.argpartition(-height, min(4 * r, m - 1))[: min(4 * r, m)])
    active = _span(leverage, origin.M, active)
    iterations = 0
    while True:
        iterations += 1
        B = _rows(leverage, active, origin.M)
        with single_threaded_blas():
            w, C = d_optimal(B, tol=0.1 * tol)
            M = origin.M @ C
        h = leverage.live(leverage.norms(M), -np.inf)
        excess = 2.0 * float(h.max())
        if excess <= tol or iterations == max_iter:
            break
        useful = active[w > 1e-6 * w.max()]
        violators = np.flatnonzero(2.0 * h > 0.5 * tol)
        violators = violators[np.argsort(-h[violators])[:_CANDIDATES]]
        active = np.union1d(useful, violators[_diverse(_rows(leverage, violators, M))])
    excess = max(excess, 0.0)
    log_w = np.full(height.size, -np.inf)
    log_w[active] = np.log(w) + excess
    factor = np.exp(-0.5 * excess)
    leverage.basis = dataclasses.replace(origin, M=M * factor, R=np.linalg.solve(C, origin.R))
    return Iterate(log_w, excess, 1.0, start.iterations + iterations, excess <= tol)


def _rows(leverage: ReweightedLeverage, active: IntArray, M: FloatArray) -> FloatArray:
    result: FloatArray = leverage.A.take(active).astype(np.float64) @ M
    return result


def _diverse(Y: FloatArray) -> IntArray:
    """Positions of the first few rows of Y and of rows in as many directions as there are.

    The worst violators alone would all sit at the same corner when neighbouring rows are similar.
    """
    with single_threaded_blas():
        _, pivots = scipy.linalg.qr(Y.T, mode="r", pivoting=True, check_finite=False)
    first = np.arange(min(_WORST, len(Y)))
    return np.union1d(first, pivots[: Y.shape[1]]).astype(np.int64)


def _span(leverage: ReweightedLeverage, M: FloatArray, active: IntArray) -> IntArray:
    """Add rows until the chosen ones have full rank: the longest in the missing directions."""
    r = M.shape[1]
    while True:
        with single_threaded_blas():
            _, singular, Vt = np.linalg.svd(_rows(leverage, active, M), full_matrices=True)
        present = int((singular > 1e-3 * singular[0]).sum())
        if present == r:
            return active
        h = leverage.live(leverage.norms(M @ Vt[present:].T), -np.inf)
        active = np.union1d(active, np.argsort(-h)[: 2 * r])


def d_optimal(B: FloatArray, *, tol: float) -> tuple[FloatArray, FloatArray]:
    """D-optimal weights of the rows of B (full rank r), and C with C^T B^T W B C = I.

    On return ||b_i C|| <= 1 for all rows and sum w <= (1 + tol) r.
    """
    m, r = B.shape
    w = np.ones(m)
    C, Y, slack = _evaluate(B, w)
    w *= 2.0 * (1.0 - slack.min())  # every ||b_i C||^2 at most a half: strictly feasible
    C, Y, slack = _evaluate(B, w)
    for _ in range(_NEWTON_STEPS):
        gap = float(w @ slack)  # equals sum w - r
        if gap <= tol * r:
            break
        target = 0.1 * gap / m
        H = (Y @ Y.T) ** 2
        # Equal rows make H singular but for slack / w; the ridge only chooses how they share.
        H[np.diag_indices(m)] += slack / w + 1e-12 * H.trace() / m
        factor = scipy.linalg.cho_factor(H, lower=True, check_finite=False)
        direction = scipy.linalg.cho_solve(factor, target / w - slack)
        shrinking = direction < 0
        size = min(1.0, 0.95 * float(np.min(-w[shrinking] / direction[shrinking], initial=np.inf)))
        while True:
            trial = w + size * direction
            C, Y, slack_there = _evaluate(B, trial)
            if slack_there.min() > 0.01 * slack.min():
                break
            size *= 0.7
        w, slack = trial, slack_there
    return w, C


def _evaluate(B: FloatArray, w: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """C orthonormalising W^(1/2) B, the rows B C, and 1 - ||b_i C||^2."""
    L = np.linalg.cholesky(B.T @ (w[:, None] * B))
    Y = scipy.linalg.solve_triangular(L, B.T, lower=True).T
    C = scipy.linalg.solve_triangular(L, np.eye(len(L)), lower=True).T
    return C, Y, 1.0 - np.einsum("ij,ij->i", Y, Y)
