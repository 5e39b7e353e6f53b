"""What float64 can know of a fit: its residuals at x itself, and by how much rounding moves them.

The residual b_i - a_i x is computed to within own_i = gamma (|b_i| + |a_i| |x|), where gamma is
(d + 2) units of rounding, and x itself cannot be written more finely than |a_i| |x| of one (Higham,
Accuracy and Stability of Numerical Algorithms, 2002, sections 3.5 and 7.1). What is unknown of all
residuals moves x, at most by |G^-1| |B|^T W own in the coordinates, and that moves residual i by
|b_i| times as much (rows b_i of B, weights W, G = B^T W B). A fit with no residual above the sum of
both is perfect as far as the arithmetic can tell. Otherwise the sum of losses is known to within
the sum of their changes when residuals move by own_i. Two passes at a few matrix-vector products,
spent where columns are so dependent that a solver knows x through other coordinates, and where a
gap did not close.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from .._result import FloatArray
from ..constrained._spd import spd_solver
from ..tall import TallMatrix, rows
from ..tall._device import beside

__all__ = ["Known", "known"]

_EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of a fit: sums for 1 < p < inf, the largest residual for p = inf.

    Attributes
    ----------
    value : float
    slack : float
        What rounding may add to the value or hide of it.
    perfect : bool
        Whether all residuals are rounding.
    gradient : ndarray
        B^T W (b - A x): where it is not zero, least squares would go on.
    """

    value: float
    slack: float
    perfect: bool
    gradient: FloatArray


def known(
    A: TallMatrix,
    b: Any,
    weights: Any,
    x: FloatArray,
    p: float,
    *,
    T: FloatArray,
    gram: FloatArray | None,
    unit: float = 1.0,
    weight_unit: float = 1.0,
) -> Known:
    """Of the residuals b - A x over `unit`, and weights over `weight_unit`.

    Parameters
    ----------
    A : TallMatrix, shape (n, d)
    b, weights : row vectors, shape (n,)
        Weights may be None.
    x : ndarray, shape (d,)
    p : float
    T : ndarray, shape (d, r)
        B = A T.
    gram : ndarray, shape (r, r), or None
        G; None if it is the identity.
    unit, weight_unit : float
    """
    r = T.shape[1]
    vectors = [b] if weights is None else [b, weights]
    visit = partial(_residuals, x, T, weight_unit)
    sums, pairs = A.fold_each(visit, (2 * r,), rows=vectors, width=2)
    moved = sums[r:]
    if gram is not None:
        solve = spd_solver(gram)
        moved = np.abs(np.column_stack([solve(e) for e in np.eye(r)])) @ moved if r else moved
    spread = A.each(partial(_spread, T, moved), width=0)
    one = (pairs, spread) if weights is None else (pairs, spread, weights)
    terms = rows.each(partial(_terms, p, unit, weight_unit), *one)
    if p == np.inf:
        value, high, beyond = (max(rows.largest(terms[:, j]), 0.0) for j in range(3))
        return Known(value, high - value, beyond == 0.0, sums[:r])
    value, slack, beyond = (rows.total(terms[:, j]) for j in range(3))
    return Known(value, slack, beyond == 0.0, sums[:r])


def _residuals(
    x: FloatArray,
    T: FloatArray,
    weight_unit: float,
    block: Any,
    start: int,
    out: FloatArray,
    b: FloatArray,
    weights: FloatArray | None = None,
) -> FloatArray:
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        x, T = beside(block, x), beside(block, T)
        own = (x.size + 2.0) * _EPSILON * (abs(block) @ np.abs(x) + np.abs(b))
        residual = b - block @ x
        B = block @ T
        both = np.stack([residual, own], axis=1)
        weighted = both if weights is None else both * (weights / weight_unit)[:, None]
        out += np.concatenate([B.T @ weighted[:, 0], np.abs(B).T @ weighted[:, 1]])
    return both


def _spread(
    T: FloatArray, moved: FloatArray, block: Any, start: int, out: FloatArray
) -> FloatArray:
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        spread: FloatArray = np.abs(block @ beside(block, T)) @ beside(block, moved)
    return spread


def _terms(
    p: float,
    unit: float,
    weight_unit: float,
    pairs: FloatArray,
    spread: FloatArray,
    weights: FloatArray | None = None,
) -> FloatArray:
    """Loss, what rounding may change of it, and whether there is more than rounding."""
    size, own = np.abs(pairs[:, 0]), pairs[:, 1]
    w = np.ones_like(own) if weights is None else weights / weight_unit
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        beyond = (size > own + spread) & (w > 0.0)
        if p == np.inf:
            used = w > 0.0
            return np.stack([used * size / unit, used * (size + own) / unit, 1.0 * beyond], axis=1)
        value = w * (size / unit) ** p
        # Convex: the change is at most the slope at the far end times the way.
        change = w * p * ((size + own) / unit) ** (p - 1.0) * (own / unit)
    return np.stack([value, change, 1.0 * beyond], axis=1)
