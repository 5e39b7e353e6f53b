"""Newton's method of `newton.py` for many right-hand sides of one matrix at a time.

The columns of an n x k matrix Y = B Z are independent problems, so every product becomes a matrix
product, the k weighted Gram matrices too. Columns leave as their gap closes, and the caller
finishes the few that are left one by one. Cost per iteration n r^2 flops per column at
matrix-product speed and about four powers per entry of Y; memory 6 n k.

With `max_iter=1` no Newton step is made: what comes back are the minimisers of one quadratic form
for all columns, with their norms and the bounds of their multipliers, for 4 n r flops per column.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._result import FloatArray
from ._norms import conjugate
from ._range import Range

__all__ = ["BatchSolution", "batch_newton"]

_FLOOR = 1e-10  # smallest |y| / max |y| that the weights see, as in newton.py
_RIDGE = 1e-14
_TRIALS = 12
_ENOUGH = 0.1  # fraction of the initial slope at which the line search stops


@dataclass(frozen=True)
class BatchSolution:
    """Minimisers Z (r, k) with h_j^T z_j = 1, their norms, and lower bounds on the minima (k,)."""

    Z: FloatArray
    norm: FloatArray
    lower: FloatArray
    iterations: int


def batch_newton(
    B: Range,
    H: FloatArray,
    p: float,
    *,
    weights: FloatArray | None = None,
    tol: float = 1e-10,
    max_iter: int = 20,
) -> BatchSolution:
    """Minimise ||B z_j||_p subject to h_j^T z_j = 1 for every column h_j of H.

    `weights` (n,) defines the quadratic form B^T diag(weights) B whose minimisers are the starts;
    default is the plain one. Columns stop at relative gap `tol` of the p-th powers. 1 < p < inf,
    or p = 1 with `max_iter=1`.
    """
    k = H.shape[1]
    norm, lower = np.full(k, np.inf), np.zeros(k)
    best = np.zeros_like(H)
    first = np.ones((B.rows, 1)) if weights is None else weights[:, None]
    C = _solve_one(B.gram(first[:, 0]), H)
    image = B.image(C)
    lower[:] = _bound(B, H, first * image, p)
    kappa = np.sum(H * C, axis=0)
    Z, Y = C / kappa, image / kappa
    live = np.arange(k)
    iterations = 1
    while True:
        found = _norms(Y, p)
        better = found < norm[live]
        norm[live[better]], best[:, live[better]] = found[better], Z[:, better]
        gap = -np.expm1(p * np.minimum(np.log(lower[live]) - np.log(norm[live]), 0.0))
        keep = gap > tol
        if iterations >= max_iter or not np.any(keep):
            return BatchSolution(best, norm, lower, iterations)
        iterations += 1
        live, Z, Y = live[keep], Z[:, keep], Y[:, keep]
        scale = np.max(np.abs(Y), axis=0)
        Y = Y / scale
        W = np.maximum(np.abs(Y), _FLOOR) ** (p - 2.0)
        C = _solve_many(B.grams(W), H[:, live])
        image = B.image(C)
        lower[live] = np.maximum(lower[live], _bound(B, H[:, live], W * image, p))
        kappa = np.sum(H[:, live] * C, axis=0)
        direction = image / (kappa * scale) - Y
        alpha = _line_search(Y, direction, p)
        Z = Z + alpha * (C / kappa - Z)
        Z = Z / np.sum(H[:, live] * Z, axis=0)
        Y = B.image(Z)  # afresh, so that rounding in long steps cannot make Z look better


def _bound(B: Range, H: FloatArray, U: FloatArray, p: float) -> FloatArray:
    """1 / ||u||_p' for the multipliers U, made feasible first."""
    U = U + B.image(H - B.adjoint(U))
    result: FloatArray = 1.0 / _norms(U, conjugate(p))
    return result


def _line_search(Y: FloatArray, direction: FloatArray, p: float) -> FloatArray:
    """Approximate minimisers alpha > 0 of ||y + alpha direction||_p, column by column."""
    k = Y.shape[1]
    enough = _ENOUGH * np.abs(_slopes(Y, direction, p)[0])
    low, high = np.zeros(k), np.full(k, np.inf)
    alpha = np.full(k, 1.0 / (p - 1.0))
    live = np.arange(k)
    for trial_number in range(_TRIALS):
        V, D = Y[:, live] + alpha[live] * direction[:, live], direction[:, live]
        slope, curvature = _slopes(V, D, p)
        over = slope > 0.0
        high[live[over]], low[live[~over]] = alpha[live[over]], alpha[live[~over]]
        undecided = (np.abs(slope) > enough[live]) & (high[live] > 1.01 * low[live])
        live, slope, curvature = live[undecided], slope[undecided], curvature[undecided]
        if live.size == 0:
            break
        here = alpha[live]
        bounded = np.isfinite(high[live])
        safe = np.where(bounded, 0.5 * (low[live] + high[live]), 4.0 * here)
        trial = here - slope / np.maximum(curvature, 1e-300)
        inside = (trial > low[live]) & (trial < np.where(bounded, high[live], safe))
        alpha[live] = np.where(inside & (trial_number % 3 < 2), trial, safe)
    return alpha


def _slopes(V: FloatArray, D: FloatArray, p: float) -> tuple[FloatArray, FloatArray]:
    """First and second derivatives of ||v||_p^p / p along the columns of D, held below 1e300."""
    magnitude = np.abs(V)
    largest = np.maximum(np.max(magnitude, axis=0), 1.0)
    W = np.maximum(magnitude / largest, _FLOOR) ** (p - 2.0)
    W *= D
    grown = np.exp(np.minimum(500.0, (p - 2.0) * np.log(largest)))
    slope: FloatArray = grown * np.einsum("ij,ij->j", W, V)
    curvature: FloatArray = grown * (p - 1.0) * np.einsum("ij,ij->j", W, D)
    return slope, curvature


def _norms(Y: FloatArray, p: float) -> FloatArray:
    magnitude = np.abs(Y)
    largest = np.max(magnitude, axis=0)
    if np.isinf(p):
        return np.asarray(largest)
    magnitude /= largest
    if p == 2.0 or p == 4.0:  # powers by multiplication are an order of magnitude faster
        np.multiply(magnitude, magnitude, out=magnitude)
    if p == 4.0:
        np.multiply(magnitude, magnitude, out=magnitude)
    elif p not in (1.0, 2.0):
        np.power(magnitude, p, out=magnitude)
    result: FloatArray = largest * np.sum(magnitude, axis=0) ** (1.0 / p)
    return result


def _solve_many(G: FloatArray, H: FloatArray) -> FloatArray:
    """Columns G_j^{-1} h_j with unit diagonals and a ridge far below the other errors."""
    diagonal = np.maximum(np.einsum("jaa->ja", G), 1e-300)
    scale = 1.0 / np.sqrt(diagonal)
    scaled = G * scale[:, :, None] * scale[:, None, :]
    scaled += _RIDGE * np.eye(H.shape[0])
    solved = np.linalg.solve(scaled, (H.T * scale)[:, :, None])[:, :, 0]
    result: FloatArray = (solved * scale).T
    return result


def _solve_one(G: FloatArray, H: FloatArray) -> FloatArray:
    scale = 1.0 / np.sqrt(np.maximum(np.diag(G), 1e-300))
    scaled = G * scale[:, None] * scale + _RIDGE * np.eye(len(G))
    result: FloatArray = scale[:, None] * np.linalg.solve(scaled, scale[:, None] * H)
    return result
