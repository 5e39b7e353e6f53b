"""`lewis_weights`: the front door, and the table by which ``method="auto"`` decides."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np

from .._errors import argument_error, check_p, check_positive, check_size
from .._result import Status
from ..random import RNGLike
from ..tall import TallMatrix, as_tall, rows, within_range
from ..tall.long_runs import long_run
from ._lewis_error import estimate_error_bound
from ._lewis_record import LewisKind, LewisWeights
from ._reweighted import Iterate, ReweightedLeverage
from .lewis_damped import damped
from .lewis_fixed_point import fixed_point
from .lewis_infinity import infinity_design
from .lewis_one_sided import one_sided
from .lewis_potential import potential_descent

__all__ = ["lewis_weights"]

_LARGEST_P = 20.0
_METHODS = ("auto", "leverage", "damped", "fixed_point", "potential", "one_sided", "active_set")
_MAX_ITER = {"damped": 200, "fixed_point": 500, "potential": 2000, "one_sided": 5, "active_set": 50}
_GATHERED = ("active_set",)  # works on the rows of one design, with row vectors at the caller


def lewis_weights(
    A: Any,
    p: float,
    *,
    method: str = "auto",
    tol: float = 1e-8,
    max_iter: int | None = None,
    rank: int | None = None,
    rcond: float | None = None,
    progress: bool = False,
    checkpoint: str | os.PathLike[str] | None = None,
    rng: RNGLike = None,
) -> LewisWeights:
    """Lewis weights w_i = tau_i(W^(1/2-1/p) A): the row importances that fit the p-norm.

    They are the leverage scores of the rows after a reweighting by themselves. They sum to the rank
    and bound the lp sensitivities: sigma_i <= w_i for p <= 2, sigma_i <= rank^(p/2-1) w_i above.

    Parameters
    ----------
    A : array_like, sparse array, Dask or CuPy array, or TallMatrix, shape (n, d)
        Zero rows, duplicated rows, dependent columns and extreme scales are all allowed.
    p : float
        From 1 to 20, or infinity.
    method : str
        ``"auto"`` decides by this table:

        ============  ============================================================================
        p             method
        ============  ============================================================================
        2             ``"leverage"``: the leverage scores themselves
        1 to 20       ``"damped"``: accelerated damped iteration; for p > 2, if it has not
                      converged when `max_iter` is reached, ``"potential"`` continues from there
        infinity      ``"active_set"``: D-optimal design (John's ellipsoid)
        ============  ============================================================================

        Others: ``"fixed_point"``, the provable map for p < 4; ``"potential"``, the provable descent
        for p > 2; ``"one_sided"``, cheap weights that are certified large enough, for any p.
    tol : float
        Residual ``max |log tau_i - log w_i|`` to reach; for sampling 1e-3 is plenty. It is not
        pushed below rounding, about 2 eps times the condition of A: then `status` is
        ROUNDING_LIMITED. Not used by ``"one_sided"`` and ``"leverage"``.
    max_iter : int, optional
        Most evaluations of leverage scores. Default 200 (damped), 500 (fixed_point), 2000
        (potential), 50 rounds (active_set). For ``"one_sided"`` the number T of averaged iterates,
        default 5.
    rank, rcond
        Numerical rank of A, or the relative pivot size below which columns count as dependent;
        decided by default as in `leverage_scores`.
    progress : bool
        Show how many passes are done, of about how many, and the rows of passes that take long.
    checkpoint : path-like, optional
        Folder in which finished passes are kept until the result is returned, so that a call that
        was killed is resumed by the same call; see :doc:`/data`.
    rng : None, int, numpy.random.Generator or numpy.random.SeedSequence
        Seed of the sketch inside the basis computation; it moves results by rounding errors only.

    Returns
    -------
    LewisWeights
        With the measured residual, a proven error bound where one follows from it, and the Lewis
        basis. A tolerance that was not reached is told by `status` and `kind`, not by an exception.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If an argument cannot be used, or A has NaN or infinite entries.

    Notes
    -----
    About two passes per iteration, 5 n d^2 flops, and O(n + d^2) memory; A is never copied. To a
    residual of 1e-3 it takes about 6 iterations at p = 1, 5 at p = 3, 12 at p = 8; to 1e-10, 17, 14
    and 27. On Dask the weights stay on the workers, and d x d matrices travel; ``"active_set"``
    brings n-vectors to the caller.
    Sources: [1]_ for the map and its proof below p = 4, [2]_ for one-sided averaging, [3]_ for the
    potential; the damping and its acceleration are explained in ``lewis_damped.py``.

    Runs on a GPU: for a CuPy ``A`` the values are a CuPy array. ``method="active_set"`` (p = inf)
    and checkpoints need rows in host memory.

    References
    ----------
    .. [1] Cohen and Peng, "Lp row sampling by Lewis weights", STOC 2015, arXiv:1412.0588.
    .. [2] Lee, "Faster algorithms for convex and combinatorial optimization", PhD thesis,
       MIT, 2016, Theorem 5.3.4.
    .. [3] Gribling, Sidford and Zhang, computation of Lewis weights, COLT 2026.

    Examples
    --------
    >>> import numpy as np, rnla
    >>> A = np.vstack([np.eye(2), np.ones((2, 2))])
    >>> w = rnla.lewis_weights(A, 1, rng=0)
    >>> w.kind, w.rank
    ('estimate', 2)
    >>> bool(abs(w.total - w.rank) < 1e-6)
    True
    >>> np.asarray(rnla.lewis_weights(np.eye(3), np.inf, rng=0)).round(6)
    array([1., 1., 1.])
    """
    p = _check_p(p)
    tol = check_positive(tol, "tol")
    if max_iter is not None:
        max_iter = check_size(max_iter, name="max_iter")
    chosen = _choose(method, p)
    tall = as_tall(A)
    expected = 3.0 + 2.0 * _about(chosen, p, tol, max_iter)
    with long_run(
        tall,
        checkpoint=checkpoint,
        progress=progress,
        what="Lewis weights",
        passes=round(expected),
        rng=rng,
    ) as (tall, seed, _):
        return _computed(tall, p, chosen, tol, max_iter, rank, rcond, seed)


def _about(method: str, p: float, tol: float, max_iter: int | None) -> float:
    """About how many iterations there will be, for bars."""
    if method == "leverage":
        return 0.0
    if method == "one_sided":
        return float(_MAX_ITER[method] if max_iter is None else max_iter)
    if method == "active_set":
        return 10.0
    return (1.0 + max(p - 2.0, 0.0) / 4.0) * max(2.0, 2.0 - 1.5 * math.log10(min(tol, 1.0)))


def _computed(
    tall: TallMatrix,
    p: float,
    chosen: str,
    tol: float,
    max_iter: int | None,
    rank: int | None,
    rcond: float | None,
    seed: int,
) -> LewisWeights:
    tall = tall.gathered() if chosen in _GATHERED else tall.distributed()
    before = tall.passes
    tall, _ = within_range(tall)
    leverage = ReweightedLeverage(tall, rank=rank, rcond=rcond, seed=seed)
    if leverage.count == 0:
        return _nothing(tall, leverage, p, chosen, tall.passes - before)
    limit = _MAX_ITER.get(chosen, 1) if max_iter is None else max_iter
    if chosen == "leverage":
        found = Iterate(2.0 * leverage(leverage.constant(0.0)), 0.0, 1.0, 1, True)
    elif chosen == "damped":
        found = damped(leverage, p, tol=tol, max_iter=limit)
        if not found.converged and p > 2.0:
            # Local theory has failed: go on with the method that has a global proof.
            rest = _MAX_ITER["potential"]
            proven = potential_descent(leverage, p, tol=tol, max_iter=rest, start=found.log_w)
            if proven.residual < found.residual:
                chosen, found = "potential", proven
    elif chosen == "fixed_point":
        found = fixed_point(leverage, p, tol=tol, max_iter=limit)
    elif chosen == "potential":
        found = potential_descent(leverage, p, tol=tol, max_iter=limit)
    elif chosen == "one_sided":
        found = one_sided(leverage, p, steps=limit)
    else:
        found = infinity_design(leverage, tol=tol, max_iter=limit)
    return _record(tall, leverage, p, chosen, found, tol, tall.passes - before)


def _check_p(p: float) -> float:
    number = check_p(p, allow_infinite=True)
    if _LARGEST_P < number < np.inf:
        raise argument_error(
            "p",
            p,
            f"a number from 1 to {_LARGEST_P:g}, or infinity",
            "Weights of larger p leave the range of floating point; p=float('inf') is their limit.",
        )
    return number


def _choose(method: str, p: float) -> str:
    if method not in _METHODS:
        allowed = ", ".join(repr(name) for name in _METHODS)
        remedy = "Leave it at 'auto' if unsure."
        raise argument_error("method", repr(method), f"one of {allowed}", remedy)
    if method == "auto":
        if p == 2.0:
            return "leverage"
        return "active_set" if np.isinf(p) else "damped"
    domain = {
        "leverage": (p == 2.0, "p = 2"),
        "damped": (np.isfinite(p), "a finite p"),
        "fixed_point": (p < 4.0, "p below 4, where the map contracts"),
        "potential": (2.0 < p < np.inf, "a finite p above 2"),
        "active_set": (np.isinf(p), "p = infinity"),
    }
    fits, needed = domain.get(method, (True, ""))
    if not fits:
        remedy = "Use method='auto', which picks by p."
        raise argument_error("method", f"{method!r} with p={p:g}", f"{needed} for it", remedy)
    return method


def _record(
    tall: TallMatrix,
    leverage: ReweightedLeverage,
    p: float,
    method: str,
    found: Iterate,
    tol: float,
    passes: int,
) -> LewisWeights:
    weights = leverage.live(np.exp(found.log_w))
    total, (values,) = rows.settled_total(weights, weights.astype(tall.dtype, copy=False))
    status = leverage.plain.status
    if not found.converged:
        status = Status.NOT_CONVERGED
    elif method != "one_sided" and found.residual > tol:
        status = Status.ROUNDING_LIMITED
    kind: LewisKind = "one_sided"
    error = None
    if method not in ("one_sided", "active_set"):
        error = estimate_error_bound(p, found.residual, leverage.rank)
        kind = "two_sided" if error is None else "estimate"
    return LewisWeights(
        values=values,
        p=p,
        kind=kind,
        method=method,
        residual=found.residual,
        gamma=min(1.0, 1.0 / found.ratio),
        estimate_error=error,
        total=total,
        basis=leverage.basis.M,
        rank=leverage.rank,
        condition=leverage.plain.condition,
        gap=leverage.plain.gap,
        path=leverage.plain.path,
        iterations=found.iterations,
        passes=passes,
        seed=leverage.seed,
        status=status,
    )


def _nothing(
    tall: TallMatrix, leverage: ReweightedLeverage, p: float, method: str, passes: int
) -> LewisWeights:
    """The weights of a zero matrix."""
    found = Iterate(leverage.constant(0.0), 0.0, 1.0, 0, True)
    return _record(tall, leverage, p, method, found, 1.0, passes)
