"""Ascent on a ratio U / L of sums of p-th powers by linearising U, one point at a time (SPEC V2).

At z, the convex U is replaced by its tangent with gradient g, and g . z is maximised over L <= 1;
convexity makes every such step an increase. That inner problem is the constrained l_p problem of
`rnla.constrained`; here one reweighted least-squares step of it is taken instead, with the weights
|y|^(p-2) of L, followed by a search along the line (exact for p = 1). Every point accepted has a
larger ratio, so nothing is lost but a cheap step is: measured for n = 20,000, d = 20, p = 1, a full
linear program takes 0.5 s and this step 2 ms, and both end at equally good points. For p > 1 a
fixed point of one is a fixed point of the other; for p = 1 `vertices` finishes the work. One step
costs k r^2 flops for k rows of L, r^3/3 for the solve, and O(r) work per row for the search.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from .._result import FloatArray
from ..tall import single_threaded_blas
from ._line import log_sum, search_line, sweep_plane
from ._rows import HeldRows
from ._sums import absolute_power

__all__ = ["Ascent", "ascend", "reweighted_gram", "slope_coefficients", "solve"]

_GAIN = 1e-3  # a smaller increase of the log ratio lowers the floor under the weights
_STEP_LIMIT = 80


@dataclass(frozen=True, eq=False)
class Ascent:
    """Where an ascent ended, and the log ratio after every step, never decreasing."""

    z: FloatArray
    log_ratio: float
    history: tuple[float, ...]


def ascend(
    upper: HeldRows, lower: HeldRows, p: float, z: FloatArray, *, max_steps: int = _STEP_LIMIT
) -> Ascent:
    """Increase U(z) / L(z) from z until steps gain less than 0.1 % at the finest smoothing."""
    floor, smallest = (0.3, 3e-6 if p == 1.0 else 1e-4) if p < 2.0 else (0.3, 1e-2)
    y_upper, y_lower = upper.forward(z), lower.forward(z)
    value = log_sum(y_upper, upper.weights, p) - log_sum(y_lower, lower.weights, p)
    history = [value]
    if not np.isfinite(value):
        return Ascent(z, value, tuple(history))
    for _ in range(max_steps):
        v = _direction(upper, lower, p, z, y_upper, y_lower, floor)
        v_upper, v_lower = upper.forward(v), lower.forward(v)
        above, below = (y_upper, v_upper, upper.weights), (y_lower, v_lower, lower.weights)
        if p == 1.0:
            point = sweep_plane(above, below)
        else:
            point = search_line(above, below, p, 1.0 if p <= 2.0 else 1.0 / (p - 1.0), value)
        gain = point.log_ratio - value
        if gain > 1e-12:
            z = point.cos * z + point.sin * v
            if not np.isfinite(point.log_ratio):  # L vanishes: the sample has lost this direction
                return Ascent(z, point.log_ratio, (*history, point.log_ratio))
            y_upper = point.cos * y_upper + point.sin * v_upper
            y_lower = point.cos * y_lower + point.sin * v_lower
            size = 1.0 / float(np.abs(y_lower).max())
            z, y_upper, y_lower = z * size, y_upper * size, y_lower * size
            value = point.log_ratio
            history.append(value)
        if not gain > _GAIN:
            if floor <= smallest:
                break
            floor *= 0.3
    return Ascent(z, value, tuple(history))


def _direction(
    upper: HeldRows,
    lower: HeldRows,
    p: float,
    z: FloatArray,
    y_upper: FloatArray,
    y_lower: FloatArray,
    floor: float,
) -> FloatArray:
    """Q^-1 grad(log U - log L) / p with Q the reweighted quadratic of L; z + v is the full step."""
    slope = upper.backward(slope_coefficients(y_upper, upper.weights, p)) - lower.backward(
        slope_coefficients(y_lower, lower.weights, p)
    )
    Q, unit = reweighted_gram(lower, y_lower, p, floor)
    return solve(Q, slope * unit)


def reweighted_gram(
    lower: HeldRows, y: FloatArray, p: float, floor: float
) -> tuple[FloatArray, float]:
    """Sum of w |y|^(p-2) b b^T relative to the sum of w |y|^p, times the number returned with it.

    Below `floor` times the typical |y| weights stay the same: those of rows near zero would be
    infinite (p < 2) or vanish (p > 2).
    """
    size = np.abs(y)
    top = float(size.max())
    size = size / top
    total = float(lower.weights @ absolute_power(size, p))
    typical = (total / float(lower.weights.sum())) ** (1.0 / p)
    weight = np.maximum(size, floor * typical) ** (p - 2.0)
    return lower.gram(lower.weights * weight / total), top * top


def slope_coefficients(y: FloatArray, weights: FloatArray, p: float) -> FloatArray:
    """Coefficients c with sum of c_i b_i = grad(log sum w |y|^p) / p."""
    top = float(np.abs(y).max(initial=0.0))
    scaled = y / top
    total = float(weights @ absolute_power(scaled, p))
    coefficients: FloatArray = weights * np.sign(y) * absolute_power(scaled, p - 1.0)
    return coefficients / (total * top)


def solve(Q: FloatArray, slope: FloatArray) -> FloatArray:
    """Q^-1 slope after scaling to unit diagonal; a growing ridge if Q is numerically singular."""
    with single_threaded_blas():
        diagonal = np.sqrt(np.maximum(np.diag(Q), np.finfo(float).tiny))
        scaled = Q / diagonal[:, None] / diagonal
        ridge = 1e-13 * len(Q)
        while ridge < 1e3:
            scaled[np.diag_indices_from(scaled)] = 1.0 + ridge
            try:
                factor = scipy.linalg.cho_factor(scaled, lower=True, check_finite=False)
            except np.linalg.LinAlgError:
                ridge *= 100.0
                continue
            solution: FloatArray = scipy.linalg.cho_solve(factor, slope / diagonal) / diagonal
            return solution
    return slope
