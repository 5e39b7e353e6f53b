"""From nearly optimal to optimal: a vertex near an interior point, then Barrodale-Roberts descent.

The r rows on which the interior point weighs most are interpolated. If a multiplier of one of them
leaves its interval, the fit moves along the edge that gives this row up, past every residual that
changes sign while the loss still falls, and interpolates the row where it stops (Barrodale and
Roberts, SINUM 1973). From a gap of 1e-9 a few edges do. Cost 6 m r flops and a partial sort each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg as sla

from ..._result import FloatArray, IntArray
from .check_rows import CheckRows

__all__ = ["Vertex", "vertex_descent"]

_ZERO = 64.0 * 2.0**-52  # of the terms of a residual: below, it is zero
_OUTSIDE = 1e-10  # of an interval: further out, a multiplier calls for a move
_FIRST = 512  # breakpoints looked at before all are sorted


@dataclass(frozen=True, eq=False)
class Vertex:
    """Coordinates, multipliers that satisfy B^T u = 0, and the number of edges followed."""

    z: FloatArray
    u: FloatArray
    pivots: int


def vertex_descent(
    data: CheckRows, z: FloatArray, u: FloatArray, weights: FloatArray, *, max_pivots: int = 0
) -> Vertex | None:
    """Return an optimal vertex, or the best reached; None if there is none near z.

    Parameters
    ----------
    data : CheckRows
    z : ndarray, shape (r,)
    u : ndarray, shape (m,)
        Multipliers there, feasible.
    weights : ndarray, shape (m,)
        How much a row looks interpolated.
    max_pivots : int
        0 stands for 2 r + 30, or as many as cost ten steps of an interior point.
    """
    basis = _heaviest(data, weights)
    if basis is None:
        return None
    size = np.abs(data.y) + data.row_size * float(np.sqrt(z @ z))
    u = u.copy()
    m, rank = data.rows, data.rank
    affordable = int(20 * m * rank**2 / (6 * m * rank + rank**3))
    for pivots in range(max_pivots or min(2 * rank + 30, 10 + affordable)):
        B = data.dense(basis)
        lu = sla.lu_factor(B, check_finite=False)
        z = _solved(lu, B, data.y[basis])
        r = data.y - data.image(z)
        r[basis] = 0.0
        r[np.abs(r) <= _ZERO * size] = 0.0
        if np.any(r[data.count :] > 0.0):
            return None  # outside the constraints
        u = _multipliers(data, r, u, basis, lu, B)
        inner = u[basis]
        over = np.maximum(inner - data.high[basis], data.low[basis] - inner)
        out = int(np.argmax(over))
        if over[out] <= _OUTSIDE:
            return Vertex(z, u, pivots)
        side = 1.0 if inner[out] > data.high[basis[out]] else -1.0
        edge = np.zeros(data.rank)
        edge[out] = side
        change = data.image(sla.lu_solve(lu, edge, check_finite=False))
        change[basis] = 0.0
        change[np.abs(change) <= 1e-13 * data.row_size * float(np.abs(change).max())] = 0.0
        entering = _line_search(data, r, change, u, float(over[out]))
        if entering is None:
            return None
        leaving = basis[out]
        u[leaving] = data.high[leaving] if side > 0.0 else data.low[leaving]
        basis = basis.copy()
        basis[out] = entering
    return Vertex(z, u, pivots + 1)


def _heaviest(data: CheckRows, weights: FloatArray) -> IntArray | None:
    """r independent rows, those of large weight first."""
    r, m = data.rank, data.rows
    count = min(m, 4 * r + 16)
    while True:
        chosen = np.argpartition(-weights, count - 1)[:count] if count < m else np.arange(m)
        share = np.sqrt(weights[chosen] / float(weights.max()))
        C = data.dense(chosen)
        order = sla.qr((C * share[:, None]).T, mode="r", pivoting=True, check_finite=False)[1]
        picked: IntArray = chosen[order[:r]]
        values = np.linalg.svd(data.dense(picked), compute_uv=False) if count >= r else np.zeros(1)
        if len(values) == r and values[-1] > 1e-13 * values[0] > 0.0:
            return picked
        if count == m:
            return None
        count = min(m, 8 * count)


def _solved(lu: object, B: FloatArray, right: FloatArray, trans: int = 0) -> FloatArray:
    """Solve with one step of refinement."""
    x: FloatArray = sla.lu_solve(lu, right, trans=trans, check_finite=False)
    rest = right - (B.T @ x if trans else B @ x)
    x += sla.lu_solve(lu, rest, trans=trans, check_finite=False)
    return x


def _multipliers(
    data: CheckRows, r: FloatArray, u: FloatArray, basis: IntArray, lu: object, B: FloatArray
) -> FloatArray:
    """Bounds where the residual has a sign, what was there at ties, the rest by B^T u = 0."""
    high = np.where(np.isinf(data.high), 0.0, data.high)
    result = np.where(r > 0.0, high, np.where(r < 0.0, data.low, np.clip(u, data.low, data.high)))
    result[basis] = 0.0
    result[basis] = _solved(lu, B, -data.adjoint(result), trans=1)
    result[basis] += _solved(lu, B, -data.adjoint(result), trans=1)
    return result


def _line_search(
    data: CheckRows, r: FloatArray, change: FloatArray, u: FloatArray, slope: float
) -> int | None:
    """The row whose residual reaches zero where r + t change stops paying; `slope` is the gain."""
    # Ties leave zero at once.
    heading = np.flatnonzero((r * change < 0.0) | ((r == 0.0) & (change != 0.0)))
    if not heading.size:
        return None
    v = change[heading]
    t = np.abs(r[heading] / v)
    tie = r[heading] == 0.0
    to = np.where(v > 0.0, data.high[heading], data.low[heading])
    since = np.where(tie, u[heading], np.where(v > 0.0, data.low[heading], data.high[heading]))
    since[np.isinf(since)] = 0.0
    rise = np.abs(v) * np.abs(to - since)
    if heading.size > 4 * _FIRST:
        first = np.argpartition(t, _FIRST)[:_FIRST]
        found = _reached(t[first], rise[first], slope)
        if found is not None:
            return int(heading[first[found]])
    found = _reached(t, rise, slope)
    return None if found is None else int(heading[found])


def _reached(t: FloatArray, rise: FloatArray, slope: float) -> int | None:
    order = np.argsort(t, kind="stable")
    at = int(np.searchsorted(np.cumsum(rise[order]), slope))
    return int(order[at]) if at < len(order) else None
