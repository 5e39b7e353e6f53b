"""What fits from a sample are worth on all rows: their objective, and a lower bound on the best.

With r = b - A x and any u, min_x sum w f(b - A x) over l <= x <= h is at least

    b^T u - sum_i w_i f*(u_i / w_i) - max_{l <= x <= h} (A^T u)^T x     (Fenchel; Rockafellar 1970),

a proof that owes nothing to how u was found. At the best x the slopes u_i = w_i f'(r_i) satisfy
A^T u = 0. At a fit from a sample they nearly do, and u - D A c with a diagonal D does so exactly;
with the curvature for D the bound is off by about as much as x is. Slopes of |r| and of check
losses are smoothed over |r| < h, x takes a few Newton steps for the smoothed loss, and D is the
room that is left, so that u stays feasible while |a_i c| <= 1; several h are tried. Cost: two
passes, for p = 1 four, and one Gram matrix per h and pass; O(d^2) memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..._result import FloatArray
from ...basis import Basis
from ...tall import TallMatrix, single_threaded_blas
from ...tall._reduction import MAX_AND_ADD

__all__ = ["RowLoss", "measure"]

_ORTHOGONAL = 1e-10  # cosine between u and the columns that counts as zero
_ROUNDING = 1e-14
_NEWTON_STEPS = 2
_SUMS = 4  # rows of the second accumulator before A^T u


@dataclass(frozen=True)
class RowLoss:
    """|r|^p, or with `quantile` max(q r, (q - 1) r), and slopes of a smoothed version."""

    p: float
    quantile: float | None = None

    @property
    def interval(self) -> tuple[float, float]:
        """Slopes of a loss of degree one."""
        return (-1.0, 1.0) if self.quantile is None else (self.quantile - 1.0, self.quantile)

    def value(self, r: FloatArray) -> FloatArray:
        """The loss, elementwise."""
        if self.p == 1.0:
            low, high = self.interval
            loss: FloatArray = np.maximum(low * r, high * r)
            return loss
        return np.asarray(np.abs(r) ** self.p)

    def slopes(self, r: FloatArray, h: float) -> tuple[FloatArray, FloatArray]:
        """Slopes, and how far each may be moved for a unit of a_i c."""
        if self.p == 1.0:
            low, high = self.interval
            inside = np.clip(r / h, -1.0, 1.0)
            half = (high - low) / 2.0
            return (high + low) / 2.0 + half * inside, half * (1.0 - np.abs(inside))
        p, size = self.p, np.abs(r)
        slope = np.copysign(p * size ** (p - 1.0), r)
        return slope, p * (p - 1.0) * (r**2 + h**2) ** (p / 2.0 - 1.0)

    def curvature(self, r: FloatArray, h: float) -> tuple[FloatArray, FloatArray]:
        """Slopes and curvature of the smoothed loss."""
        slope, room = self.slopes(r, h)
        if self.p == 1.0:
            low, high = self.interval
            room = np.where(room > 0.0, (high - low) / (2.0 * h), 0.0)
        return slope, room

    def conjugate(self, v: FloatArray) -> FloatArray:
        """f*, for p > 1."""
        p = self.p
        return np.asarray((p - 1.0) * (np.abs(v) / p) ** (p / (p - 1.0)))

    def best_multiple(self, product: float, conjugate: float, excess: float, loss: float) -> float:
        """max over s of s * product - (conjugate of s u) - |s| loss; `excess` is max v / bound."""
        gain = product - loss
        if not gain > 0.0:
            return 0.0
        if self.p == 1.0:
            return gain / max(1.0, excess)
        q = self.p / (self.p - 1.0)
        if not conjugate > 0.0:
            return 0.0
        s = (gain / (q * conjugate)) ** (self.p - 1.0)
        return float(gain * s - conjugate * s**q)


def measure(
    A: TallMatrix,
    b: Any,
    weights: Any,
    X: FloatArray,
    losses: list[RowLoss],
    widths: FloatArray,
    basis: Basis,
    *,
    lower: FloatArray | None = None,
    upper: FloatArray | None = None,
    unit: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Objective on all rows and lower bound on the minimum, for every column of X.

    Parameters
    ----------
    A : TallMatrix, shape (n, d)
    b : row vector, shape (n,) or (n, k)
        One response for all fits, or one for each.
    weights : row vector, shape (n,), or None
    X : ndarray, shape (d, k)
    losses : list of k RowLoss
    widths : ndarray, shape (k, m)
        Positive: where slopes are smoothed, about the size of small residuals.
    basis : Basis
        Of A.
    lower, upper : ndarray, shape (d,), optional
        Bounds of the coefficients, met by X.
    unit : ndarray, shape (k,), optional
        About the size of large residuals, whose powers must not overflow.

    Returns
    -------
    objective, bound : ndarray, shape (k,)
    """
    k, m = widths.shape
    r, d = basis.rank, A.shape[1]
    rows = (b,) if weights is None else (b, weights)
    if unit is None:
        unit = np.max(widths, axis=1)
    h = widths / unit[:, None]
    # Where slopes are taken: the fits, and after Newton steps a point of its own for every width.
    at = np.repeat(X.T[:, None, :], m, axis=1)
    value = size = np.zeros(k)
    newton = max(_NEWTON_STEPS if loss.p == 1.0 else 0 for loss in losses)
    for step in range(newton + 1):
        last = step == newton
        sums = A.fold(
            partial(_first, at, basis.M, losses, h, unit, last), (k, m, r + 2, max(r, 2)), rows=rows
        )
        if step == 0:
            value, size = sums[:, 0, r + 1, :2].T
        C = np.zeros((k, m, d))
        with single_threaded_blas():
            for j, i in np.ndindex(k, m):
                G, g = sums[j, i, :r, :r], sums[j, i, r, :r]
                C[j, i] = basis.M @ _correction(G, g, basis.R, at[j, i], lower, upper)
        if not last:
            at = at + unit[:, None, None] * C
            if lower is not None:
                at = np.clip(at, lower, upper)
    found = A.fold(
        partial(_second, at, C, losses, h, unit),
        (_SUMS + d, k * m),
        rows=rows,
        reduction=MAX_AND_ADD,
    )
    objective, bound = np.empty(k), np.zeros(k)
    for j in range(k):
        best = 0.0
        for x, column in zip(at[j], found[:, j * m : (j + 1) * m].T, strict=True):
            excess, product, conjugate, square = column[:_SUMS]
            z = column[_SUMS:]
            loss = _loss_of_bounds(z, x / unit[j], basis, square, lower, upper, unit[j])
            multiple = losses[j].best_multiple(product, conjugate, excess, loss)
            best = max(best, multiple)
        if value[j] <= _ROUNDING ** losses[j].p * size[j]:
            best = value[j]  # a perfect fit
        with np.errstate(over="ignore", under="ignore"):
            power = unit[j] ** losses[j].p
            objective[j], bound[j] = value[j] * power, min(best, value[j]) * power if best else 0.0
    return objective, bound


