"""min max_i |b_i - a_i x| over a box: linear programs on few rows, exchanged with the full data.

A working set of rows gives a small linear program, whose minimum is a lower bound on that of all
rows; one pass finds the rows with the largest residuals at its solution, and they join the set
(constraint generation; in one variable per row the exchange algorithm of Remez 1934). The bound
comes from the dual, u on the working set with A^T u = 0, solved again on its support so that it
does not depend on the tolerances of the linear program (SciPy's HiGHS). Any minimiser is within
||A (x - x')||_2 <= 2 sqrt(n) max |r'| of a known x', which keeps every program bounded and pays for
what rounding leaves of A^T u. Cost: 5 to 20 rounds of one matrix-vector pass and one program of a
few hundred rows; one weighted Gram matrix and least squares before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import scipy.optimize
import scipy.sparse as sp

from ..._result import FloatArray, IntArray, Status
from ...constrained._spd import spd_solver
from ...tall import TallMatrix, rows, single_threaded_blas
from .._rounding import known
from ..smooth.losses import Power
from ..smooth.newton import Minimum, minimise
from ..smooth.newton_coordinates import Coordinates

__all__ = ["minimax"]

_TOLERANCE = 1e-10  # the smallest that HiGHS accepts
_PATIENCE = 4


def minimax(
    A: TallMatrix,
    b: Any,
    *,
    weights: Any = None,
    start: FloatArray | None = None,
    lower: FloatArray | None = None,
    upper: FloatArray | None = None,
    tol: float = 1e-8,
    max_iter: int = 100,
) -> Minimum:
    """Minimise the largest absolute residual of the rows of positive weight to relative gap `tol`.

    Parameters
    ----------
    A : TallMatrix, shape (n, d)
    b : row vector, shape (n,)
    weights : row vector, shape (n,), optional
        Rows of weight zero do not count; the other weights make no difference.
    start, lower, upper : ndarray, shape (d,), optional
    tol : float
    max_iter : int
        Largest number of rounds.

    Returns
    -------
    Minimum
        Its iterations are rounds.
    """
    used = None if weights is None else rows.each(_indicator, weights)
    fit = minimise(
        A,
        b,
        Power(2.0),
        weights=used,
        start=start,
        lower=lower,
        upper=upper,
        tol=0.5,
        max_iter=4,
    )
    return _Exchange(A, b, used, lower, upper).run(fit.x, tol, max_iter)


@dataclass(frozen=True, eq=False)
class _Program:
    """Solution of the program on the working set, as a step from the best fit, and its bound."""

    step: FloatArray
    lower: float


class _Exchange:
    """Coordinates y of x = unit T y, and a working set with its rows B = A T and responses c."""

    def __init__(
        self,
        A: TallMatrix,
        b: Any,
        used: Any,
        lower: FloatArray | None,
        upper: FloatArray | None,
    ) -> None:
        self.A, self.b, self.used = A, b, used
        n = A.shape[0]
        self.space = Coordinates.of(A, used, lower, upper, 0.0, None)
        # Rows of A T are of size one with these factors.
        self.gram: FloatArray | None = None
        self.stretch = np.full(self.space.size, math.sqrt(n))
        self.reach = np.full(self.space.size, 2.0)  # per unit of the largest residual
        if self.space.basis is None:
            G = self.space.gram(self.space.A.gram(row_scale=used))
            norms = np.sqrt(np.diag(G))
            self.gram = G
            self.stretch = math.sqrt(n) / np.where(norms > 0.0, norms, 1.0)
            solve = spd_solver(G + np.diag(1e-12 * np.diag(G)))
            inverse = [solve(e)[j] for j, e in enumerate(np.eye(self.space.size))]
            self.reach = 2.0 * np.sqrt(np.maximum(inverse, 0.0)) * norms
        self.at = np.zeros(0, dtype=np.int64)

    def run(self, x: FloatArray, tol: float, max_iter: int) -> Minimum:
        rank, space = self.space.rank, self.space
        width = space.size
        worst, upper = self._worst(x, 4 * width + 8)
        best, lower, rounds, idle = x, 0.0, 0, 0
        done = upper <= 0.0
        while not done and rounds < max_iter and idle < _PATIENCE:
            rounds, idle = rounds + 1, idle + 1
            fresh = np.setdiff1d(worst, self.at)
            if not fresh.size and idle > 1:
                break
            self.at = np.union1d(self.at, fresh)
            with single_threaded_blas():
                program = self._program(best, upper, _near(1.0 - lower / upper))
            if program is None:
                break
            if program.lower > lower * (1.0 + 1e-15):
                lower, idle = program.lower, 0
            x = space.moved(best, program.step * self.stretch * upper)
            worst, value = self._worst(x, 2 * width + 8)
            if value < upper * (1.0 - 1e-15):
                best, upper, idle = x, value, 0
            done = upper - lower <= tol * upper
        status, lower = Status.OK, min(lower, upper)
        if not upper - lower <= tol * upper:
            fit = known(self.A, self.b, self.used, best, np.inf, T=self.space.T, gram=self.gram)
            if fit.perfect:
                lower = upper
            else:
                limited = upper - lower <= fit.slack
                status = Status.ROUNDING_LIMITED if limited else Status.NOT_CONVERGED
        gap = (upper - lower) / upper if upper > 0.0 else 0.0
        return Minimum(best, upper, lower, rounds, status, gap, rank)

    def _worst(self, x: FloatArray, count: int) -> tuple[IntArray, float]:
        """Rows with the largest residuals at x, and the largest: one pass."""
        residual = abs(self.b - self.A.matmul(x))
        if self.used is not None:
            residual = residual * self.used
        at, values = rows.fold(partial(_largest, count), partial(_larger, count), residual)
        return at, float(values.max(initial=0.0))

    def _rows(self) -> FloatArray:
        taken = self.space.A.take(self.at)
        if sp.issparse(taken):
            taken = taken.toarray()
        taken = np.asarray(taken, dtype=np.float64)
        T = self.space.inner if self.space.inner is not None else self.space.outer
        B = taken if T is None else taken @ T
        stretched: FloatArray = B * self.stretch
        return stretched

    def _program(self, x: FloatArray, unit: float, near: float) -> _Program | None:
        """Solve for the working set; lengths are in units of the best value so far.

        Unknowns are the changes of x and of the value over `near`: tolerances are absolute, and so
        the program is solved to more digits the closer it gets (Gleixner, Steffy, Wolter, ISSAC
        2012).
        """
        B = self._rows()
        known = self.space.of_coefficients(x, unit) / self.stretch
        low, high = known - self.reach, known + self.reach
        if self.space.lower is not None and self.space.upper is not None:
            low = np.maximum(low, self.space.lower / unit / self.stretch)
            high = np.minimum(high, self.space.upper / unit / self.stretch)
            low = np.minimum(low, high)
        m, r = B.shape
        # Residuals of x itself: B y is less accurate where columns are nearly dependent.
        taken = self.A.take(self.at)
        c = (rows.host(self.b[self.at]).astype(np.float64) - taken @ x) / unit
        result = scipy.optimize.linprog(
            np.append(np.zeros(r), 1.0),
            A_ub=np.block([[B, -np.ones((m, 1))], [-B, -np.ones((m, 1))]]),
            b_ub=np.concatenate([1.0 + c, 1.0 - c]) / near,
            bounds=np.column_stack(
                [np.append(low - known, -1.0) / near, np.append(high - known, np.inf) / near]
            ),
            method="highs",
            options={
                "primal_feasibility_tolerance": _TOLERANCE,
                "dual_feasibility_tolerance": _TOLERANCE,
            },
        )
        if result.status != 0 or result.x is None:
            return None
        step = near * result.x[:r]
        multiplier = np.asarray(result.ineqlin.marginals)
        u = multiplier[:m] - multiplier[m:]
        inner = (step > low - known) & (step < high - known)
        step, u = _refined(B, c, step, u, inner, (low - known, high - known))
        bound = -math.inf
        for candidate in (u, multiplier[:m] - multiplier[m:]):
            total = float(np.abs(candidate).sum())
            if total > 0.0:
                leak = B.T @ candidate
                side = np.where(leak > 0.0, high - known, low - known)
                # min over the box of u^T (c - B s), at most max |c - B s| sum |u|
                bound = max(bound, (float(candidate @ c) - float(leak @ side)) / total)
        return _Program(np.clip(step, low - known, high - known), max(bound, 0.0) * unit)


def _near(gap: float) -> float:
    """The unit of changes in a program: well above what they can be."""
    return min(max(100.0 * gap, 1e-6), 1.0)


def _refined(
    B: FloatArray,
    c: FloatArray,
    step: FloatArray,
    u: FloatArray,
    inner: Any,
    box: tuple[FloatArray, FloatArray],
) -> tuple[FloatArray, FloatArray]:
    """The vertex that the multipliers point to, solved again, and multipliers that balance."""
    support = np.flatnonzero(np.abs(u) > 1e-9 * np.abs(u).max(initial=0.0))
    free = np.flatnonzero(inner)
    if not support.size or support.size > free.size + 1:
        return step, u
    sign = np.sign(u[support])
    system = np.column_stack([B[np.ix_(support, free)], sign])
    fixed = step.copy()
    fixed[free] = 0.0
    found = _solved(system, c[support] - B[support] @ fixed)
    better = fixed.copy()
    better[free] = np.clip(found[:-1], box[0][free], box[1][free])
    if np.abs(c - B @ better).max() > np.abs(c - B @ step).max():
        better = step
    right = -(system.T @ u[support])
    right[-1] += float(np.abs(u).sum())
    balanced = np.zeros_like(u)
    balanced[support] = u[support] + _solved(system.T, right)
    return better, balanced


def _solved(system: FloatArray, right: FloatArray) -> FloatArray:
    """Least squares of a system whose rows and columns may be orders of magnitude apart."""
    size = np.abs(system)
    column = size.max(axis=0, initial=0.0)
    column = np.where(column > 0.0, column, 1.0)
    row = (size / column).max(axis=1, initial=0.0)
    row = np.where(row > 0.0, row, 1.0)
    even = system / column / row[:, None]
    x = np.zeros(column.size)
    for _ in range(2):
        x += np.linalg.lstsq(even, right / row - even @ x, rcond=None)[0]
    solution: FloatArray = x / column
    return solution


def _largest(count: int, start: int, residual: FloatArray) -> tuple[IntArray, FloatArray]:
    residual = np.asarray(residual)
    at = np.arange(residual.size)
    if residual.size > count:
        at = np.argpartition(residual, residual.size - count)[residual.size - count :]
    return (start + at).astype(np.int64), residual[at]


def _larger(count: int, left: Any, right: Any) -> tuple[IntArray, FloatArray]:
    at, values = np.concatenate([left[0], right[0]]), np.concatenate([left[1], right[1]])
    keep = np.argsort(-values, kind="stable")[:count]
    return at[keep], values[keep]


def _indicator(weights: FloatArray) -> FloatArray:
    return (weights > 0.0).astype(np.float64)
