"""Exact check-loss regression on tall data: only rows near the fit are solved for (globbing).

The multiplier of a row that is far from the fit is known from the sign of its residual. A sample
of m = (2 n sqrt(d))^(2/3) rows, drawn by root leverage scores, gives a first fit; a row whose
residual exceeds a multiple of ||a_i M||, the width of a confidence band, is expected to keep its
sign; and all rows above the band, and all below, are added up to one row each (Portnoy and Koenker,
Statistical Science 1997). rho(r + s) <= rho(r) + rho(s), so the small problem is a lower bound
whatever the signs, and its multipliers, shared out, are dual feasible for all rows. One pass
verifies the signs; rows whose sign was wrong join, a few rounds at most. The answer is that of the
full problem. Cost 6 passes and frisch_newton on O(n^(2/3)) rows; row vectors of length n besides.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np

from ..._result import FloatArray
from ...basis import orthonormal_basis
from ...tall import rows
from .bands import BandSample, Reduced, Residuals, draw
from .check_problem import CheckProblem
from .frisch_newton import CheckFit

__all__ = ["BAND", "Bands", "CheckColumns", "fit_columns", "lay_bands"]

BAND = 4.0  # half width of the band in standard deviations of a fitted value
_DIRECT = 2**20  # entries of A that are solved for as they are
_WORTH = 3  # times the rows of both small problems, from which globbing pays
_ROUNDS = 20
_TOO_MANY = 0.1  # of the rows in the band, with the wrong sign: the band was too narrow

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class CheckColumns:
    """Fits of k columns.

    Attributes
    ----------
    X : ndarray, shape (d, k)
    value, lower : ndarray, shape (k,)
    iterations, rounds : int
    method, reason : str
    rank : int
    rounding : ndarray, shape (k,)
        How well the values can be known; 0 where nobody asked.
    """

    X: FloatArray
    value: FloatArray
    lower: FloatArray
    iterations: int
    rounds: int
    method: str
    reason: str
    rank: int
    rounding: FloatArray


@dataclass(eq=False)
class Bands:
    """A sample of m rows, residuals of all, and the rank of A."""

    sample: BandSample
    residuals: Residuals
    m: int
    rank: int

    def wanted(self, problem: CheckProblem, X: FloatArray) -> list[float]:
        """How many rows the band of each column should hold."""
        n = problem.A.shape[0]
        return [
            2 * BAND * n * self.sample.deviation(X[:, j], j, q) for j, q in enumerate(problem.q)
        ]


def lay_bands(problem: CheckProblem) -> Bands | None:
    """Prepare globbing by three passes and a sample; None if A is too small for it to pay."""
    n, d = problem.A.shape
    m = math.ceil((2.0 * n * math.sqrt(d)) ** (2 / 3))
    band = BAND * n * math.sqrt(d / m)
    if n * d <= _DIRECT or n < _WORTH * (m + band):
        return None
    A = problem.A.distributed()
    root = None if problem.weights is None else np.sqrt(problem.weights)
    basis = orthonormal_basis(A, row_scale=root, seed=problem.seed)
    norms = rows.settle(A.row_norms(basis.M))
    return Bands(draw(problem, norms, m), Residuals(problem, A, norms), m, basis.rank)


def fit_columns(problem: CheckProblem, bands: Bands | None) -> CheckColumns:
    """Minimise for every column: globbed, or all rows in memory at once if `bands` is None."""
    if bands is None:
        return _direct(problem, "few rows: all of them are solved for at once")
    found = _globbed(problem, bands)
    if found is None:
        return _direct(problem, "the fit passes so near many rows that all are solved for at once")
    return found


def _side_by_side(function: Callable[[int], T], columns: Sequence[int]) -> list[T]:
    if len(columns) == 1:
        return [function(columns[0])]
    with ThreadPoolExecutor(min(len(columns), 8)) as pool:
        return list(pool.map(function, columns))


def _direct(problem: CheckProblem, reason: str) -> CheckColumns:
    n = problem.A.shape[0]
    used = np.arange(n)
    if problem.weights is not None:
        used = np.flatnonzero(rows.host(problem.weights))
    taken, w = problem.A.take(used), problem.row_weights(used)
    problem.A.passes += 1

    def solve(j: int) -> CheckFit:
        return problem.solve(
            j,
            taken,
            problem.response(j, used),
            weights=w,
            start=problem.start(j),
            tol=min(0.1 * problem.tol, 1e-10),
        )

    fits = _side_by_side(solve, range(problem.k))
    return _columns(fits, 1, "frisch_newton", reason)


def _columns(fits: Sequence[CheckFit], rounds: int, method: str, reason: str) -> CheckColumns:
    return CheckColumns(
        np.column_stack([fit.x for fit in fits]),
        np.array([fit.value for fit in fits]),
        np.array([fit.lower for fit in fits]),
        sum(fit.iterations for fit in fits),
        rounds,
        method,
        reason,
        max(fit.rank for fit in fits),
        np.array([fit.rounding for fit in fits]),
    )


def _globbed(problem: CheckProblem, bands: Bands) -> CheckColumns | None:
    """The fits, or None if the bands would hold most rows."""
    n, k = problem.A.shape[0], problem.k
    sample, residuals = bands.sample, bands.residuals
    first = _side_by_side(partial(sample.fit, problem), range(k))
    X = np.column_stack([fit.x for fit in first])
    iterations = sum(fit.iterations for fit in first)
    wanted = bands.wanted(problem, X)
    residuals.at(X)
    centre = X.copy()
    at_centre = np.full(k, np.inf)
    value = np.array([residuals.value(j) for j in range(k)])
    lower = np.zeros(k)
    fits: dict[int, CheckFit] = {}
    reduced: dict[int, Reduced] = {}

    def solve(j: int) -> CheckFit:
        return reduced[j].solve(problem, j, X[:, j])

    active = list(range(k))
    count = 0
    while active and count < _ROUNDS:
        count += 1
        fresh = [j for j in active if j not in reduced]
        for j in fresh:
            if value[j] < at_centre[j]:
                centre[:, j], at_centre[j] = X[:, j], value[j]
                residuals.anchor(j)
            X[:, j] = centre[:, j]
        if fresh:
            residuals.lay({j: sample.width(X[:, j], j, wanted[j]) for j in fresh})
        for j in fresh:
            at = residuals.inside(j)
            if at.size > n / 2:
                return None
            reduced[j] = Reduced.of(problem, j, at, residuals.globs[j])
        for j, fit in zip(active, _side_by_side(solve, active), strict=True):
            fits[j], X[:, j] = fit, fit.x
            iterations += fit.iterations
            lower[j] = max(lower[j], fit.lower)
        residuals.at(X)
        for j in tuple(active):
            value[j] = residuals.value(j)
            wrong = np.setdiff1d(residuals.wrong(j), reduced[j].at)
            if not wrong.size:
                active.remove(j)
            elif wrong.size > _TOO_MANY * reduced[j].at.size:
                wanted[j] *= 2.0
                del reduced[j]
            else:
                reduced[j].add(problem, j, wrong, residuals.below(j, wrong))
    known = np.zeros(k)
    for j in range(k):
        if value[j] - lower[j] > problem.tol * value[j]:
            known[j] = residuals.rounding(j, X[:, j])
            if value[j] <= known[j]:
                lower[j] = value[j]
    done = [
        replace(fits[j], x=X[:, j], value=float(value[j]), lower=float(min(lower[j], value[j])))
        for j in range(k)
    ]
    reason = f"{n} rows: a sample of {bands.m} tells which of them are far from the fit"
    found = _columns(done, count, "globbing", reason)
    return replace(found, iterations=iterations, rank=bands.rank, rounding=known)
