"""The last steps of a search that saw a stand-in for A: on all rows, one pass a step (SPEC V2).

A pass returns D = ||A x||_p^p at one point per extreme, the gradient there and, for the extreme
with D below, its reweighted quadratic; nothing of length n. From them comes the step v of `ascent`.
How far to go along v is read off the stand-in, corrected so that its value and slope at z are those
of all rows; the next pass, and in the end the pass that measures every candidate, show what it was
worth. Cost of a pass: n d r flops for the products, n r^2 for the quadratic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp

from .._result import FloatArray
from ..tall._device import beside, is_sparse_rows, on_device
from ..tall.blocks import scaled
from ..tall.extended import Extended
from ._line import log_sum
from ._problem import Problem
from ._rows import HeldRows, congruence, dense_product
from ._sums import absolute_power
from .ascent import reweighted_gram, slope_coefficients, solve

__all__ = ["improve"]

_PASSES = 3
_ENDS = 3
_FEW = 256  # columns above which quadratics are large, and one end is followed only
_SHARES = (0.3, 1.0, 2.0)  # of the predicted step, measured in the end
_HALF_OCTAVES = np.arange(-20, 5)
_REFINED = 8
_TAME = 1e6


@dataclass(frozen=True, eq=False)
class _Measured:
    """All rows at one point: log D, grad(log D) / p, and the quadratic where it was asked for."""

    log_sum: float
    slope: FloatArray
    gram: FloatArray | None


class _Line:
    """One extreme: the best point so far, a step from it, and the stand-in along this step."""

    def __init__(
        self, sampled: HeldRows, stand_in: HeldRows, p: float, z: FloatArray, lowest: bool
    ) -> None:
        self._sampled, self._stand_in, self._p = sampled, stand_in, p
        self.lowest = lowest
        self.trial = z / float(np.abs(stand_in.forward(z)).max())
        self._best, self._value = self.trial, -np.inf
        self._step, self._length = np.zeros_like(z), 0.0
        self.alive = True

    def candidates(self) -> FloatArray:
        """Points worth measuring, as columns: the best one, and some along the last step."""
        ahead = [self._best + share * self._length * self._step for share in _SHARES]
        return np.column_stack([self._best, *(ahead if self.alive else [])])

    def advance(self, measured: _Measured, floor: float) -> None:
        """Take the trial point if the ratio is larger there, and predict the next one."""
        y = self._sampled.forward(self.trial)
        sign = 1.0 if self.lowest else -1.0
        value = sign * (measured.log_sum - log_sum(y, self._sampled.weights, self._p))
        if value > self._value + 1e-12:
            self._best, self._value = self.trial, value
            slope = self._sampled.backward(slope_coefficients(y, self._sampled.weights, self._p))
            ascending = sign * (measured.slope - slope)
            if self.lowest:
                Q, unit = reweighted_gram(self._sampled, y, self._p, floor)
                self._step = solve(Q, ascending * unit)
            else:
                assert measured.gram is not None
                self._step = solve(measured.gram, ascending)
            self._length = self._predict(measured, y, sign)
        else:
            self._length *= _SHARES[0]
        self.trial = self._best + self._length * self._step
        self.alive = bool(self._length > 0.0 and np.all(np.isfinite(self.trial)))

    def _predict(self, measured: _Measured, y: FloatArray, sign: float) -> float:
        """The t at which log ratio(z + t v) is largest by the corrected stand-in; 0 if none is."""
        p, v = self._p, self._step
        away = self._sampled.forward(v)
        stand_in, weights = self._stand_in, self._stand_in.weights
        z_rows, v_rows = stand_in.forward(self._best), stand_in.forward(v)
        slope = stand_in.backward(slope_coefficients(z_rows, weights, p))
        correction = p * float((measured.slope - slope) @ v)
        start = log_sum(z_rows, weights, p)

        def gain(t: float) -> float:
            D = log_sum(z_rows + t * v_rows, weights, p) - start + t * correction
            N = log_sum(y + t * away, self._sampled.weights, p)
            return sign * (D + measured.log_sum - N) - self._value

        first = 1.0 if p <= 2.0 else 1.0 / (p - 1.0)
        trials = first * 2.0 ** (_HALF_OCTAVES / 2.0)
        gains = np.array([gain(float(t)) for t in trials])
        best = int(np.nanargmax(gains)) if np.any(np.isfinite(gains)) else 0
        ends = trials[max(best - 1, 0)], trials[min(best + 1, trials.size - 1)]
        finer = np.linspace(*ends, _REFINED)
        all_gains = np.concatenate([gains, [gain(float(t)) for t in finer]])
        top = int(np.nanargmax(all_gains)) if np.any(np.isfinite(all_gains)) else 0
        found = float(np.concatenate([trials, finer])[top])
        return found if all_gains[top] > 0.0 else 0.0


def improve(
    problem: Problem, stand_in: HeldRows, ends: Sequence[Sequence[FloatArray]]
) -> list[FloatArray]:
    """Better points than the ends of the searches of the lowest and the highest ratio, as columns.

    Costs `_PASSES` passes.
    """
    p = problem.p
    most = _ENDS if problem.rank <= _FEW else 1
    lines = [
        _Line(problem.held, stand_in, p, z, lowest=side == 0)
        for side, some in enumerate(ends)
        for z in some[:most]
    ]
    floor = 0.1 if p < 2.0 else 0.01
    with np.errstate(all="ignore"):  # what is not finite is noticed and left
        for _ in range(_PASSES):
            walking = [line for line in lines if line.alive]
            if not walking:
                break
            for line, measured in zip(
                walking, _measure(problem, stand_in, walking, floor), strict=True
            ):
                line.advance(measured, floor)
    return [line.candidates() for line in lines]


@dataclass(frozen=True, eq=False)
class _Question:
    """What a visit needs: how rows become b_i, the points, and where the quadratic is cut off."""

    coordinates: FloatArray | Extended | None  # of scaled rows; None: columns are coordinates
    column_scale: FloatArray
    points: FloatArray  # (r, k), or (d, k) for sparse rows
    p: float
    below: tuple[int, ...]  # the points whose quadratics are wanted
    cuts: tuple[float, ...]

    @property
    def widths(self) -> tuple[int, int, int]:
        """Points, numbers in a gradient, columns of a quadratic."""
        width, k = self.points.shape
        product = self.coordinates
        if product is None:
            return k, width, width
        coefficients = product.plain if isinstance(product, Extended) else product
        extended = product.high.shape[1] if isinstance(product, Extended) else 0
        return k, width, coefficients.shape[1] + extended


def _measure(
    problem: Problem, stand_in: HeldRows, lines: Sequence[_Line], floor: float
) -> list[_Measured]:
    whole, p, T = problem.whole, problem.p, problem.transform
    n = problem.A.shape[0]
    Z = np.column_stack([line.trial for line in lines])
    below = tuple(k for k, line in enumerate(lines) if not line.lowest)
    log_totals = [log_sum(stand_in.forward(Z[:, j]), stand_in.weights, p) for j in below]
    cuts = tuple(floor * float(np.exp((log_total - np.log(n)) / p)) for log_total in log_totals)
    sparse = problem.A.is_sparse
    # Pairs of entries are cheaper than dense rows, but square the condition number.
    pairs = sp.issparse(T) or (
        sparse
        and 10.0 * problem.A.pair_count < problem.A.entry_count * whole.rank
        and problem.basis.condition < _TAME
    )
    question = _Question(
        None if pairs else whole.product,
        whole.column_scale,
        np.asarray(T @ Z) if sparse else Z,
        p,
        below,
        cuts,
    )
    k, width, columns = question.widths
    size = k + k * width + len(below) * columns**2
    totals, slopes, Q = _parts(question, problem.A.fold(partial(_visit, question), (size,)))
    if sparse:
        slopes = np.asarray(T.T @ slopes)
    grams: dict[int, FloatArray] = {}
    for j, half in zip(below, Q, strict=True):
        G = np.triu(half) + np.triu(half, 1).T
        grams[j] = (congruence(G, T) if pairs else G) / totals[j]
    return [
        _Measured(float(np.log(totals[j])), slopes[:, j] / totals[j], grams.get(j))
        for j in range(k)
    ]


def _parts(question: _Question, out: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    k, width, columns = question.widths
    end = k + k * width
    return out[:k], out[k:end].reshape(width, k), out[end:].reshape(-1, columns, columns)


def _visit(question: _Question, block: Any, start: int, out: FloatArray) -> None:
    """Add sums of |y|^p, of sign(y) |y|^(p-1) b, and of max(|y|, cut)^(p-2) b b^T."""
    totals, slopes, Q = _parts(question, out)
    p, product = question.p, question.coordinates
    scaled_block = scaled(block, None, question.column_scale)
    sparse = is_sparse_rows(block)
    rows: Any = scaled_block if sparse else _dense(product, scaled_block)
    y = rows @ beside(block, question.points)
    size = np.abs(y)
    with np.errstate(all="ignore"):
        totals += absolute_power(size, p).sum(axis=0)
        slopes += rows.T @ (np.sign(y) * absolute_power(size, p - 1.0))
        if not question.below:
            return
        B: Any = _dense(product, scaled_block) if sparse and product is not None else rows
        for j, cut, G in zip(question.below, question.cuts, Q, strict=True):
            weight = np.maximum(size[:, j], cut) ** (p / 2.0 - 1.0)
            if product is None:
                from ..kernels.csr_gram import add_csr_gram

                add_csr_gram(rows.data, rows.indices, rows.indptr, weight, G)
            else:
                weighted = B * weight[:, None]
                G += weighted.T @ weighted


def _dense(product: FloatArray | Extended | None, rows: Any) -> FloatArray:
    if isinstance(product, Extended):
        return product.product(rows)
    assert product is not None
    if on_device(rows):
        dense: FloatArray = rows @ beside(rows, product)
        return dense
    return dense_product(rows, product)


def _scaled(block: Any, column_scale: FloatArray) -> Any:
    return scaled(block, None, column_scale)
