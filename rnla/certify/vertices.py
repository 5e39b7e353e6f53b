"""Finish an ascent at p = 1: walk along the edges of the polytope L <= 1 to a local maximum.

For p = 1 the largest U / L is attained where r - 1 independent rows of L vanish (SPEC V3). From the
nearest such vertex every edge is tried: the one-sided derivatives of U and L along all r - 1 edges
cost one product of k rows with r - 1 vectors, and the best edge is searched exactly over its whole
line. At the end no edge increases the ratio; then no linearisation of U does either, because the
true U lies above each of its tangents.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg

from .._result import FloatArray, IntArray
from ..tall import single_threaded_blas
from ._line import log_sum, sweep_plane
from ._rows import HeldRows

__all__ = ["polish_vertex"]

_ZERO = 1e-9
_TINY = float(np.finfo(float).tiny)


def polish_vertex(
    upper: HeldRows, lower: HeldRows, z: FloatArray, *, max_pivots: int = 60
) -> tuple[FloatArray, float]:
    """Return a vertex with a ratio no smaller than at z (or z itself), and its log ratio."""
    best = z
    best_value = _value(upper, lower, z)
    if lower.rank < 2 or not np.isfinite(best_value):  # one of the sides vanishes at z
        return best, best_value
    lengths = lower.lengths()
    active = _nearest_vertex(lower, lengths, z)
    if active is None:
        return best, best_value
    for _ in range(max_pivots):
        edges = _edges(lower.dense(active))
        if edges is None:
            break
        z = edges[:, -1]
        value = _value(upper, lower, z)
        if value > best_value:
            best, best_value = z, value
        if not np.isfinite(value):
            break
        move = _best_edge(upper, lower, lengths, z, edges[:, :-1], active, value)
        if move is None:
            break
        active = move
    return best, best_value


def _value(upper: HeldRows, lower: HeldRows, z: FloatArray) -> float:
    top = log_sum(upper.forward(z), upper.weights, 1.0)
    return top - log_sum(lower.forward(z), lower.weights, 1.0)


def _nearest_vertex(lower: HeldRows, lengths: FloatArray, z: FloatArray) -> IntArray | None:
    """r - 1 independent rows, those with the smallest residual at z first."""
    r = lower.rank
    residual = np.abs(lower.forward(z)) / lengths
    residual /= max(float(residual.max(initial=0.0)), _TINY)
    count = min(len(lower), 4 * r)
    nearest = np.argpartition(residual, count - 1)[:count] if count < len(lower) else None
    rows = np.arange(len(lower)) if nearest is None else nearest
    scaled = lower.dense(rows) / lengths[rows, None] / (residual[rows, None] + 1e-12)
    with single_threaded_blas():
        R, pivots = scipy.linalg.qr(scaled.T, mode="r", pivoting=True)
    diagonal = np.abs(np.diag(R))
    if diagonal.size < r - 1 or not diagonal[r - 2] > 0.0:
        return None
    chosen: IntArray = rows[pivots[: r - 1]]
    return chosen


def _edges(active: FloatArray) -> FloatArray | None:
    """Columns: the r - 1 directions that release one active row each, then the vertex itself."""
    with single_threaded_blas():
        Q, R = scipy.linalg.qr(active.T)
        R = R[: active.shape[0]]
        diagonal = np.abs(np.diag(R))
        if not diagonal.min() > 1e-13 * diagonal.max():
            return None
        release = Q[:, :-1] @ scipy.linalg.solve_triangular(R, np.eye(R.shape[0]), trans=1)
    return np.column_stack([release, Q[:, -1]])


def _best_edge(
    upper: HeldRows,
    lower: HeldRows,
    lengths: FloatArray,
    z: FloatArray,
    edges: FloatArray,
    active: IntArray,
    value: float,
) -> IntArray | None:
    """The active rows after the best move along one edge, or None if no edge is uphill."""
    sides = []
    for side in (upper, lower):
        y, steps = side.forward(z), side.forward(edges)
        touching = np.abs(y) <= _ZERO * np.abs(y).max()
        sign = np.where(touching, 0.0, np.sign(y)) * side.weights
        total = float(side.weights @ np.abs(y))
        bend = side.weights[touching] @ np.abs(steps[touching])
        sides.append((y, steps, (sign @ steps) / total, bend / total))
    (y_up, up, slope_up, bend_up), (y_low, low, slope_low, bend_low) = sides
    slope, bend = slope_up - slope_low, bend_up - bend_low
    rate = np.abs(slope) + bend
    length = lower.weights @ np.abs(low)
    for edge in np.argsort(-rate / length)[:3]:
        if not rate[edge] > 0.0:
            return None
        point = sweep_plane(
            (y_up, up[:, edge], upper.weights), (y_low, low[:, edge], lower.weights)
        )
        if point.log_ratio > value + 1e-10 and point.row >= 0:
            moved = active.copy()
            moved[edge] = point.row
            return moved
    return None
