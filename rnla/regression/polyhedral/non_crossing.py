"""Quantile regressions that do not cross: all quantiles at once, a_i x_1 <= a_i x_2 <= ... per row.

The joint linear program (Bondell, Reich, Wang, Biometrika 2010) has n constraints for each pair of
neighbours, of which few matter: those that the present fit violates are added, the worst of them
first, and the problem is solved again until a pass finds none (constraint generation). Rows are
globbed as for one quantile, each with a band of its own, and the signs are verified in that pass.
The small problem's dual is feasible for the whole: the bound holds whichever constraints are left
out. Cost per round 2 passes and an interior point with k d unknowns.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp

from ..._result import FloatArray, IntArray
from ...tall import rows
from .bands import Reduced, Residuals
from .check_problem import CheckProblem
from .frisch_newton import frisch_newton
from .globbing import Bands, CheckColumns

__all__ = ["count_crossings", "non_crossing_fit"]

_ROUNDS = 50
_AT_ONCE = 10  # times d: constraints added per pair of neighbours and round
_ROUNDING = 1e-9  # of the terms of a fitted value: smaller crossings are none
_COEFFICIENTS = 1e-13  # of the largest fitted value: what rounding of coefficients may change
_TOO_MANY = 0.1


def count_crossings(problem: CheckProblem, X: FloatArray) -> int:
    """Rows where a larger quantile is fitted below a smaller one; columns by quantile. One pass.

    Crossings that rounding may cause do not count: of a fitted value, relative to its terms, and
    of the coefficients, relative to the largest fitted value there may be.
    """
    order = np.argsort(problem.q, kind="stable")
    count = partial(_count, X[:, order], _smallest_terms(problem, X))
    return int(problem.A.fold(count, (1,))[0])


def _smallest_terms(problem: CheckProblem, X: FloatArray) -> float:
    """Terms of a fitted value below which rounding of the coefficients is what counts."""
    largest = problem.A.scan().column_max @ np.abs(X).max(axis=1)
    return _COEFFICIENTS / _ROUNDING * float(largest)


def _count(X: FloatArray, least: float, block: Any, start: int, out: FloatArray) -> None:
    excess = _excess(X, least, block, start, out)
    out[0] += np.count_nonzero((excess < -_ROUNDING).any(axis=1))


def _excess(X: FloatArray, least: float, block: Any, start: int, out: FloatArray) -> FloatArray:
    """Each fitted value over the one before, relative to the largest sum of terms of its row."""
    terms = np.asarray(abs(block) @ np.abs(X)).max(axis=1, keepdims=True)
    excess: FloatArray = np.diff(np.asarray(block @ X), axis=1)
    return excess / np.where(terms > 0.0, np.maximum(terms, least), 1.0)


def non_crossing_fit(
    problem: CheckProblem, free: CheckColumns, bands: Bands | None
) -> tuple[CheckColumns, float, bool]:
    """Minimise the sum of the losses under the constraints.

    Parameters
    ----------
    problem : CheckProblem
        One response; quantiles increase.
    free : CheckColumns
        The fits without constraints.
    bands : Bands or None
        As for those.

    Returns
    -------
    fit : CheckColumns
    lower : float
        Lower bound on the least sum.
    done : bool
        Whether the last pass found nothing to add.
    """
    perfect = _perfect_fit(problem, free, bands)
    if perfect is not None:
        return perfect, float(perfect.value.sum()), True
    joint = _Joint(problem, free.X, bands)
    count, done = 0, False
    while not done and count < _ROUNDS:
        count += 1
        joint.solve()
        done = not joint.verify()
    X = joint.X
    value = joint.values()
    lower, total = joint.lower, float(value.sum())
    known = np.zeros(problem.k)
    if total - lower > problem.tol * total:
        known = joint.rounding()
        if total <= known.sum():
            lower = total
    columns = CheckColumns(
        X,
        value,
        np.minimum(free.lower, value),
        free.iterations + joint.iterations,
        free.rounds + count,
        free.method,
        free.reason,
        free.rank,
        known,
    )
    return columns, min(lower, total), done


def _perfect_fit(
    problem: CheckProblem, free: CheckColumns, bands: Bands | None
) -> CheckColumns | None:
    """If all residuals are rounding, the fit of one quantile for all: it crosses nothing."""
    residuals = _residuals(problem, bands)
    known = residuals.rounding(0, free.X[:, 0])
    if np.any(free.value > known):
        return None
    X = np.repeat(free.X[:, :1], problem.k, axis=1)
    residuals.at(X)
    value = np.array([residuals.value(j) for j in range(problem.k)])
    if np.any(value > known):
        return None
    return replace(free, X=X, value=value, lower=value)


def _residuals(problem: CheckProblem, bands: Bands | None) -> Residuals:
    if bands is not None:
        return bands.residuals
    return Residuals(problem, problem.A.distributed(), rows.like(problem.b, 1.0))


class _Joint:
    """The small problems of all columns, side by side, and the constraints found so far."""

    def __init__(self, problem: CheckProblem, X: FloatArray, bands: Bands | None) -> None:
        self.problem, self.X, self.bands = problem, X.copy(), bands
        self.k, self.d = problem.k, problem.A.shape[1]
        self.lower, self.iterations = 0.0, 0
        self._residuals = _residuals(problem, bands)
        self._pairs: list[IntArray] = [np.zeros(0, np.int64) for _ in range(self.k - 1)]
        self._residuals.at(self.X)
        if bands is None:
            at = np.arange(problem.A.shape[0])
            nothing = np.zeros((2, self.d + 2))
            whole = Reduced.of(problem, 0, at, nothing)
            self._small = [whole] * self.k
        else:
            self._wanted = bands.wanted(problem, self.X)
            self._lay()
        self._add_crossings()

    def _lay(self) -> None:
        assert self.bands is not None
        for j in range(self.k):
            self._residuals.anchor(j)
        width = self.bands.sample.width
        self._residuals.lay({j: width(self.X[:, j], j, self._wanted[j]) for j in range(self.k)})
        self._small = [
            Reduced.of(self.problem, j, self._residuals.inside(j), self._residuals.globs[j])
            for j in range(self.k)
        ]

    def values(self) -> FloatArray:
        return np.array([self._residuals.value(j) for j in range(self.k)])

    def rounding(self) -> FloatArray:
        return np.array([self._residuals.rounding(j, self.X[:, j]) for j in range(self.k)])

    def solve(self) -> None:
        """The joint problem with the constraints so far."""
        parts = [small.system() for small in self._small]
        system = sp.block_diag([sp.csr_array(part[0]) for part in parts], format="csr")
        counts = [len(part[1]) for part in parts]
        fit = frisch_newton(
            sp.csr_array(system),
            np.concatenate([part[1] for part in parts]),
            np.repeat(self.problem.q, counts),
            weights=np.concatenate([part[2] for part in parts]),
            constraints=self._constraints(),
            start=self.X.T.ravel(),
            tol=min(0.1 * self.problem.tol, 1e-10),
            max_iter=self.problem.max_iter,
        )
        self.iterations += fit.iterations
        self.lower = max(self.lower, fit.lower)
        self.X = np.ascontiguousarray(fit.x.reshape(self.k, self.d).T)
        if self.problem.lower is not None and self.problem.upper is not None:
            self.X = np.clip(self.X, self.problem.lower[:, None], self.problem.upper[:, None])

    def _constraints(self) -> tuple[Any, FloatArray] | None:
        blocks, right = [], []
        for j, at in enumerate(self._pairs):
            if at.size:
                taken = sp.csr_array(self.problem.A.take(at).astype(np.float64))
                before = sp.csr_array((at.size, j * self.d))
                after = sp.csr_array((at.size, (self.k - j - 2) * self.d))
                blocks.append(sp.hstack([before, -taken, taken, after]))
                right.append(np.zeros(at.size))
        box = self.problem.constraints(sparse=True)
        if box is not None:
            blocks.append(sp.block_diag([box[0]] * self.k))
            right.append(np.tile(box[1], self.k))
        if not blocks:
            return None
        return sp.csr_array(sp.vstack(blocks)), np.concatenate(right)

    def verify(self) -> bool:
        """One pass: add rows with the wrong sign and constraints that are violated."""
        self._residuals.at(self.X)
        more = False
        if self.bands is not None:
            wrong = [
                np.setdiff1d(self._residuals.wrong(j), small.at)
                for j, small in enumerate(self._small)
            ]
            if any(w.size > _TOO_MANY * s.at.size for w, s in zip(wrong, self._small, strict=True)):
                self._wanted = [2.0 * wanted for wanted in self._wanted]
                self._lay()
                more = True
            else:
                for j, at in enumerate(wrong):
                    if at.size:
                        self._small[j].add(self.problem, j, at, self._residuals.below(j, at))
                        more = True
        return self._add_crossings() or more

    def _add_crossings(self) -> bool:
        more = False
        A = self.problem.A.distributed()
        measure = partial(_excess, self.X, _smallest_terms(self.problem, self.X))
        excess = rows.settle(A.each(measure, width=self.k - 1))
        most = max(_AT_ONCE * self.d, 100)
        for j in range(self.k - 1):
            found = rows.fold(partial(_worst, most), partial(_worse, most), excess[:, j])
            at = np.setdiff1d(found[0].astype(np.int64), self._pairs[j])
            if at.size:
                self._pairs[j] = np.append(self._pairs[j], at)
                more = True
        return more


def _worst(most: int, start: int, excess: FloatArray) -> FloatArray:
    """Numbers of the rows where the excess is most negative, and the excess."""
    at = np.flatnonzero(excess < -_ROUNDING)
    at = at[np.argsort(excess[at], kind="stable")[:most]]
    return np.vstack([start + at, excess[at]])


def _worse(most: int, left: FloatArray, right: FloatArray) -> FloatArray:
    both = np.hstack([left, right])
    return both[:, np.argsort(both[1], kind="stable")[:most]]
