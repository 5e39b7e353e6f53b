"""`quantile_regression`: one or many quantiles, exact on all rows or on a coreset.

The check loss rho_q(r) = max(q r, (q - 1) r) is least where a fraction q of the residuals is
negative (Koenker and Bassett, Econometrica 1978). Exact fits come from `globbing` (a sample says
which rows matter), in memory from `frisch_newton`, several that must not cross from `non_crossing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import argument_error, check_fraction, check_positive, check_size
from .._result import FloatArray, Status
from ..random import RNGLike, resolve_seed
from ..sampling import RowSample
from ..tall._device import on_host
from ._input import Problem, check_bounds, prepare
from ._record import relative_gap
from .coresets.lp_coreset import coreset_fit
from .polyhedral.centre import centred
from .polyhedral.check_problem import CheckProblem, verdict
from .polyhedral.globbing import fit_columns, lay_bands
from .polyhedral.non_crossing import count_crossings, non_crossing_fit

__all__ = ["QuantileFit", "quantile_regression"]


@dataclass(frozen=True, eq=False)
class QuantileFit:
    """Quantile regressions with a lower bound on the least loss.

    Attributes
    ----------
    x : ndarray, shape (d,) or (d, k)
        Coefficients, a column per quantile; zero for columns of A that depend on others.
    intercept : float or ndarray, shape (k,)
        Zero if none was asked for.
    q : float or ndarray, shape (k,)
    objective : float or ndarray, shape (k,)
        The sum of w_i rho_q(b_i - a_i x) over all rows; with ``non_crossing=True`` the sum over
        the quantiles.
    lower : float or ndarray, shape (k,)
        Lower bound on the minimum, from a feasible point of the dual problem on all rows.
    crossings : int
        Rows where a larger quantile is fitted below a smaller one, by more than 1e-9 of the terms
        of the fitted values and 1e-13 of the largest, which is what rounding may do.
    iterations : int
        Interior point steps and edges followed.
    passes : int
        Passes over A.
    method : str
        "globbing", "frisch_newton" or "coreset".
    reason : str
        Why this method was chosen.
    status : Status
        OK; ROUNDING_LIMITED if a gap is above the tolerance, but no more than rounding of the
        residuals makes of the loss (see Notes of `quantile_regression`); NOT_CONVERGED if it is
        larger. Of the sample if not polished.
    rank : int or None
        Numerical rank of A, with the column of ones if there is an intercept.
    seed : int or None
        Passing it as ``rng=`` repeats the result; None if nothing was drawn.
    sample : RowSample or None
        The rows that the fit rests on, if it was not polished on all of them.
    estimate : float, ndarray or None
        Without polish, what the sample says of the minimum; see `CoresetFit`.
    """

    x: FloatArray
    intercept: Any
    q: Any
    objective: Any
    lower: Any
    crossings: int
    iterations: int
    passes: int
    method: str
    reason: str
    status: Status
    rank: int | None = None
    seed: int | None = None
    sample: RowSample | None = None
    estimate: Any = None

    @property
    def gap(self) -> Any:
        """(objective - lower) / objective, 0 for a perfect fit; an array for many quantiles."""
        return relative_gap(self.objective, self.lower)


def quantile_regression(
    A: Any,
    b: Any,
    q: float | Sequence[float] | npt.NDArray[Any],
    *,
    weights: Any = None,
    intercept: bool = False,
    bounds: tuple[npt.ArrayLike, npt.ArrayLike] = (-np.inf, np.inf),
    non_crossing: bool = False,
    tol: float = 1e-8,
    polish: bool = True,
    eps: float = 0.1,
    max_iter: int = 100,
    rng: RNGLike = None,
) -> QuantileFit:
    """Fit quantiles of b given the rows of A: minimise sum_i w_i rho_q(b_i - a_i x).

    Parameters
    ----------
    A : anything `rnla.as_tall` takes, shape (n, d)
        Real and finite, any n. Rank-deficient is allowed. Not modified.
    b : array_like or Dask array, shape (n,)
    q : float or sequence of k floats
        Strictly between 0 and 1. Several share sample, basis and passes.
    weights : array_like, shape (n,), optional
        Finite and non-negative: how often a row counts.
    intercept : bool
        Whether to fit a constant besides.
    bounds : pair of numbers or arrays of d numbers
        Lower and upper bounds of the coefficients, of all quantiles; never of the intercept.
        Nonnegative coefficients are ``(0, numpy.inf)``.
    non_crossing : bool
        Minimise the sum of the losses of all quantiles such that on no row of A a larger quantile
        is fitted below a smaller one.
    tol : float, default 1e-8
        Relative duality gap that counts as solved. Most fits are exact to rounding.
    polish : bool, default True
        If False, stop at the fit on a coreset: within (1 + eps)/(1 - eps) of the best if the
        sample distorts no loss by more than eps.
    eps : float, default 0.1
        Without polish, the distortion of the sample that is wanted.
    max_iter : int, default 100
        Steps of each interior point.
    rng : None, int, numpy Generator or SeedSequence
        Where a sample is drawn; the exact answer depends on it only where it is not unique.

    Returns
    -------
    QuantileFit

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For values that are not finite, lengths that differ, quantiles outside (0, 1), zero weights
        everywhere, or crossed bounds.

    Notes
    -----
    ==============================================  ===============  =============================
    when                                            method           cost
    ==============================================  ===============  =============================
    ``polish=False``                                coreset          an l1 embedding of [A b]
    n d up to 10^6, or n not much above             frisch_newton    about 20 n d^2 flops for each
    (n sqrt(d))^(2/3), or most rows near the fit                     quantile, all rows in memory
    otherwise                                       globbing         7 passes, and frisch_newton
                                                                     on O(n^(2/3)) rows each
    ==============================================  ===============  =============================

    The answer interpolates rank(A) rows (a vertex) unless rounding forbids it. Globbing needs row
    vectors of length n, 2 k + 1 of them, which stay where the rows are. Constraints of
    ``non_crossing`` are generated as they are violated, 2 passes a round.

    The loss at x can be known no better than to sum_i w_i 16 (d + 2) eps (|b_i| + |a_i| |x|), by
    the rounding of the residuals. A loss below that is a perfect fit: then ``lower`` is the loss,
    and the gap is 0. With an intercept, a number near b is subtracted first and added to the
    intercept in the end, so responses may be far from zero: ``objective`` is that of the
    intercept before it is rounded.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    References
    ----------
    Portnoy and Koenker, *The Gaussian hare and the Laplacian tortoise*, Statistical Science 1997.
    Bondell, Reich and Wang, *Noncrossing quantile regression curve estimation*, Biometrika 2010.

    Examples
    --------
    >>> import numpy as np, rnla
    >>> rng = np.random.default_rng(0)
    >>> t = rng.random((100_000, 1))
    >>> b = 1 + 2 * t[:, 0] + (1 + t[:, 0]) * rng.standard_exponential(100_000)
    >>> fit = rnla.quantile_regression(t, b, [0.1, 0.5, 0.9], intercept=True, rng=0)
    >>> fit.x.round(1), fit.crossings, bool(np.all(fit.gap < 1e-8))
    (array([[2.1, 2.7, 4.2]]), 0, True)
    """
    levels = _levels(q)
    check_positive(tol, "tol")
    max_iter = check_size(max_iter, name="max_iter")
    problem = prepare(A, b, weights=weights, intercept=intercept)
    if not problem.single:
        remedy = "Fit one response at a time; many quantiles of it are one call."
        raise argument_error("b", f"shape {problem.b.shape}", "one response, (n,)", remedy)
    d = problem.A.shape[1] - intercept
    lower, upper = check_bounds(bounds, d)
    seed, scalar = resolve_seed(rng), np.ndim(q) == 0
    response, centre = centred(problem)
    if not polish:
        check_fraction(eps, "eps")
        if non_crossing:
            remedy = "Constraints hold on all rows; leave polish on."
            raise argument_error("non_crossing", "True with polish=False", "False", remedy)
        near = replace(problem, b=response)
        sampled = _from_coreset(near, levels, scalar, lower, upper, eps, seed)
        return replace(sampled, intercept=sampled.intercept + centre[0])
    if intercept:
        lower, upper = np.append(lower, -np.inf), np.append(upper, np.inf)
    before = problem.A.passes
    order = np.argsort(levels, kind="stable")
    check = CheckProblem(
        problem.A,
        response,
        levels[order],
        problem.weights,
        lower,
        upper,
        tol=tol,
        max_iter=max_iter,
        seed=seed,
    )
    bands = lay_bands(check)
    found = fit_columns(check, bands)
    crossings = 0
    bound: Any = found.lower
    value: Any = found.value
    if len(levels) > 1:
        crossings = count_crossings(check, found.X)
    done = True
    known: Any = found.rounding
    if non_crossing:
        bound, value, known = float(bound.sum()), float(value.sum()), float(known.sum())
        if crossings:
            found, bound, done = non_crossing_fit(check, found, bands)
            value, known = float(found.value.sum()), float(found.rounding.sum())
            crossings = count_crossings(check, found.X)
    elif scalar:
        value, bound = float(value[0]), float(bound[0])
    else:
        back = np.argsort(order, kind="stable")
        value, bound, known = value[back], bound[back], known[back]
    X = found.X[:, np.argsort(order, kind="stable")]
    if intercept:
        X[-1] += centre[0]
    x, constant = problem.split(X[:, 0] if scalar else X)
    return QuantileFit(
        x=x,
        intercept=constant,
        q=float(levels[0]) if scalar else levels,
        objective=value,
        lower=bound,
        crossings=crossings,
        iterations=found.iterations,
        passes=problem.A.passes - before,
        method=found.method,
        reason=found.reason,
        status=verdict(value, bound, known, tol, done=done),
        rank=found.rank,
        seed=None if bands is None else seed,
    )


def _levels(q: Any) -> FloatArray:
    """Quantiles as an array, or raise."""
    array = on_host(q, "q", "quantiles")
    if array.ndim > 1 or array.size == 0 or array.dtype.kind not in "fiu":
        remedy = "Pass for example q=0.5 or q=[0.1, 0.5, 0.9]."
        raise argument_error("q", repr(q), "a number or a sequence of numbers", remedy)
    return np.array([check_fraction(level, "q") for level in array.ravel().tolist()])


def _from_coreset(
    problem: Problem,
    levels: FloatArray,
    scalar: bool,
    lower: FloatArray,
    upper: FloatArray,
    eps: float,
    seed: int,
) -> QuantileFit:
    fit = coreset_fit(
        problem,
        1.0,
        eps=eps,
        quantile=float(levels[0]) if scalar else levels.tolist(),
        lower=lower,
        upper=upper,
        seed=seed,
    )
    crossings = 0
    if len(levels) > 1:
        X = np.vstack([fit.x, fit.intercept]) if problem.intercept else fit.x
        crossings = count_crossings(CheckProblem(problem.A, problem.b, levels), X)
    return QuantileFit(
        x=fit.x,
        intercept=fit.intercept,
        q=float(levels[0]) if scalar else levels,
        objective=fit.objective,
        lower=fit.lower,
        crossings=crossings,
        iterations=fit.iterations,
        passes=fit.passes + (len(levels) > 1),
        method=fit.method,
        reason=fit.reason,
        status=fit.status,
        rank=fit.rank,
        seed=fit.seed,
        sample=fit.sample,
        estimate=fit.estimate,
    )
