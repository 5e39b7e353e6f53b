"""Logistic regression on few rows that differ in size by many orders: Newton steps by QR.

A weighted Gram matrix forgets rows that are 10^8 times smaller than others, and the minimum may
rest on them once the large ones are classified. Householder QR with columns pivoted and rows sorted
by size is accurate for each row (Cox and Higham, BIT 38, 1998). The line search is exact. The lower
bound is the dual value of u = lambda - C Z s, which the step s makes feasible.
Cost 2 n d^2 flops a step, and a copy of the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import scipy.linalg as sla
from scipy.special import xlog1py, xlogy

from ..._result import FloatArray, Status
from ...tall import TallMatrix, single_threaded_blas
from ...tall._device import to_host
from .losses import Logistic
from .newton import Minimum

__all__ = ["SMALL", "sharpened"]

SMALL = 2**16  # entries of A up to which this is tried
_STEPS = 200
_PATIENCE = 8  # steps without a better value or bound
_LEAST = 1e-13  # curvature of misclassified rows, relative to their slope
_LEAK = 64.0 * 2.0**-52  # times d + 2, of its terms: what Z^T u may miss by rounding

_LOSS = Logistic()


def sharpened(
    A: TallMatrix, signs: FloatArray, weights: FloatArray | None, ridge: FloatArray, found: Minimum
) -> Minimum:
    """Go on from `found` until the gap is nothing but rounding, on all rows in memory."""
    n, d = A.shape
    w = np.ones(n) if weights is None else weights
    used = np.flatnonzero(w > 0.0)
    taken = to_host(A.take(used))
    dense = np.asarray(taken if isinstance(taken, np.ndarray) else taken.toarray(), dtype=float)
    columns = np.arange(d)
    if not np.any(ridge) and found.basis is not None:
        columns = found.basis.pivots
    exponent = np.frexp(np.abs(dense).max(axis=0, initial=0.0))[1]
    unit = np.ldexp(1.0, -exponent)[columns]
    Z = dense[:, columns] * unit * signs[used, None]
    with single_threaded_blas(), np.errstate(under="ignore"):
        z, value, lower, steps = _newton(
            Z, w[used], ridge[columns] * unit**2, found.x[columns] / unit
        )
    x = np.zeros(d)
    x[columns] = z * unit
    if value > found.objective:
        x, value = found.x, found.objective
    return replace(
        found,
        x=x,
        objective=value,
        lower=min(max(lower, found.lower), value),
        iterations=found.iterations + steps,
        status=Status.NOT_CONVERGED,  # the caller compares
    )


def _newton(
    Z: FloatArray, w: FloatArray, ridge: FloatArray, x: FloatArray
) -> tuple[FloatArray, float, float, int]:
    best, lower, idle, at = np.inf, 0.0, 0, x
    root_ridge = np.sqrt(ridge)
    for step in range(_STEPS):
        margin = Z @ x
        values, slope, curvature = _LOSS.expand(margin)
        probability = -slope
        value = float(w @ values) + 0.5 * float(ridge @ x**2)
        better = value < best * (1.0 - 1e-15)
        if value < best:
            best, at = value, x
        curvature = np.maximum(curvature, _LEAST * probability)
        held = np.sqrt(np.where(curvature > 0.0, curvature, 1.0))
        solve = _least_squares(
            np.vstack([Z * np.sqrt(w * curvature)[:, None], np.diag(root_ridge)])
        )
        s, u = np.zeros(x.size), probability
        for _ in range(
            2
        ):  # what the first leaves of Z^T u is rounding, and the second takes it off
            more = solve(np.append(np.sqrt(w) * u / held, -root_ridge * (x + s)))
            s, u = s + more, u - curvature * (Z @ more)
        change = Z @ s
        noise = curvature * (np.abs(Z) @ np.abs(x))  # of u: x is known to its last digit only
        bound = _bound(Z, w, ridge, x + s, np.clip(u, 0.0, 1.0), noise)
        idle = 0 if better or bound > lower + 1e-15 * best else idle + 1
        lower = max(lower, bound)
        if best - lower <= 1e-14 * best or idle >= _PATIENCE or not np.all(np.isfinite(s)):
            return at, best, lower, step + 1
        x = x + _search(margin, change, w, ridge, x, s) * s
    return at, best, lower, _STEPS


def _least_squares(X: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """Factor X; return the solution as a function of the right side."""
    order = np.argsort(-np.abs(X).max(axis=1), kind="stable")
    Q, R, pivots = sla.qr(X[order], mode="economic", pivoting=True, check_finite=False)
    rank = int(np.count_nonzero(np.abs(np.diag(R)) > 1e-290))

    def solve(right: FloatArray) -> FloatArray:
        s = np.zeros(X.shape[1])
        projected = Q[:, :rank].T @ right[order]
        s[pivots[:rank]] = sla.solve_triangular(R[:rank, :rank], projected, check_finite=False)
        return s

    return solve


def _bound(
    Z: FloatArray,
    w: FloatArray,
    ridge: FloatArray,
    ahead: FloatArray,
    u: FloatArray,
    noise: FloatArray,
) -> float:
    """sum w (entropy(u) - u z x) + ridge x^2 / 2 at `ahead`, if that is where it is least.

    It is if Z^T u = ridge ahead, up to rounding of u + noise.
    """
    leak = (w * u) @ Z - ridge * ahead
    terms = (w * (u + noise)) @ np.abs(Z) + ridge * np.abs(ahead)
    if np.any(np.abs(leak) > _LEAK * (ahead.size + 2) * terms):
        return 0.0
    # Not by the conjugate, which loses u beside 1: here the whole loss may be as small as that.
    entropy = -float(w @ (xlogy(u, u) + xlog1py(1.0 - u, -u)))
    return entropy - 0.5 * float(ridge @ ahead**2) - float(leak @ ahead)


def _search(
    margin: FloatArray,
    change: FloatArray,
    w: FloatArray,
    ridge: FloatArray,
    x: FloatArray,
    s: FloatArray,
) -> float:
    """The whole step if it halves the slope, or where the slope vanishes."""

    def slope(t: float) -> float:
        push = _LOSS.expand(margin + t * change)[1]
        return float(w @ (push * change)) + float((ridge * (x + t * s)) @ s)

    first = slope(0.0)
    if abs(slope(1.0)) <= 0.5 * abs(first):
        return 1.0
    low, high = 0.0, 1.0
    while slope(high) < 0.0 and high < 2.0**30:
        low, high = high, 2.0 * high
    for _ in range(60):
        middle = 0.5 * (low + high)
        if slope(middle) < 0.0:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)
