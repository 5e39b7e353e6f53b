"""`lp_regression`: the best fit in the l_p norm to a proved relative gap, for 1 <= p <= inf.

p = 1 is solved by an interior point and vertices, p = inf by the exchange of rows, everything in
between by Newton's method in passes. This file checks, decides, and puts the answer together.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from .._errors import argument_error, check_fraction, check_p, check_size
from .._result import FloatArray, Status
from ..basis import Basis, orthonormal_basis
from ..random import RNGLike, resolve_seed
from ..sampling import sample_rows
from ..tall import as_tall, rows
from ..tall._device import chunks_stay, stays_on_device, to_host
from ._input import Problem, check_bounds, prepare
from ._record import LpFit
from .coresets.lp_coreset import coreset_fit
from .polyhedral.least_absolute import least_absolute
from .polyhedral.minimax import minimax
from .smooth.losses import Power
from .smooth.newton import Minimum, minimise

__all__ = ["lp_regression"]

_METHODS = ("auto", "least_absolute", "newton", "minimax")
# A start from a sample saves passes where least squares is far from the answer.
_FAR = 4.0
_SAMPLE_ROWS = 200  # per column
_SAMPLE_LEAST = 20_000
_PAYS = 10  # times the rows of the sample


def lp_regression(
    A: Any,
    b: Any,
    p: float,
    *,
    weights: Any = None,
    intercept: bool = False,
    bounds: tuple[npt.ArrayLike, npt.ArrayLike] = (-np.inf, np.inf),
    tol: float = 1e-8,
    method: str = "auto",
    polish: bool = True,
    eps: float = 0.1,
    x0: npt.ArrayLike | None = None,
    max_iter: int | None = None,
    rng: RNGLike = None,
) -> LpFit:
    """Minimise sum_i w_i |b_i - a_i x|^p, for p = inf the largest |b_i - a_i x|.

    Parameters
    ----------
    A : array_like, sparse matrix, Dask array, file or TallMatrix, shape (n, d)
        Real and finite; any n, any rank. Not modified.
    b : array_like, Dask or CuPy array, shape (n,) or (n, k)
        One response, or k that are fitted one by one.
    p : float
        The norm, 1 <= p <= inf. Measured up to p = 50; larger ones may stop above `tol`.
    weights : array_like, Dask or CuPy array, shape (n,), optional
        Finite and non-negative: how often each row counts. For p = inf rows of weight zero are left
        out and the others count alike.
    intercept : bool
        Add a column of ones.
    bounds : pair of floats or of arrays of shape (d,)
        Lower and upper bounds of x; ``(0, inf)`` for nonnegative coefficients. The intercept has
        none.
    tol : float
        Largest relative duality gap (objective - lower) / objective.
    method : {"auto", "least_absolute", "newton", "minimax"}
        See Notes.
    polish : bool
        False stops at the fit on a coreset, with its (1 + eps) statement: see `CoresetFit`.
    eps : float
        Distortion of that coreset.
    x0 : array_like, shape (d,), (d, k), or with one more row for the intercept, optional
        Start.
    max_iter : int, optional
        Passes of Newton's method (default 200), rounds of the exchange (100), iterations of the
        interior point (100).
    rng : None, int, numpy Generator or SeedSequence
        For samples of rows. They only provide starts, unless `polish` is False.

    Returns
    -------
    LpFit
        With the gap as a certificate: `lower` is a value of the dual problem on all rows.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For NaN or infinite entries, b of a wrong length, p below 1, negative weights or zeros only,
        and options out of range.

    Notes
    -----
    Decision table of ``method="auto"``:

    ===============  ==============  ==============================================================
    p                method          cost
    ===============  ==============  ==============================================================
    1                least_absolute  interior point; many rows: on the few that decide
    1 < p < inf      newton          1 basis, then one pass per iteration at 1.5 to 2 weighted Gram
                                     matrices each: 3 for p = 2, 4 to 15 for p up to 3, 10 to 50
                                     above. For p > 4 and at least 10 times as many rows as a
                                     sample of max(20000, 200 d), the start is the fit on it, which
                                     leaves about 5 for p = 8
    inf              minimax         5 to 20 matrix-vector passes and small linear programs
    ===============  ==============  ==============================================================

    Memory beyond A: three row vectors for newton, one for minimax. Without bounds, columns that
    depend on others get the coefficient zero.

    A fit whose residuals are all within rounding of their terms is perfect: the status is OK and
    the gap 0. Where residuals are partly rounding, so that the objective itself is not known to
    `tol`, the status is ROUNDING_LIMITED. See `LpFit` for both. Rows of A twelve orders apart
    together with bounds are the known case that may end as NOT_CONVERGED.

    Runs on a GPU for 1 < p < inf: with CuPy ``A``, ``b`` and ``weights``, ``x`` is a CuPy array. p
    = 1, p = inf and ``polish=False`` need rows in host memory.

    References
    ----------
    Adil, Peng, Sachdeva, *Fast, provably convergent IRLS algorithm for p-norm linear regression*,
    NeurIPS 2019, for the family of methods; the step used here is that of Newton's method for the
    square of the norm.

    Examples
    --------
    >>> import numpy as np, rnla
    >>> rng = np.random.default_rng(0)
    >>> A = rng.standard_normal((5000, 3))
    >>> b = A @ [1.0, 2.0, 3.0] + rng.standard_t(2, 5000)
    >>> fit = rnla.lp_regression(A, b, 1.5)
    >>> fit.x.round(1), fit.gap < 1e-8, fit.method
    (array([1., 2., 3.]), True, 'newton')
    >>> rnla.lp_regression(np.ones((4, 1)), [0.0, 1.0, 2.0, 10.0], np.inf).x
    array([5.])
    """
    p = check_p(p, allow_infinite=True)
    tol = check_fraction(tol, "tol")
    name = _method(method, p)
    limit = None if max_iter is None else check_size(max_iter, name="max_iter")
    tall = as_tall(A, require_tall=False)
    if tall.is_on_device and (name != "newton" or not polish):
        what = "a coreset, with polish=False" if not polish else f"p = {p:g}"
        raise stays_on_device("A", "rows on a GPU", what)
    if rows.in_parts_on_device(b):
        raise chunks_stay("A", f"p = {p:g}")
    problem = prepare(tall, b, weights=weights, intercept=intercept, device=True)
    lower, upper = _box(bounds, problem)
    before = problem.A.passes
    if not polish:
        if math.isinf(p):
            remedy = "Leave polish at True: p = inf reads few rows anyway."
            raise argument_error("polish", "False with p = inf", "p < inf", remedy)
        seed = resolve_seed(rng)
        return coreset_fit(problem, p, eps=eps, lower=lower, upper=upper, seed=seed)
    start = _starts(x0, problem)
    if name == "least_absolute":
        seed = resolve_seed(rng)
        whole = least_absolute(
            problem,
            lower=lower,
            upper=upper,
            tol=tol,
            x0=start,
            max_iter=limit or 100,
            seed=seed,
        )
        x, level = problem.split(whole.x)
        fit = replace(whole, x=x, intercept=level)
    else:
        fit = _columns(problem, p, name, lower, upper, tol, start, limit, rng)
    return replace(fit, passes=problem.A.passes - before)


def _method(method: str, p: float) -> str:
    right = "least_absolute" if p == 1.0 else "minimax" if math.isinf(p) else "newton"
    if method not in ("auto", right):
        expected = f"'auto' or {right!r} for p = {p:g}"
        if method not in _METHODS:
            expected = f"one of {', '.join(map(repr, _METHODS))}"
        raise argument_error("method", repr(method), expected, "Pass method='auto'.")
    return right


def _box(
    bounds: tuple[npt.ArrayLike, npt.ArrayLike], problem: Problem
) -> tuple[FloatArray | None, FloatArray | None]:
    """Bounds of all columns, the intercept without; None if there are none."""
    d = problem.A.shape[1] - problem.intercept
    lower, upper = check_bounds(bounds, d)
    if np.isinf(lower).all() and np.isinf(upper).all():
        return None, None
    free = [np.inf] * problem.intercept
    return np.append(lower, [-v for v in free]), np.append(upper, free)


def _starts(x0: npt.ArrayLike | None, problem: Problem) -> FloatArray | None:
    """Starts as columns, with zero for an intercept that is not given."""
    if x0 is None:
        return None
    d = problem.A.shape[1]
    k = 1 if problem.single else problem.b.shape[1]
    start = np.asarray(to_host(x0), dtype=np.float64)
    tail = () if problem.single else (k,)
    shapes = [(d, *tail), (d - 1, *tail)] if problem.intercept else [(d, *tail)]
    if start.shape not in shapes or not np.all(np.isfinite(start)):
        got = f"shape {start.shape}" if start.shape not in shapes else "NaN or infinity"
        expected = " or ".join(f"finite numbers of shape {shape}" for shape in shapes)
        raise argument_error("x0", got, expected, "Leave x0 out to start from least squares.")
    columns = np.zeros((d, k))
    columns[: len(start)] = start.reshape(len(start), k)
    return columns


def _columns(
    problem: Problem,
    p: float,
    name: str,
    lower: FloatArray | None,
    upper: FloatArray | None,
    tol: float,
    start: FloatArray | None,
    limit: int | None,
    rng: RNGLike,
) -> LpFit:
    """p > 1, response by response."""
    single = problem.single
    responses = [problem.b] if single else [problem.b[:, j] for j in range(problem.b.shape[1])]
    A, w = problem.A, problem.weights
    basis: Basis | None = None
    sampled = name == "newton" and start is None and _sample_pays(problem, p)
    seed = resolve_seed(rng) if sampled else None
    found: list[Minimum] = []
    for j, b in enumerate(responses):
        own = None if start is None else start[:, j]
        if name == "minimax":
            best = minimax(
                A, b, weights=w, start=own, lower=lower, upper=upper, tol=tol, max_iter=limit or 100
            )
        else:
            if seed is not None:
                own = _sample_start(problem, b, p, lower, upper, seed)
            best = minimise(
                A,
                b,
                Power(p),
                weights=w,
                start=own,
                lower=lower,
                upper=upper,
                tol=tol,
                max_iter=limit or 200,
                basis=basis,
            )
            basis = best.basis
        found.append(best)
    # Of many responses the worst, in this order.
    order = [Status.NOT_CONVERGED, Status.ROUNDING_LIMITED, Status.OK]
    return _fit(
        problem,
        np.column_stack([one.x for one in found]),
        np.array([one.objective for one in found]),
        np.array([max(one.lower, 0.0) for one in found]),
        p=p,
        iterations=sum(one.iterations for one in found),
        method=name,
        status=min((one.status for one in found), key=order.index),
        rank=found[0].rank,
        proved=float(found[0].gap) if single else np.array([one.gap for one in found]),
        seed=seed,
        reason=_reason(problem, p, sampled),
    )


def _fit(
    problem: Problem, X: FloatArray, value: FloatArray, lower: FloatArray, **rest: Any
) -> LpFit:
    x, intercept = problem.split(X)
    x = rows.beside(problem.b, x)
    if not problem.single:
        intercept = rows.beside(problem.b, intercept)
        return LpFit(x, value, lower, intercept=intercept, **rest)
    level = float(np.ravel(intercept)[0])
    return LpFit(x[:, 0], float(value[0]), float(lower[0]), intercept=level, **rest)


def _sample_size(d: int) -> int:
    return max(_SAMPLE_LEAST, _SAMPLE_ROWS * d)


def _sample_pays(problem: Problem, p: float) -> bool:
    n, d = problem.A.shape
    return p > _FAR and n >= _PAYS * _sample_size(d)


def _sample_start(
    problem: Problem,
    b: Any,
    p: float,
    lower: FloatArray | None,
    upper: FloatArray | None,
    seed: int,
) -> FloatArray:
    """The fit on a sample by the leverage scores of [A b]: two passes."""
    bordered = problem.A.with_columns(b)
    w = problem.weights
    root = None if w is None else rows.each(np.sqrt, w)
    both = orthonormal_basis(bordered, row_scale=root)
    scores = both.leverage(bordered, root)
    if rows.is_distributed(scores):
        scores = rows.host(scores)
    sample = sample_rows(scores, _sample_size(bordered.shape[1]), p=p, rng=seed)
    taken = to_host(problem.A.take(sample.indices))
    small = sp.csr_array(taken) if sp.issparse(taken) else np.asarray(taken, dtype=np.float64)
    weights = sample.weights
    if w is not None:
        weights = weights * rows.at(w, sample.indices)
    fit = minimise(
        as_tall(small, require_tall=False),
        rows.at(b, sample.indices),
        Power(p),
        weights=weights,
        lower=lower,
        upper=upper,
        tol=1e-4,
    )
    return fit.x


def _reason(problem: Problem, p: float, sampled: bool) -> str:
    n = problem.A.shape[0]
    if math.isinf(p):
        return "p = inf: few rows decide, and passes find them."
    if p == 2.0:
        return "p = 2: one Newton step from an orthonormal basis."
    if sampled:
        return f"1 < p < inf with {n} rows: Newton on all rows from the fit on a sample of them."
    return f"1 < p < inf: Newton on all {n} rows from least squares."