def _correction(
    G: FloatArray,
    g: FloatArray,
    R: FloatArray,
    x: FloatArray,
    lower: FloatArray | None,
    upper: FloatArray | None,
) -> FloatArray:
    """c with A_P^T (u - D Y c) = 0 for the columns P whose slope must vanish, Y orthonormal."""
    if lower is None or upper is None:
        return _solve(G, g)
    free = (x > lower) & (x < upper)
    for _ in range(len(x) + 1):
        W = _span(R[:, free])
        c = W @ _solve(W.T @ G @ W, W.T @ g)
        z = R.T @ (g - G @ c)
        size = 1e-12 * np.abs(R).sum(axis=0) * float(np.abs(g).max(initial=0.0))
        bad = ~free & (((z > size) & np.isinf(upper)) | ((z < -size) & np.isinf(lower)))
        if not bad.any():
            break
        free = free | bad
    return c


def _solve(G: FloatArray, g: FloatArray) -> FloatArray:
    """G^{-1} g for a positive semidefinite G, in coordinates of unit diagonal."""
    if not g.size:
        return g
    if not (np.isfinite(G).all() and np.isfinite(g).all()):
        return np.zeros_like(g)  # powers overflowed: there is no bound to be had
    scale = np.sqrt(np.diag(G))
    scale = 1.0 / np.where(scale > 0.0, scale, 1.0)
    solution: FloatArray = np.linalg.lstsq(G * np.outer(scale, scale), scale * g, rcond=1e-14)[0]
    return scale * solution


