"""The one pass of an iteration of Newton's method: value, gradient, weighted Gram, dual bound.

At a trial point z + length s, a block gives its residuals, the value and the gradient of the loss,
and B^T diag(curvature) B. The slopes and curvatures of the previous point give the point
u = slope - curvature (B s) of the dual, with B^T u = 0 up to rounding since s solves the Newton
equation; its conjugate value is added up near the end. Cost: the weighted Gram, two matrix-vector
products (five with the bound) and some ten to twenty elementwise operations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._result import FloatArray
from ...kernels import power_rows
from ...tall import TallMatrix
from ...tall._device import array_module, beside
from ...tall.blocks import add_gram
from .losses import Loss, Power

__all__ = ["Found", "Trial", "run"]

_FLUSH = 1e-100  # roots of curvatures below this would make denormal products, which crawl
_NUMBERS = 5
_TINY = 1e-10  # powers of smaller residuals make no difference


@dataclass(frozen=True, eq=False)
class Trial:
    """What a visit has to know.

    Attributes
    ----------
    loss : Loss
    M : ndarray (d, r), or None
        Coordinates are of A M if given, and the rows are multiplied block by block.
    X : ndarray, shape (1, columns) or (3, columns)
        Over `unit`: the trial point; the Newton step that led to it, and the point it was found
        at, if that is of interest.
    length : float
        Step length: the trial point is the previous one plus length times the Newton step.
    unit : float
        Residuals are divided by it.
    weight_unit : float
        Weights are divided by it.
    shrink : float
        Factor on the dual point that makes it feasible.
    weighted : bool
    certify : bool
        Whether to add up the dual value.
    keeps : bool
        Whether slopes and curvatures are kept as rows: those of a primal-dual linearisation depend
        on all steps before. The others are computed again where they are needed.
    before : Loss
        At the previous point: its curvatures may have had another floor.
    """

    loss: Loss
    M: FloatArray | None
    X: FloatArray
    length: float
    unit: float
    weight_unit: float
    shrink: float
    weighted: bool
    certify: bool
    keeps: bool
    before: Loss


@dataclass(frozen=True, eq=False)
class Found:
    """What a pass adds up.

    Attributes
    ----------
    gram, gradient : ndarray, shapes (r, r) and (r,)
        B^T diag(w f'') B and B^T (w f').
    leak : ndarray, shape (r,)
        B^T u of the dual point, zero up to rounding.
    value : float
        sum w f.
    pairing, conjugate : float
        sum w u r and sum w f*(u) of the dual point.
    excess : float
        Bound on how far slopes of the dual point are outside the domain.
    size : float
        sum w u^2.
    rows : row vector, shape (n, 2), or None
        f' and the curvature, if they are kept.
    """

    gram: FloatArray
    gradient: FloatArray
    leak: FloatArray
    value: float
    pairing: float
    conjugate: float
    excess: float
    size: float
    rows: Any


def run(A: TallMatrix, b: Any, weights: Any, known: Any, trial: Trial) -> Found:
    """One pass; `known` are the rows of the pass at the previous point, or None."""
    r = A.shape[1] if trial.M is None else trial.M.shape[1]
    vectors = [b, *([] if weights is None else [weights])]
    if trial.keeps and len(trial.X) > 1:
        vectors.append(known)
    shape = (r * r + 2 * r + _NUMBERS,)
    values = None
    if trial.keeps:
        out, values = A.fold_each(_Visit(trial), shape, rows=vectors, width=2)
    else:
        out = A.fold(_Visit(trial), shape, rows=vectors)
    upper = out[: r * r].reshape(r, r)
    value, pairing, conjugate, excess, size = out[r * r + 2 * r :].tolist()
    return Found(
        np.triu(upper) + np.triu(upper, 1).T,
        out[r * r : r * r + r],
        out[r * r + r : r * r + 2 * r],
        value,
        pairing,
        conjugate,
        excess,
        size,
        values,
    )


@dataclass(frozen=True, eq=False)
class _Visit:
    trial: Trial

    def __call__(
        self, block: Any, start: int, out: FloatArray, b: FloatArray, *vectors: FloatArray
    ) -> FloatArray | None:
        with np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore"):
            return _visit(self.trial, block, out, b, *vectors)


def _visit(
    trial: Trial, block: Any, out: FloatArray, b: FloatArray, *vectors: FloatArray
) -> FloatArray | None:
    loss, X, unit = trial.loss, beside(block, trial.X), trial.unit
    x, xp = X[0], array_module(block)
    B = block if trial.M is None else block @ beside(block, trial.M)
    k = B.shape[1]
    w = None
    if trial.weighted:
        w = vectors[0] if trial.weight_unit == 1.0 else vectors[0] / trial.weight_unit
    bend = u = kept = None
    if len(trial.X) > 1:
        bend = B @ X[1]
    power = None
    if isinstance(loss, Power):
        r, held, power = _powers(loss, b, B, x, unit)
        if not trial.keeps:
            value, slope, root = power_rows.power_rows(r, power, w, loss.p, _least(loss))
        elif bend is None:
            # Nothing to go by: curvatures of parabolas above the loss.
            nothing = xp.zeros((len(b), 2)), xp.zeros(len(b))
            value, slope, root, kept, _ = power_rows.guided_power_rows(
                r, held, power, *nothing, w, loss.p, 1.0
            )
        else:
            value, slope, root, kept, u = power_rows.guided_power_rows(
                r, held, power, vectors[-1], bend, w, loss.p, min(trial.length, 1.0)
            )
    else:
        r = _residual(b, B, x, unit)
    if bend is not None and u is None:
        if trial.keeps:
            slopes, curvatures = vectors[-1].T
        else:  # the same bits again as in the pass at that point
            if isinstance(trial.before, Power):
                old = trial.before
                before, _, power_before = _powers(old, b, B, X[2], unit)
                _, slopes, roots = power_rows.power_rows(
                    before, power_before, None, old.p, _least(old)
                )
                curvatures = roots * roots
            else:
                _, slopes, curvatures = loss.expand(_residual(b, B, X[2], unit))
        u = slopes - curvatures * bend
    if power is None:
        guess = None
        if trial.keeps:
            guess = xp.zeros(len(b))  # nothing to go by: the curvature of a parabola above the loss
            if bend is not None:
                guess = slopes - min(trial.length, 1.0) * curvatures * bend
        values, slope, curvature = loss.expand(r, guess)
        if trial.keeps:
            kept = np.stack([slope, curvature], axis=1)
        if w is not None:
            slope, curvature = w * slope, w * curvature
        value = values.sum() if w is None else w @ values
        root = np.sqrt(curvature)
        root[root < _FLUSH] = 0.0
    numbers = out[k * k + 2 * k :]
    numbers[0] += value
    out[k * k : k * k + k] += B.T @ slope
    gram = out[: k * k].reshape(k, k)
    if isinstance(B, np.ndarray):
        Y = power_rows.scaled_rows(np.ascontiguousarray(B), root)
        gram += Y.T @ Y
    else:
        add_gram(B, None, root, gram)
    if trial.certify and u is not None:
        out[k * k + k : k * k + 2 * k] += B.T @ _certify(trial, r, u, w, numbers)
    return kept


def _certify(
    trial: Trial, r: FloatArray, u: FloatArray, w: FloatArray | None, numbers: FloatArray
) -> FloatArray:
    """Add up the dual value; the weighted dual point."""
    low, high = trial.loss.domain
    if np.isfinite(high):
        active = u if w is None else np.where(w > 0.0, u, 0.5 * (low + high))
        numbers[3] += np.maximum(np.maximum(low - active, active - high), 0.0).sum()
    if trial.shrink != 1.0:
        u = trial.shrink * u
    weighted = u if w is None else w * u
    conjugate = trial.loss.conjugate(u)
    numbers[1] += weighted @ r
    numbers[2] += conjugate.sum() if w is None else w @ conjugate
    numbers[4] += weighted @ u
    return weighted


def _powers(
    loss: Power, b: FloatArray, B: Any, x: FloatArray, unit: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """r, |r| or a tiny number if that is larger, and its power p - 2."""
    r, held = power_rows.held_rows(b, B @ x, unit, min(loss.floor, _TINY))
    return r, held, held if loss.p == 3.0 else np.power(held, loss.p - 2.0)


def _least(loss: Power) -> float:
    """The least power p - 2 in curvatures."""
    return float(loss.floor ** (loss.p - 2.0)) if loss.p > 2.0 else 0.0


def _residual(b: FloatArray, B: Any, x: FloatArray, unit: float) -> FloatArray:
    r: FloatArray = (b if unit == 1.0 else b / unit) - B @ x
    return r
