"""min sum_i w_i h(b_i - a_i x) + ridge |x|^2 / 2 with Huber's loss h: Newton in passes, certified.

h(r) = r^2 / 2 up to the threshold t and t |r| - t^2 / 2 beyond. The problem is solved in units of
t, where it is that of t = 1. Cost: a basis, and one pass of n d^2 flops for each of 5 to 30 Newton
steps; more as t falls below the bulk of the residuals, where the loss approaches t |r|.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from .._errors import argument_error, check_fraction, check_positive, check_size
from .._result import FloatArray, Status
from ..random import RNGLike, resolve_seed
from ..tall import TallMatrix, as_tall, rows
from ..tall._device import beside, stays_on_device
from ._input import Problem as Input
from ._input import check_column, check_start, prepare
from ._record import relative_gap
from .coresets.m_estimator_coreset import MEstimatorCoreset, m_estimator_coreset
from .polyhedral.centre import centred
from .polyhedral.least_absolute import least_absolute
from .smooth import newton
from .smooth.losses import Huber
from .smooth.penalty import better_of, penalised, penalty

__all__ = ["HuberFit", "huber_regression"]

_LARGE = 1e140  # threshold and b / threshold stay below, so that squares fit
_ROUNDING = 1e-14  # residuals below this part of |b| + |A| |x| are nothing but rounding
_FIRST_TRY = 40  # passes from least squares, before least absolute deviations are the start
_STAGES = 40  # thresholds on the way down
_BOUND_STEPS = 12  # passes that look for a lower bound beside the optimum of a coreset


@dataclass(frozen=True, eq=False)
class HuberFit:
    """Coefficients of a Huber regression, with a lower bound on the minimum.

    Attributes
    ----------
    x : ndarray, shape (d,)
        Coefficients; zero for columns that depend on others.
    intercept : float
        Zero if none was asked for.
    objective : float
        Weighted sum of losses plus the penalty at x, on all rows.
    lower : float
        Lower bound on the minimum over all x, from a dual point evaluated on all rows.
    threshold, ridge : float
    iterations : int
        Newton steps, those on samples not counted.
    method : str
        "newton", or "coreset" if the fit rests on sampled rows.
    status : Status
        OK; NOT_CONVERGED if the gap is above the tolerance; EPS_NOT_MET if that of a coreset is
        above eps.
    rank : int or None
        Numerical rank of A, with the column of ones, where it was found.
    passes : int
        Passes over A.
    seed : int or None
        Of the sample; None if nothing was drawn.
    coreset : MEstimatorCoreset or None
        The rows that the fit rests on, with ``polish=False``.
    """

    x: FloatArray
    intercept: float
    objective: float
    lower: float
    threshold: float
    ridge: float
    iterations: int
    method: str
    status: Status
    rank: int | None
    passes: int
    seed: int | None = None
    coreset: MEstimatorCoreset | None = None

    @property
    def gap(self) -> float:
        """(objective - lower) / objective, 0 for a perfect fit."""
        return float(relative_gap(self.objective, self.lower))


def huber_regression(
    A: Any,
    b: Any,
    *,
    threshold: float,
    weights: Any = None,
    ridge: float = 0.0,
    intercept: bool = False,
    tol: float = 1e-8,
    x0: Any = None,
    max_iter: int = 200,
    polish: bool = True,
    eps: float = 0.1,
    size: int | None = None,
    method: str = "levels",
    rng: RNGLike = None,
) -> HuberFit:
    """Fit b by A x so that few gross errors do little harm, with a certificate.

    Parameters
    ----------
    A : anything `rnla.as_tall` takes, shape (n, d)
        Real and finite, any home of rows, any rank. Not modified.
    b : array_like, Dask or CuPy array, shape (n,)
        Responses.
    threshold : float
        Size of a residual, in units of b, from which it counts linearly. 1.345 times the standard
        deviation of good observations keeps 95 % of the efficiency of least squares.
    weights : array_like, Dask or CuPy array, shape (n,), optional
        Non-negative, what each row's loss counts for: those of a coreset, say.
    ridge : float, default 0
        Adds ridge |x|^2 / 2. The intercept is not penalised.
    intercept : bool, default False
    tol : float, default 1e-8
        Relative duality gap to reach.
    x0 : array_like, shape (d,) or (d + 1,), optional
        Start of the iteration, with the intercept as last entry if there is one; by default least
        squares.
    max_iter : int, default 200
        Most passes of Newton's method from each start.
    polish : bool, default True
        Iterate on all rows. False stops at the optimum of a coreset, whose objective and lower
        bound are still evaluated on all rows.
    eps : float, default 0.1
        Relative gap that a fit with ``polish=False`` aims at.
    size : int, optional
        Rows of its coreset.
    method : {"levels", "uniform"}
        How its rows are scored; see `rnla.regression.m_estimator_coreset`.
    rng : None, int, numpy Generator or SeedSequence
        For the coreset.

    Returns
    -------
    HuberFit

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For NaN or infinite entries, wrong lengths, weights that are negative or all zero, and
        options out of range.

    Notes
    -----
    As the threshold grows this is least squares; as it falls, objective / threshold is that of
    least absolute deviations, for which `lp_regression` is faster. Where Newton's method from least
    squares does not end within 40 passes, as with residuals far above the threshold, it starts
    again from those deviations, which also bound the minimum to within sum_i w_i t^2 / 2. Memory
    beyond A: seven numbers a row.

    Runs on a GPU: with CuPy ``A``, ``b`` and ``weights``, ``x`` is a CuPy array. ``polish=False``
    needs rows in host memory, and a start from least absolute deviations is replaced by thresholds
    that fall step by step.

    References
    ----------
    Huber, *Robust estimation of a location parameter*, Annals of Mathematical Statistics 35, 1964.

    Examples
    --------
    >>> import numpy as np, rnla
    >>> rng = np.random.default_rng(0)
    >>> A = rng.standard_normal((10_000, 2))
    >>> b = A @ [1.0, -2.0] + rng.standard_normal(10_000)
    >>> b[:500] += 1000.0
    >>> fit = rnla.huber_regression(A, b, threshold=1.345)
    >>> fit.x.round(1), fit.gap < 1e-8
    (array([ 1., -2.]), True)
    """
    threshold = check_positive(threshold, "threshold")
    tol, eps = check_fraction(tol, "tol"), check_fraction(eps, "eps")
    ridge = check_positive(ridge, "ridge", allow_zero=True)
    max_iter = check_size(max_iter, name="max_iter")
    given = as_tall(A, require_tall=False)
    before = given.passes
    wanted = None if size is None else check_size(size, given.shape[0])
    if given.is_on_device and not polish:
        raise stays_on_device("A", "rows on a GPU", "a coreset, with polish=False")
    target = check_column(b, "b", given.shape[0], device=given.is_on_device)
    data = prepare(given, target, weights=weights, intercept=intercept, device=True)
    start = None if x0 is None else check_start(x0, data.A.shape[1])
    response, centre = centred(data)
    if start is not None:
        start = np.append(start[:-1], start[-1] - centre) / threshold
    scaled = rows.each(partial(_over, threshold), response)
    if not (1.0 / _LARGE < threshold < _LARGE and rows.largest(abs(scaled)) < _LARGE):
        expected = f"a number within {1 / _LARGE:g} and {_LARGE:g}, not that far below b"
        remedy = "Rescale b, or use lp_regression with p=1 for |r| and lstsq for r^2."
        raise argument_error("threshold", repr(threshold), expected, remedy)
    problem = _Problem(data.A, scaled, data.weights, penalty(data.A, ridge, intercept))
    if polish:
        found = problem.minimise(start, tol, min(max_iter, _FIRST_TRY))
        perfect = found.status is not Status.OK and problem.is_perfect(found.x, found.objective)
        if found.status is not Status.OK and not perfect:
            found = problem.from_absolute(found, tol, max_iter)
            perfect = found.status is not Status.OK and problem.is_perfect(found.x, found.objective)
        fit = _record(found, found.objective, max(found.lower, 0.0), "newton", found.status)
        if perfect:
            fit = replace(fit, lower=fit.objective, status=Status.OK)
    else:
        seed = resolve_seed(rng)
        coreset = m_estimator_coreset(
            data.A, scaled, weights=data.weights, eps=eps, size=wanted, method=method, rng=seed
        )
        fit = problem.on_coreset(coreset, start, eps, tol, max_iter)
    with np.errstate(over="ignore", under="ignore"):
        unit = float(np.float64(threshold) ** 2)
    return replace(
        fit,
        x=beside(target, (fit.x[:-1] if intercept else fit.x) * threshold),
        intercept=float(fit.x[-1] * threshold + centre[0]) if intercept else 0.0,
        objective=fit.objective * unit,
        lower=fit.lower * unit,
        threshold=threshold,
        ridge=ridge,
        passes=given.passes - before,
    )


@dataclass(frozen=True, eq=False)
class _Problem:
    """The data in units of the threshold."""

    A: TallMatrix
    b: Any
    weights: Any
    ridge: FloatArray

    def minimise(
        self, start: FloatArray | None, tol: float, max_iter: int, *, threshold: float = 1.0
    ) -> newton.Minimum:
        with np.errstate(over="ignore"):  # of bounds beside a penalty that is next to nothing
            return newton.minimise(
                self.A,
                self.b,
                Huber(threshold),
                weights=self.weights,
                start=start,
                ridge=threshold * self.ridge if np.any(self.ridge) else 0.0,
                tol=tol,
                max_iter=max_iter,
            )

    def from_absolute(self, found: newton.Minimum, tol: float, max_iter: int) -> newton.Minimum:
        """Start again where the sum of |r| is least: |r| - 1/2 <= loss <= |r|.

        For residuals far above the threshold, least squares is too far from the minimum: on their
        linear part the losses have no curvature that shows the way.
        """
        if self.A.is_on_device:  # where least absolute deviations do not run
            return better_of(found, self.continued(tol, max_iter), tol)
        absolute = least_absolute(Input(self.A, self.b, self.weights, False), tol=tol)
        n = float(self.A.shape[0])
        total = n if self.weights is None else rows.total(self.weights)
        again = self.minimise(absolute.x, tol, max_iter)
        again = replace(again, lower=max(again.lower, absolute.lower - 0.5 * total))
        best = better_of(found, again, tol)
        if best.status is not Status.OK and np.any(self.ridge):
            free = replace(self, ridge=np.zeros_like(self.ridge)).minimise(best.x, tol, max_iter)
            best = better_of(best, penalised(free, self.ridge), tol)
        if best.status is not Status.OK:
            best = better_of(best, self.continued(tol, max_iter), tol)
        return best

    def continued(self, tol: float, max_iter: int) -> newton.Minimum:
        """By minima for thresholds that fall from the largest response: slow, and hard to upset."""
        largest = max(rows.largest(abs(self.b)), 1.0)
        count = min(math.ceil(math.log10(largest)) + 1, _STAGES)
        x, iterations = None, 0
        for threshold in np.geomspace(largest, 1.0, count)[:-1]:
            stage = self.minimise(x, 1e-2, _FIRST_TRY, threshold=float(threshold))
            x, iterations = stage.x, iterations + stage.iterations
        last = self.minimise(x, tol, max_iter)
        return replace(last, iterations=iterations + last.iterations)

    def on_coreset(
        self,
        coreset: MEstimatorCoreset,
        start: FloatArray | None,
        eps: float,
        tol: float,
        max_iter: int,
    ) -> HuberFit:
        w = coreset.weights
        if self.weights is not None:
            w = w * rows.host(self.weights[coreset.indices])
        small = _Problem(
            as_tall(coreset.take(self.A), require_tall=False),
            rows.host(self.b[coreset.indices]),
            w,
            self.ridge,
        )
        found = small.minimise(start, min(tol, 0.01 * eps), max_iter)
        objective = self.value(found.x)
        # A bound on the minimum over all rows needs a few steps there, whose points are not kept.
        bound = self.minimise(found.x, 0.02 * eps, _BOUND_STEPS)
        lower = min(max(bound.lower, 0.0), objective)
        if objective - lower > eps * objective and self.is_perfect(found.x, objective):
            lower = objective
        status = Status.OK if objective - lower <= eps * objective else Status.EPS_NOT_MET
        fit = _record(found, objective, lower, "coreset", status)
        return replace(fit, coreset=coreset, seed=coreset.seed, rank=bound.rank)

    def is_perfect(self, x: FloatArray, objective: float) -> bool:
        """Whether the loss is no more than that of residuals that are rounding: one pass."""
        w = rows.like(self.b, 1.0) if self.weights is None else self.weights
        size = float(self.A.fold(partial(_add_size, x), (1,), rows=(self.b, w))[0])
        return not np.any(self.ridge) and objective <= size

    def value(self, x: FloatArray) -> float:
        w = rows.like(self.b, 1.0) if self.weights is None else self.weights
        loss = float(self.A.fold(partial(_add_loss, x), (1,), rows=(self.b, w))[0])
        return loss + (0.5 * float(self.ridge @ x**2) if np.any(self.ridge) else 0.0)


def _record(
    found: newton.Minimum, objective: float, lower: float, method: str, status: Status
) -> HuberFit:
    return HuberFit(
        x=found.x,
        intercept=0.0,
        objective=objective,
        lower=lower,
        threshold=1.0,
        ridge=0.0,
        iterations=found.iterations,
        method=method,
        status=status,
        rank=found.rank,
        passes=0,
    )


def _over(threshold: float, b: FloatArray) -> FloatArray:
    with np.errstate(over="ignore"):
        return b / threshold


def _add_loss(
    x: FloatArray, block: Any, start: int, out: FloatArray, b: FloatArray, w: FloatArray
) -> None:
    out[0] += w @ Huber(1.0).value(b - block @ beside(block, x))


def _add_size(
    x: FloatArray, block: Any, start: int, out: FloatArray, b: FloatArray, w: FloatArray
) -> None:
    terms = np.abs(b) + abs(block) @ beside(block, np.abs(x))
    out[0] += w @ Huber(1.0).value(_ROUNDING * terms)
