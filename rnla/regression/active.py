"""Active lp regression: labels are asked for only on rows chosen from A alone (SPEC A14).

Rows are drawn by the Lewis weights of A, their labels are read, and the reweighted problem is
solved (Chen, Derezinski, COLT 2021, for p = 1; Musco, Musco, Woodruff, Yasuda, FOCS 2022, for the
rest). For a small failure probability, independent constant-factor fits vote for a centre x_c
without labels, by their distances ||A (x_i - x_j)||_p; then log(1/delta) samples are sorted by
their estimate of ||A x_c - b||_p^p, the upper half is dropped, and the rest is solved as one
problem. All samples are drawn first, so labels are asked for once. Cost: Lewis weights, one more
pass if delta is small, and two small solves per copy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import argument_error, check_fraction, check_p, check_size
from .._result import FloatArray, IntArray, Status
from ..bounds import active_above_two, active_below_two, active_one
from ..random import RNGLike, resolve_seed
from ..sampling import RowSample, sample_rows
from ..tall import as_tall
from ..tall import rows as row_vectors
from ._input import check_weights
from ._record import LpFit
from .coresets.copies import central, copy_seeds, distances, pool
from .coresets.few_labels import METHODS, Labelled, ask, check_query, score_rows

__all__ = ["ActiveFit", "active_lp_regression"]

Query = Callable[[IntArray], npt.ArrayLike]

# One sample fails with at most this probability at the default size: measured, not proved.
_SINGLE_FAILURE = 0.05
_CENTRE_EPS = 0.5


@dataclass(frozen=True, eq=False)
class ActiveFit:
    """A fit from few labels.

    Attributes
    ----------
    x : ndarray, shape (d,)
        Coefficients.
    intercept : float
        Zero if none was asked for.
    fit : LpFit
        The solution of the reweighted problem. Its objective is the value on the sample, which does
        not estimate the value on all rows: that takes labels drawn independently of the fit.
    p, eps, delta : float
        The norm, and what was asked for.
    rows : ndarray of int
        Rows whose labels were read, increasing.
    labels : ndarray
        What `query` returned for them.
    calls : int
        How often `query` was called.
    sample : RowSample
        The rows the fit rests on, with their weights (samples pooled if there were several).
    size : int
        Expected number of rows of one sample.
    copies : int
        Number of samples: 1, or ceil(log2(1/delta)) for delta below 0.05.
    method : str
        How rows were scored.
    bound : str
        The theorem behind the size.
    theory : float or None
        Labels by that theorem with its unspecified constants set to 1.
    rank : int
        Numerical rank of A.
    passes : int
        Passes over A.
    status : Status
        EXACT if every label that matters was read; otherwise that of the fit or of the rank.
    seed : int
        Passing it as ``rng=`` repeats the result.
    """

    x: FloatArray
    intercept: float
    fit: LpFit
    p: float
    eps: float
    delta: float
    rows: IntArray
    labels: FloatArray
    calls: int
    sample: RowSample
    size: int
    copies: int
    method: str
    bound: str
    theory: float | None
    rank: int
    passes: int
    status: Status
    seed: int

    @property
    def labels_read(self) -> int:
        """Number of labels that were asked for."""
        return int(self.rows.size)


def active_lp_regression(
    A: Any,
    query: Query,
    p: float = 1.0,
    *,
    eps: float = 0.1,
    delta: float = _SINGLE_FAILURE,
    size: int | None = None,
    method: str = "lewis",
    weights: npt.ArrayLike | None = None,
    intercept: bool = False,
    rng: RNGLike = None,
) -> ActiveFit:
    """Fit hidden labels b by A x so that ||Ax - b||_p^p <= (1 + eps) min, reading few labels.

    Parameters
    ----------
    A : anything `rnla.as_tall` takes, shape (n, d)
        Real, n >= d. Not modified.
    query : callable
        ``query(rows)`` returns the labels of these rows (an increasing int64 array), one number
        per row. Called once. What it raises reaches the caller, with a note.
    p : float, default 1
        The norm, 1 <= p <= 20.
    eps : float, default 0.1
        Relative error of the p-th power, strictly between 0 and 1.
    delta : float, default 0.05
        Failure probability, strictly between 0 and 1. Below 0.05 several samples are combined.
    size : int, optional
        Expected number of rows of one sample, 1 to n. By default 4 r ln(r) times 1/eps^2 for p = 1,
        1/eps for 1 < p <= 2 and r^(p/2-1) / eps^(p-1) above, r being the rank.
    method : {"lewis", "leverage", "uniform"}
        How rows are scored. Only Lewis weights have the guarantee, for every p.
    weights : array_like, shape (n,), optional
        Non-negative: the loss is sum_i w_i |a_i x - b_i|^p.
    intercept : bool, default False
        Fit a constant besides.
    rng : None, int, numpy Generator or SeedSequence
        The same seed asks for the same labels.

    Returns
    -------
    ActiveFit

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For NaN or infinite entries in A or in the labels, labels of a wrong shape, a query that is
        not callable, and options out of range.

    Notes
    -----
    The exponents of the sizes are tight (Theorem 12.1.3 of the reference); the constant 4 was
    measured for p = 1. Several samples together read up to ceil(log2(1/delta)) times (size + its
    value at eps = 1/2) labels; rows in several samples are read once.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    References
    ----------
    Chen and Derezinski, *Query complexity of least absolute deviation regression via robust uniform
    convergence*, COLT 2021. Yasuda, PhD thesis, CMU-CS-24-110, 2024, chapter 12.

    Examples
    --------
    >>> import numpy as np, rnla
    >>> rng = np.random.default_rng(0)
    >>> A = rng.standard_normal((20_000, 4))
    >>> b = A @ [1.0, 2.0, 3.0, 4.0] + rng.standard_normal(20_000)
    >>> b[rng.random(20_000) < 0.1] += 1e6
    >>> result = rnla.active_lp_regression(A, lambda rows: b[rows], eps=0.25, rng=0)
    >>> result.labels_read < 500, result.x.round(0)
    (True, array([1., 2., 3., 4.]))
    """
    p = check_p(p)
    eps, delta = check_fraction(eps, "eps"), check_fraction(delta, "delta")
    if method not in METHODS:
        expected = "one of " + ", ".join(repr(name) for name in METHODS)
        raise argument_error("method", repr(method), expected, "Use 'lewis'.")
    check_query(query)
    tall = as_tall(A)
    before, n = tall.passes, tall.shape[0]
    wanted = None if size is None else check_size(size, n)
    w = None if weights is None else row_vectors.host(check_weights(weights, n))
    seed = resolve_seed(rng)
    tall.scan()
    if intercept:
        tall = tall.with_columns(ones=True)
    weighted = tall if w is None else tall.scaled_rows(w ** (1.0 / p))
    scores, rank, status = score_rows(weighted, p, method, seed)
    each = min(n, _size(rank, p, eps)) if wanted is None else wanted
    everything = each >= np.count_nonzero(scores)
    copies = 1 if everything or delta >= _SINGLE_FAILURE else math.ceil(math.log2(1.0 / delta))

    seeds = copy_seeds(seed, 2 * copies)
    mains = [sample_rows(scores, each, p=p, rng=own) for own in seeds[:copies]]
    rough = min(each, _size(rank, p, _CENTRE_EPS))
    roughs = (
        [] if copies == 1 else [sample_rows(scores, rough, p=p, rng=own) for own in seeds[copies:]]
    )
    rows = np.unique(np.concatenate([sample.indices for sample in mains + roughs]))
    labels = ask(query, rows)
    problem = Labelled(tall, p, rows, labels, w)

    kept = mains
    if copies > 1:
        fits = np.column_stack([problem.fit(sample).x for sample in roughs])
        centre = fits[:, central(distances(weighted, fits, p))]
        values = [problem.value(sample, centre) for sample in mains]
        kept = [mains[k] for k in np.argsort(values, kind="stable")[: (copies + 1) // 2]]
    pooled = pool(kept, seed)
    fit = problem.fit(pooled)
    if fit.status is not Status.OK:
        status = fit.status
    elif everything:
        status = Status.EXACT
    bound, theory = _bound(p, rank, eps, delta, method)
    if intercept:
        fit = replace(fit, x=fit.x[:-1], intercept=float(fit.x[-1]))
    return ActiveFit(
        x=fit.x,
        intercept=fit.intercept,
        fit=fit,
        p=p,
        eps=eps,
        delta=delta,
        rows=rows,
        labels=labels,
        calls=1,
        sample=pooled,
        size=each,
        copies=copies,
        method=method,
        bound=bound,
        theory=theory,
        rank=rank,
        passes=tall.passes - before,
        status=status,
        seed=seed,
    )


def _size(rank: int, p: float, eps: float) -> int:
    """Default rows of one sample: the tight exponents, a logarithm, and the constant 4."""
    r = max(rank, 1)
    rate = 1.0 / eps**2
    if p > 1.0:
        rate = math.pow(r, max(0.0, p / 2 - 1)) / math.pow(eps, max(1.0, p - 1))
    return math.ceil(4 * r * max(1.0, math.log(r)) * rate)


def _bound(p: float, rank: int, eps: float, delta: float, method: str) -> tuple[str, float | None]:
    if method != "lewis":
        return f"none: for some matrices {method} sampling needs nearly every label.", None
    d = max(rank, 1)
    if p == 1.0:
        text = "row 22, d log(d/(eps delta)) / eps^2 labels (Chen and Derezinski 2021)."
        return text, active_one(p, d, eps, delta=delta)
    if p <= 2.0:
        theory = d / eps if p == 2.0 else active_below_two(p, d, eps)
        return "row 21, d / eps labels up to logs (Yasuda 2024, Theorem 12.1.3).", theory
    text = "row 21, d^(p/2) / eps^(p-1) labels up to logs (Yasuda 2024, Theorem 12.1.3)."
    return text, active_above_two(p, d, eps)
