"""The one pass of an iteration of Newton's method: value, gradient, weighted Gram, dual bound.

At a trial point z + step s, a block gives its residuals, the value and the gradient of the loss,
and B^T diag(curvature) B. The slopes and curvatures of the previous point, kept as two row vectors,
give the point u = slope - curvature (B s) of the dual with B^T u = 0 up to rounding, since s solves
the Newton equation; its conjugate value is added up as well. Cost: the weighted Gram, four
matrix-vector products and some twenty elementwise operations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._result import FloatArray
from ..tall import TallMatrix
from ..tall._blocks import add_gram
from .losses import Loss

__all__ = ["Found", "Trial", "run"]

_FLUSH = 1e-200  # smaller curvatures would make denormal products, which crawl
_NUMBERS = 5


@dataclass(frozen=True, eq=False)
class Trial:
    """What a visit has to know.

    Attributes
    ----------
    loss : Loss
    M : ndarray (d, r), or None
        Coordinates are of A M if given, and the rows are multiplied block by block.
    X : ndarray, shape (columns, 1) or (columns, 2)
        The trial point, and the Newton step that led to it.
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
    rows : row vector, shape (n, 2)
        f' and the curvature.
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
    vectors = [b, *([] if weights is None else [weights]), *([] if known is None else [known])]
    out, values = A.fold_each(_Visit(trial), (r * r + 2 * r + _NUMBERS,), rows=vectors, width=2)
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
    ) -> FloatArray:
        with np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore"):
            return _visit(self.trial, block, out, b, *vectors)


def _visit(
    trial: Trial, block: Any, out: FloatArray, b: FloatArray, *vectors: FloatArray
) -> FloatArray:
    loss = trial.loss
    B = block if trial.M is None else block @ trial.M
    k = B.shape[1]
    image = np.asarray(B @ trial.X).T
    r = (b - image[0]) / trial.unit
    w = vectors[0] / trial.weight_unit if trial.weighted else None
    known = vectors[-1] if len(vectors) > trial.weighted else None
    numbers = out[k * k + 2 * k :]
    dual = None
    columns = np.empty((len(b), 1 + (known is not None and trial.certify)))
    if known is not None:
        slope, curvature = known.T
        bend = curvature * image[1]
        bend /= trial.unit
        dual = slope - bend
        if trial.certify:
            u = dual if trial.shrink == 1.0 else trial.shrink * dual
            weighted = u if w is None else w * u
            columns[:, 1] = weighted
            conjugate = loss.conjugate(u)
            numbers[1] += weighted @ r
            numbers[2] += conjugate.sum() if w is None else w @ conjugate
            low, high = loss.domain
            if np.isfinite(high):
                active = dual if w is None else np.where(w > 0.0, dual, 0.5 * (low + high))
                numbers[3] += float(np.maximum(np.maximum(low - active, active - high), 0.0).sum())
            numbers[4] += weighted @ u
        if trial.length < 1.0:
            dual = slope - trial.length * bend
    elif np.isfinite(loss.smoothness):
        dual = np.zeros(len(b))  # the curvature of a parabola above the loss, where that is known
    values = np.empty((len(b), 2))
    value, slope, curvature = loss.expand(r, dual)
    values[:, 0], values[:, 1] = slope, curvature
    if w is None:
        numbers[0] += value.sum()
        columns[:, 0] = slope
    else:
        numbers[0] += w @ value
        np.multiply(w, slope, out=columns[:, 0])
        curvature = w * curvature
    curvature[curvature < _FLUSH] = 0.0
    gradient = np.asarray(B.T @ columns)
    out[k * k : k * k + k] += gradient[:, 0]
    if columns.shape[1] == 2:
        out[k * k + k : k * k + 2 * k] += gradient[:, 1]
    add_gram(B, None, np.sqrt(curvature), out[: k * k].reshape(k, k))
    return values
