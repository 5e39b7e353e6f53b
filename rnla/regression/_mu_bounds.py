"""Bounds on mu that hold for all rows: one from any coefficients, one from multipliers near them.

Any x bounds mu from below by its ratio, and any lambda > 0 with Z^T lambda = 0 from above by its
largest over its smallest entry. Cost: one pass; a basis and three.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from .._result import FloatArray
from ..basis import orthonormal_basis
from ..tall import TallMatrix
from ..tall._reduction import MAX

__all__ = ["multiplier_bound", "ratio"]

_ROUNDING = 1e-14  # a negative part below this multiple of |A| |x| is nothing but rounding
_MOST = 4.0  # more than the least multiplier can be
# Widths and heights of the clipped residuals from which multipliers are guessed.
_WIDTHS, _HEIGHTS = (0.01, 0.1, 0.5, 2.0), (1.0, 0.98, 0.9, 0.7, 0.3, 0.0)


def ratio(A: TallMatrix, signed: Any, x: FloatArray) -> tuple[float, bool]:
    """Positive over negative part of Zx, at least 1, and whether the latter is rounding: a pass."""
    plus, minus, size = A.fold(partial(_add_parts, x), (3,), rows=(signed,))
    if minus > plus:
        plus, minus = minus, plus
    negligible = bool(minus <= _ROUNDING * size and plus > _ROUNDING * size)
    if minus == 0.0:
        return (math.inf if plus > 0.0 else 1.0), negligible
    return float(plus / minus), negligible


def multiplier_bound(A: TallMatrix, signed: Any, x: FloatArray, value: float, seed: int) -> float:
    """max / min of multipliers 1 - c clip(z_i x / h), made orthogonal to Z: two passes."""
    if not np.any(x):
        return math.inf
    plus, minus, _ = A.fold(partial(_add_parts, x), (3,), rows=(signed,))
    mean = float(plus + minus) / A.shape[0]
    s = 1.0 if math.isinf(value) else (value - 1.0) / (value + 1.0)
    sign = 1.0 if plus >= minus else -1.0
    widths = np.repeat([width * mean for width in _WIDTHS], len(_HEIGHTS))
    heights = sign * s * np.tile(_HEIGHTS, len(_WIDTHS))
    basis = orthonormal_basis(A, seed=seed)
    k = widths.size
    guess = partial(_multipliers, x, widths, heights)
    off = A.fold(partial(_add_products, guess), (A.shape[1], k), rows=(signed,))
    correction = basis.M @ (basis.M.T @ off)
    ends = A.fold(partial(_add_ends, guess, correction), (2, k), rows=(signed,), reduction=MAX)
    high, low = ends[0], _MOST - ends[1]
    fine = low > 0.0
    return float((high[fine] / low[fine]).min()) if fine.any() else math.inf


def _add_parts(x: FloatArray, block: Any, start: int, out: FloatArray, signed: FloatArray) -> None:
    z = signed * (block @ x)
    out[0] += z[z > 0.0].sum()
    out[1] -= z[z < 0.0].sum()
    out[2] += np.abs(signed) @ (abs(block) @ np.abs(x))


def _multipliers(
    x: FloatArray, widths: FloatArray, heights: FloatArray, block: Any, signed: FloatArray
) -> FloatArray:
    z = (signed * (block @ x))[:, None]
    found: FloatArray = 1.0 - heights * np.clip(z / widths, -1.0, 1.0)
    return found


def _add_products(guess: Any, block: Any, start: int, out: FloatArray, signed: FloatArray) -> None:
    out += block.T @ (signed[:, None] * guess(block, signed))


def _add_ends(
    guess: Any,
    correction: FloatArray,
    block: Any,
    start: int,
    out: FloatArray,
    signed: FloatArray,
) -> None:
    """The largest multiplier, and the largest difference of `_MOST` to one."""
    counts = signed != 0.0
    if not counts.any():
        return
    found = guess(block, signed) - (block @ correction) * np.sign(signed)[:, None]
    np.maximum(out[0], found[counts].max(axis=0), out=out[0])
    np.maximum(out[1], (_MOST - found[counts]).max(axis=0), out=out[1])
