"""min ||B z||_p subject to h^T z = 1 for 1 < p < inf: Newton on the null space of h^T.

With y = B z scaled to max |y| = 1, weights w = max(|y|, 1e-10)^(p-2) and G = B^T diag(w) B, the
Newton step is (z' - z) / (p - 1) for the reweighted solution z' = G^{-1} h / (h^T G^{-1} h). That
solve also gives u = diag(w) B G^{-1} h with B^T u = h exactly, so every iteration carries the lower
bound 1 / ||u||_p' (weak duality: 1 = h^T z = u^T B z <= ||u||_p' ||B z||_p), and its gap closes
quadratically with the iterate. An exact line search on the convex one-dimensional function makes
the iteration monotone for every p. For p > 8 the minimisers of smaller p serve as starts, p growing
by factors of at most 1.5. Each iteration costs n r^2 flops plus about ten passes over vectors of n.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .._result import FloatArray
from ._norms import Solution, conjugate, lp_norm, relative_gap
from ._range import Range
from ._spd import spd_solver
from .quadratic import quadratic

__all__ = ["newton"]

_FLOOR = 1e-10  # smallest |y| / max |y| that the weights see
_DIRECT = 8.0  # up to this p the iteration starts from p = 2
_PATIENCE = 8  # iterations without a better bound or value after which rounding has won
_ENOUGH = 0.01  # fraction of the initial slope at which the line search stops


def newton(
    B: Range,
    h: FloatArray,
    p: float,
    *,
    start: FloatArray | None = None,
    tol: float = 1e-10,
    max_iter: int = 200,
) -> Solution:
    """Return the minimiser to relative gap `tol` of the p-th powers, or the best found."""
    iterations = 0
    if start is None:
        start = quadratic(B, h).z
        step_p = 2.0
        while 1.5 * step_p < p and p > _DIRECT:
            step_p *= 1.5
            stage = _newton(B, h, step_p, start, 1e-3, max_iter)
            start, iterations = stage.z, iterations + stage.iterations
    final = _newton(B, h, p, start, tol, max_iter)
    return Solution(final.z, final.u, final.norm, final.lower, final.iterations + iterations)


def _newton(
    B: Range, h: FloatArray, p: float, z: FloatArray, tol: float, max_iter: int
) -> Solution:
    best_z, best_u = z, np.zeros(0)
    upper, lower = np.inf, 0.0
    idle = iterations = 0
    y = B.image(z)
    while iterations < max_iter:
        iterations += 1
        idle += 1
        norm = lp_norm(y, p)
        if norm < upper * (1.0 - 1e-15):
            best_z, upper, idle = z, norm, 0
        scale = float(np.max(np.abs(y)))
        weights = np.maximum(np.abs(y) / scale, _FLOOR) ** (p - 2.0)
        solve = spd_solver(B.gram(weights))
        c = solve(h)
        image = B.image(c)
        u = _feasible(B, h, weights, solve, weights * image)
        bound = 1.0 / lp_norm(u, conjugate(p))
        if bound > lower * (1.0 + 1e-15):
            best_u, lower, idle = u, bound, 0
        if relative_gap(upper, lower, p) <= tol or idle >= _PATIENCE:
            break
        kappa = float(h @ c)
        direction = image / kappa - y
        alpha = _line_search(y / scale, direction / scale, p)
        z = z + alpha * (c / kappa - z)
        z = z / (h @ z)
        y = B.image(z)
    return Solution(best_z, best_u, upper, lower, iterations)


def _feasible(
    B: Range,
    h: FloatArray,
    weights: FloatArray,
    solve: Callable[[FloatArray], FloatArray],
    u: FloatArray,
) -> FloatArray:
    """Remove the rounding in B^T u = h: once in the weighted metric, then in the plain one."""
    u = u + weights * B.image(solve(h - B.adjoint(u)))
    return u + B.image(h - B.adjoint(u))


def _line_search(y: FloatArray, direction: FloatArray, p: float) -> float:
    """Minimise ||y + alpha direction||_p over alpha > 0 by a bracketed Newton iteration."""
    enough = _ENOUGH * abs(_slope(y, direction, p)[0])
    low, high = 0.0, np.inf
    alpha = 1.0 / (p - 1.0)
    for trial_number in range(40):
        slope, curvature = _slope(y + alpha * direction, direction, p)
        if abs(slope) <= enough:
            break
        if slope > 0.0:
            high = alpha
        else:
            low = alpha
        if high - low <= 1e-3 * low:
            break
        safe = 0.5 * (low + high) if high < np.inf else 4.0 * alpha
        trial = alpha - slope / curvature if curvature > 0.0 else np.inf
        # Every third step bisects: near p = 1 the slope is nearly a staircase.
        inside = low < trial < (high if high < np.inf else safe)
        alpha = trial if inside and trial_number % 3 < 2 else safe
    return alpha


def _slope(v: FloatArray, direction: FloatArray, p: float) -> tuple[float, float]:
    """First and second derivative of ||v||_p^p / p along the direction, held below 1e300."""
    magnitude = np.abs(v)
    largest = max(1.0, float(np.max(magnitude)))
    weights = np.maximum(magnitude / largest, _FLOOR) ** (p - 2.0)
    grown = np.exp(min(500.0, (p - 2.0) * np.log(largest)))
    slope = float((weights * v) @ direction)
    return grown * slope, grown * (p - 1.0) * float((weights * direction) @ direction)
