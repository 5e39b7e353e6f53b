"""What globbing is made of: a sample, residuals of all rows, and the small problem of each column.

A band is where |b_i - a_i x| <= width ||a_i M|| at its centre x; what lies outside is added up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp

from ..._result import FloatArray, IntArray
from ...random import Stream
from ...sampling import sample_rows
from ...tall import TallMatrix, rows
from .check_problem import CheckProblem
from .frisch_newton import CheckFit, rounding

__all__ = ["BandSample", "Reduced", "Residuals", "draw", "stacked"]

_SAMPLE_TOL = 1e-7


@dataclass(eq=False)
class BandSample:
    """Rows drawn, with what they are worth, and how far the fit is from each in band widths."""

    rows: Any
    counts: FloatArray
    weights: FloatArray
    norms: FloatArray
    responses: list[FloatArray]

    def fit(self, problem: CheckProblem, j: int) -> CheckFit:
        return problem.solve(
            j,
            self.rows,
            self.responses[j],
            weights=self.weights,
            start=problem.start(j),
            tol=_SAMPLE_TOL,
        )

    def deviation(self, x: FloatArray, j: int, q: float) -> float:
        """Standard deviation of a fitted value times the density of rows there, at the average row.

        From the sandwich d E[psi^2] / m, where psi is q - 1 or q by the sign of the residual; at
        the fraction q of negative residuals E[psi^2] = q (1 - q), and it may be more.
        """
        below = self.responses[j] < self.rows @ x
        negative = float(self.counts[below].sum() / self.counts.sum())
        square = negative * (1.0 - q) ** 2 + (1.0 - negative) * q**2
        return math.sqrt(square * self.rows.shape[1] / len(below))

    def width(self, x: FloatArray, j: int, wanted: float) -> float:
        """Multiple of ||a_i M|| within which about `wanted` rows lie that are not interpolated."""
        seen = self.norms > 0.0
        distance = np.abs(self.responses[j] - self.rows @ x)[seen] / self.norms[seen]
        order = np.argsort(distance)
        distance, counts = distance[order], self.counts[seen][order]
        ties = distance <= 1e-9 * distance[-1]
        wanted += float(counts[ties].sum())
        last = int(np.searchsorted(np.cumsum(counts), wanted))
        return float(distance[min(last, len(distance) - 1)])


def draw(problem: CheckProblem, norms: Any, m: int) -> BandSample:
    # Root leverage: the design with the least sum of variances of fitted values.
    scores = norms if problem.weights is None else problem.weights * norms
    seed = int(Stream(problem.seed, "regression.globbing").words(range(1))[0, 0])
    drawn = sample_rows(scores, m, p=1.0, rng=seed)
    at = drawn.indices
    w = drawn.weights if problem.weights is None else drawn.weights * problem.weights[at]
    return BandSample(
        problem.A.take(at),
        np.asarray(drawn.weights),
        rows.host(w),
        rows.host(norms[at]),
        [problem.response(j, at) for j in range(len(problem.q))],
    )


class Residuals:
    """Residuals of all rows where the bands were laid, and where the fit is now."""

    def __init__(self, problem: CheckProblem, A: TallMatrix, norms: Any) -> None:
        self._problem, self._A, self._norms = problem, A, norms
        k, d = len(problem.q), A.shape[1]
        self.globs = np.zeros((k, 2, d + 2))
        self._old: list[Any] = [None] * k
        self._width = np.zeros(k)
        self._now: Any = None

    def at(self, X: FloatArray) -> None:
        """Residuals at X: one pass."""
        visit = partial(_residuals, X.copy())
        self._now = rows.settle(self._A.each(visit, rows=(self._problem.b,), width=X.shape[1]))

    def anchor(self, j: int) -> None:
        """Make where the fit is now the centre of the next band."""
        self._old[j] = self._now[:, j]

    def lay(self, widths: dict[int, float]) -> None:
        """Lay bands of these widths, and add up what is outside: one pass."""
        columns = list(widths)
        self._width[columns] = list(widths.values())
        w = self._problem.weights
        b = self._problem.b if len(self._problem.b.shape) == 1 else self._problem.b[:, columns]
        vectors = (b, self._norms, *(self._old[j] for j in columns), *(() if w is None else (w,)))
        shape = (len(columns), 2, self._A.shape[1] + 2)
        visit = partial(_add_globs, self._width[columns])
        self.globs[columns] = self._A.fold(visit, shape, rows=vectors)

    def inside(self, j: int) -> IntArray:
        """Rows in the band."""
        part = partial(_where_inside, float(self._width[j]))
        return rows.fold(part, _joined, self._old[j], self._norms)

    def wrong(self, j: int) -> IntArray:
        """Rows outside the band whose residual has changed its sign."""
        part = partial(_where_wrong, float(self._width[j]))
        at = rows.fold(part, _joined, self._old[j], self._norms, self._now[:, j])
        return at[self._problem.row_weights(at) > 0.0]

    def below(self, j: int, at: IntArray) -> Any:
        """Whether these rows were below the band."""
        return rows.host(self._old[j][at]) < 0.0

    def rounding(self, j: int, x: FloatArray) -> float:
        """How well the loss of column j at x can be known: one pass."""
        b = self._problem.b if len(self._problem.b.shape) == 1 else self._problem.b[:, j]
        w = self._problem.weights
        vectors = (b,) if w is None else (b, w)
        return float(self._A.fold(partial(_add_rounding, x), (1,), rows=vectors)[0])

    def value(self, j: int) -> float:
        """The loss."""
        q, w = float(self._problem.q[j]), self._problem.weights
        r = self._now[:, j]
        loss = np.maximum(q * r, (q - 1.0) * r)
        return rows.total(loss if w is None else w * loss)


def _residuals(X: FloatArray, block: Any, start: int, out: FloatArray, b: FloatArray) -> FloatArray:
    r: FloatArray = (b if b.ndim == 2 else b[:, None]) - block @ X
    return r


def _add_globs(
    widths: FloatArray,
    block: Any,
    start: int,
    out: FloatArray,
    b: FloatArray,
    norms: FloatArray,
    *vectors: FloatArray,
) -> None:
    k = len(widths)
    w = vectors[k] if len(vectors) > k else np.ones(len(norms))
    for j in range(k):
        old = vectors[j]
        response = b if b.ndim == 1 else b[:, j]
        for side, outside in enumerate((old > widths[j] * norms, old < -widths[j] * norms)):
            share = w * outside
            out[j, side, :-2] += block.T @ share
            out[j, side, -2] += share @ response
            out[j, side, -1] += share.sum()


def _add_rounding(
    x: FloatArray, block: Any, start: int, out: FloatArray, b: FloatArray, w: Any = 1.0
) -> None:
    out[0] += rounding(block, b, x, w)


def _where_inside(width: float, start: int, old: FloatArray, norms: FloatArray) -> IntArray:
    return start + np.flatnonzero(np.abs(old) <= width * norms)


def _where_wrong(
    width: float, start: int, old: FloatArray, norms: FloatArray, now: FloatArray
) -> IntArray:
    return start + np.flatnonzero((np.abs(old) > width * norms) & (old * now < 0.0))


def _joined(left: IntArray, right: IntArray) -> IntArray:
    return np.concatenate([left, right])


@dataclass(eq=False)
class Reduced:
    """Rows in the band of one column, and the sums (w a, w b, w) of those above and below it."""

    at: IntArray
    taken: Any
    b: FloatArray
    w: FloatArray
    globs: FloatArray
    u: FloatArray | None = None

    @classmethod
    def of(cls, problem: CheckProblem, j: int, at: IntArray, globs: FloatArray) -> Reduced:
        weights = problem.row_weights(at)
        used = at[weights > 0.0]
        taken, b = problem.A.take(used), problem.response(j, used)
        return cls(used, taken, b, weights[weights > 0.0], globs.copy())

    def add(self, problem: CheckProblem, j: int, at: IntArray, below: Any) -> None:
        """Move rows out of the sums; their multipliers there are those of the interior point."""
        more = Reduced.of(problem, j, at, self.globs)
        for side, mine in enumerate((~below, below)):
            share = more.w * mine
            self.globs[side, :-2] -= more.taken.T @ share
            self.globs[side, -2] -= share @ more.b
            self.globs[side, -1] -= share.sum()
        self.at = np.append(self.at, more.at)
        self.taken = stacked(self.taken, more.taken)
        self.b, self.w = np.append(self.b, more.b), np.append(self.w, more.w)
        if self.u is not None:
            self.u = np.append(self.u, np.zeros(at.size))

    def system(self) -> tuple[Any, FloatArray, FloatArray]:
        """Rows, responses and weights, with the sums as two rows more, or fewer if one is empty."""
        total = self.globs[:, -1]
        live = np.flatnonzero(total > 1e-9 * self.w.sum())
        means = self.globs[live, :-1] / total[live, None]
        return (
            stacked(self.taken, means[:, :-1]),
            np.append(self.b, means[:, -1]),
            np.append(self.w, total[live]),
        )

    def solve(self, problem: CheckProblem, j: int, x: FloatArray) -> CheckFit:
        """Fit column j from a guess."""
        taken, b, w = self.system()
        near = None
        if self.u is not None:
            near = np.append(self.u, np.zeros(b.size - self.u.size))
        fit = problem.solve(
            j, taken, b, weights=w, start=x, near=near, tol=min(0.1 * problem.tol, 1e-10)
        )
        self.u = fit.u[: self.at.size]
        return fit


def stacked(top: Any, bottom: Any) -> Any:
    if sp.issparse(top):
        return sp.csr_array(sp.vstack([top.astype(np.float64), sp.csr_array(bottom)]))
    return np.vstack([top.astype(np.float64, copy=False), np.asarray(bottom)])
