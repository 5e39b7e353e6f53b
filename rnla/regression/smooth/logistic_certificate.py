"""Passes that judge coefficients of a logistic regression on all rows.

With margins m = Zx, lambda = 1 / (1 + exp(m)), D = diag(lambda (1 - lambda)) and the Newton step
s, lambda - D Z s is orthogonal to the columns of Z, and positive if no margin grows by 1 or more
along s. That proves that no hyperplane separates the classes (Gordan), so the loss has a minimiser.
For separable classes some margin always grows by 1.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..._result import FloatArray
from ...basis import orthonormal_basis
from ...constrained._spd import spd_solver
from ...tall import TallMatrix, rows, single_threaded_blas
from ...tall._device import beside
from ...tall._reduction import MAX
from .losses import Logistic

__all__ = ["largest_margin", "logistic_loss", "newton_growth", "separates"]

_ROUNDING = 16.0 * 2.0**-52  # times d + 2, of the terms of a margin

_LOSS = Logistic()


def logistic_loss(Z: TallMatrix, weights: Any, x: FloatArray) -> float:
    """sum_i w_i log(1 + exp(-z_i x)): one pass."""
    return float(Z.fold(partial(_add_loss, x), (1,), rows=(weights,))[0])


def largest_margin(Z: TallMatrix, weights: Any, x: FloatArray) -> float:
    """max |z_i x| over rows that count: one pass."""
    ends = Z.fold(partial(_largest_products, x), (2,), rows=(weights,), reduction=MAX)
    return float(ends.max())


def separates(Z: TallMatrix, weights: Any, x: FloatArray) -> bool:
    """Whether all margins z_i x are positive, by more than rounding: one pass."""
    most = Z.fold(partial(_most_negative, x), (2,), rows=(weights,), reduction=MAX)
    return bool(most[0] == 0.0 and most[1] > 0.0)


def newton_growth(Z: TallMatrix, weights: Any, x: FloatArray) -> float:
    """Largest growth of a margin along the Newton step at x: a basis and two passes.

    Below 1 it proves that the classes are not separable.
    """
    M = orthonormal_basis(Z, row_scale=rows.each(np.sqrt, weights)).M
    r = M.shape[1]
    out = Z.fold(partial(_add_model, M, x), (r + 1, r), rows=(weights,))
    with single_threaded_blas():
        s = M @ spd_solver(out[:r])(out[r])
    ends = Z.fold(partial(_largest_products, s), (2,), rows=(weights,), reduction=MAX)
    return float(ends[0])


def _add_loss(x: FloatArray, block: Any, start: int, out: FloatArray, w: FloatArray) -> None:
    out[0] += w @ _LOSS.value(block @ beside(block, x))


def _add_model(
    M: FloatArray, x: FloatArray, block: Any, start: int, out: FloatArray, w: FloatArray
) -> None:
    _, slope, curvature = _LOSS.expand(block @ beside(block, x))
    B = block @ beside(block, M)
    r = B.shape[1]
    out[:r] += (B * (w * curvature)[:, None]).T @ B
    out[r] -= B.T @ (w * slope)


def _largest_products(
    v: FloatArray, block: Any, start: int, out: FloatArray, w: FloatArray
) -> None:
    product = np.where(w > 0.0, block @ beside(block, v), 0.0)
    if product.size:
        out[0] = np.maximum(out[0], product.max())
        out[1] = np.maximum(out[1], -product.min())


def _most_negative(x: FloatArray, block: Any, start: int, out: FloatArray, w: FloatArray) -> None:
    """1 if a margin may be negative, and the largest."""
    x = beside(block, x)
    margin = np.where(w > 0.0, block @ x, 0.0)
    noise = _ROUNDING * (x.size + 2) * np.where(w > 0.0, abs(block) @ np.abs(x), 0.0)
    if margin.size:
        out[0] = np.maximum(out[0], 1.0 * np.any(margin < noise))
        out[1] = np.maximum(out[1], margin.max())