def _span(R: FloatArray) -> FloatArray:
    """An orthonormal basis of the columns."""
    size = np.sqrt((R**2).sum(axis=0))
    U, s, _ = np.linalg.svd(R[:, size > 0.0] / size[size > 0.0], full_matrices=False)
    return np.asarray(U[:, s > 1e-12 * s.max(initial=0.0)])


def _loss_of_bounds(
    z: FloatArray,
    x: FloatArray,
    basis: Basis,
    square: float,
    lower: FloatArray | None,
    upper: FloatArray | None,
    unit: float,
) -> float:
    """max over feasible y of (A^T u)^T (y - x): zero without bounds if A^T u is, up to rounding."""
    rounding = _ORTHOGONAL * float(np.sqrt(square))
    if lower is None or upper is None:
        return 0.0 if np.linalg.norm(basis.M.T @ z) <= rounding else np.inf
    # Rounding in column j is relative to its norm, that of the column of R.
    z = np.where(np.abs(z) <= rounding * np.sqrt((basis.R**2).sum(axis=0)), 0.0, z)
    up, down = z > 0.0, z < 0.0
    room = z[up] @ (upper[up] / unit - x[up]) + z[down] @ (lower[down] / unit - x[down])
    return float(room)


def _first(
    at: FloatArray,
    M: FloatArray,
    losses: list[RowLoss],
    widths: FloatArray,
    unit: FloatArray,
    last: bool,
    block: Any,
    start: int,
    out: FloatArray,
    b: FloatArray,
    weights: FloatArray | None = None,
) -> None:
    r = M.shape[1]
    residuals = _residuals(at, unit, block, b)
    Y = np.asarray(block @ M)
    for j, loss in enumerate(losses):
        target = b if b.ndim == 1 else b[:, j]
        values = loss.value(np.column_stack([residuals[:, j, 0], target / unit[j]]))
        out[j, 0, r + 1, :2] += values.sum(axis=0) if weights is None else weights @ values
        for i, h in enumerate(widths[j]):
            slopes = loss.slopes if last else loss.curvature
            slope, room = slopes(residuals[:, j, i], h)
            if weights is not None:
                slope, room = slope * weights, room * weights
            out[j, i, r, :r] += slope @ Y
            inner = np.flatnonzero(room)
            T = Y if 2 * inner.size > room.size else Y[inner]
            room = room if T is Y else room[inner]
            out[j, i, :r, :r] += T.T @ (T * room[:, None])


def _second(
    at: FloatArray,
    C: FloatArray,
    losses: list[RowLoss],
    widths: FloatArray,
    unit: FloatArray,
    block: Any,
    start: int,
    out: FloatArray,
    b: FloatArray,
    weights: FloatArray | None = None,
) -> None:
    k, m, d = C.shape
    residuals = _residuals(at, unit, block, b)
    moved = np.asarray(block @ C.reshape(k * m, d).T)
    U = np.empty_like(moved)
    for j, loss in enumerate(losses):
        for i, h in enumerate(widths[j]):
            r, one = residuals[:, j, i], j * m + i
            slope, room = loss.slopes(r, h)
            v = slope - room * moved[:, one]
            if loss.p == 1.0:
                low, high = loss.interval
                out[0, one] = max(out[0, one], np.maximum(v / high, v / low).max(initial=0.0))
            else:
                conjugate = loss.conjugate(v)
                out[2, one] += conjugate.sum() if weights is None else conjugate @ weights
            U[:, one] = v if weights is None else v * weights
            out[1, one] += r @ U[:, one]
            out[3, one] += U[:, one] @ U[:, one]
    out[_SUMS:] += block.T @ U


def _residuals(at: FloatArray, unit: FloatArray, block: Any, b: FloatArray) -> FloatArray:
    """b_j - A x for every fit j and every x of it, shape (rows, k, m)."""
    k, m, d = at.shape
    fitted = np.asarray(block @ at.reshape(k * m, d).T).reshape(-1, k, m)
    residuals: FloatArray = ((b if b.ndim == 2 else b[:, None])[:, :, None] - fitted) / unit[
        :, None
    ]
    return residuals
