"""`volume_sample`: sets of at least r rows, drawn in proportion to the determinant of their Gram
matrix, so that the least-squares fit on them is unbiased for the fit on all rows.

Two laws (Derezinski and Warmuth, JMLR 2018; Derezinski, Warmuth and Hsu, arXiv 1802.06749). Both
are a projection DPP of r rows and further rows drawn independently of it, by the Cauchy-Binet
formula, which is how they are drawn by default: a leverage pass, then O(r log r + size) rows.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._errors import argument_error, check_positive, check_size
from .._result import FloatArray, IntArray
from ..random import RNGLike, Stream, resolve_seed
from ..tall import rows, single_threaded_blas
from ._pools import by_pools, remove_rows
from ._record import DppSample
from ._reference import Reference, check_reference
from ._subset import uniform_subset
from .ground_set import GroundSet, prepared
from .projection_dpp import draw_sets

__all__ = ["volume_sample"]

METHODS = ("auto", "dpp", "reverse", "rejection")

_LAWS = {
    "christoffel": "leveraged volume sampling",
    "mixed": "volume sampling with the mixed reference",
    "plain": "volume sampling with the plain reference",
}
_PLAIN = "volume sampling without replacement"
_RIDGE = "regularised volume sampling without replacement"


def volume_sample(
    A: Any,
    size: int,
    *,
    replace: bool | None = None,
    reference: str = "christoffel",
    method: str = "auto",
    ridge: float = 0.0,
    draws: int | None = None,
    weights: Any = None,
    cap: int = 1000,
    rng: RNGLike = None,
) -> DppSample:
    """Draw `size` rows of A by volume, for unbiased least squares with few responses.

    Parameters
    ----------
    A : array_like, sparse, Dask or CuPy array, files, TallMatrix or GroundSet, shape (n, d)
        Features of the n points of the ground set, one row each. A `ground_set` has its leverage
        pass behind it.
    size : int
        Rows of a draw, at least the rank r of A.
    replace : bool, optional
        True, the default: rows come with replacement from the reference distribution, rescaled by
        the determinant; fits are weighted. False: sets without replacement, P(S) proportional to
        det(A_S^T A_S); fits have equal weights. See Notes.
    reference : {"christoffel", "mixed", "plain"}
        Distribution nu of the rows drawn with replacement, which also fixes their weights:
        leverage scores over r, which is known as leveraged volume sampling; the point masses;
        or half of each, which bounds the weights and is nearly as stable as the first.
    method : {"auto", "dpp", "reverse", "rejection"}
        "dpp", which "auto" takes, draws a projection DPP and adds independent rows. "reverse"
        removes rows one by one, without replacement, with all features in memory. "rejection"
        draws 2 r^2 rows or more by leverage, accepts them with the probability det G, and removes
        what is too many; with replacement and for the first reference only.
    ridge : float
        lambda > 0, with "reverse" only: rows leave one at a time, in proportion to
        det(A_S^T A_S + lambda I) of the set S that remains, until `size` >= 1 are left. Meant for
        ridge regression with that lambda; fits are not unbiased.
    draws : int, optional
        Number of independent draws. Without it one draw is made, and `indices` is a vector.
    weights : array_like, Dask or CuPy array, shape (n,), optional
        Mass mu_i of each point: the law is that of the rows sqrt(mu_i) a_i.
    cap : int
        Most attempts of "rejection" per draw; each succeeds with a probability of at least 3/4.
    rng : None, int, numpy.random.Generator or SeedSequence
        The same seed gives the same rows for every home of A, and draw k depends on the seed and
        k alone.

    Returns
    -------
    DppSample
        `indices` increasing, shape (size,) or (draws, size), with repeats unless `replace` is
        False; `weights` 1 / (size nu_i), n / size without replacement; `loss_factor`.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For unusable input, a size below the rank, or options that exclude each other.
    ConvergenceError
        If a cap is reached.

    See Also
    --------
    ground_set : keeps the leverage pass for many calls.
    projection_dpp : as many rows as the rank.

    Notes
    -----
    With x_S the weighted least-squares solution on the rows drawn and x the one on all rows,
    L = ||A x - b||^2, both laws have

    - E x_S = x for every b, and every size from r on: averages of fits converge to x;
    - E (loss_factor * weighted residual sum of squares of x_S) = L.

    By leverage, ||A x_S - b||^2 is at most (1 + r^2 / size) L on average; without replacement
    at most (1 + r (n - size) / (n - r)) L, which needs sizes comparable to n. Samples with
    replacement grow with `size` under one seed: a larger one contains the smaller one.

    Cost after the leverage pass: "dpp" as `projection_dpp`; "reverse" reads all rows and takes
    O(n r^2) flops; "rejection" about 4 max(size, 2 r^2) r^2 flops per attempt. On a GPU each draw
    is a block of the kernels and many run at once.

    Runs on a GPU: many draws from a CuPy ``A`` at once; the rows drawn are NumPy arrays.

    Examples
    --------
    >>> import numpy as np, rnla
    >>> rng = np.random.default_rng(0)
    >>> A, noise = rng.standard_normal((1000, 4)), rng.standard_normal(1000)
    >>> b = A @ np.ones(4) + noise
    >>> sample = rnla.dpp.volume_sample(A, 40, rng=0)
    >>> root = np.sqrt(sample.weights)
    >>> rows, responses = A[sample.indices] * root[:, None], b[sample.indices] * root
    >>> x, rss, *_ = np.linalg.lstsq(rows, responses)
    >>> estimate = sample.loss_factor * rss[0]
    >>> bool(0.5 < estimate / np.sum(noise**2) < 2.0)
    True
    """
    size = check_size(size)
    count = 1 if draws is None else check_size(draws, name="draws")
    cap = check_size(cap, name="cap")
    ridge = check_positive(ridge, "ridge", allow_zero=True)
    replace, method = _choose(replace, check_reference(reference), method, ridge, weights)
    seed = resolve_seed(rng)
    ground, passes = prepared(A, weights, ridge=ridge)
    _check_room(ground, size, replace)
    nu = Reference(ground, reference) if replace else None
    proposals = np.zeros(count, dtype=np.int64)
    with single_threaded_blas():
        if method == "rejection":
            indices, proposals = by_pools(ground, size, seed, count, cap)
        elif method == "reverse":
            U, stream = ground.features(np.arange(ground.n)), Stream(seed, "volume_sample reverse")
            root = ground.ridge_root
            indices = remove_rows(U, size, stream, np.arange(count), root=root)
        else:
            sets, proposals = draw_sets(ground, seed, range(count))
            if nu is None:
                rest = _uniform_rest(ground, sets, size, seed)
            else:
                rest = nu.draw(seed, size - ground.rank, range(count))
            indices = np.hstack([sets, rest])
    indices = np.sort(indices, axis=1)
    if draws is None:
        indices = indices[0]
    return DppSample(
        indices=indices,
        law=_LAWS[reference] if replace else _RIDGE if ridge else _PLAIN,
        method=method,
        n=ground.n,
        rank=ground.rank,
        seed=seed,
        weights=_weights(ground, indices, size, nu),
        proposals=proposals,
        passes=passes,
        status=ground.status,
        marginals=_marginals(ground, size, nu),
        loss_factor=_loss_factor(ground, size, replace),
    )


def _choose(
    replace: bool | None, reference: str, method: str, ridge: float, weights: Any
) -> tuple[bool, str]:
    """The law and the algorithm, or an error if they exclude each other."""
    if method not in METHODS:
        expected = f"one of {', '.join(METHODS)}"
        raise argument_error("method", repr(method), expected, "Pass method='auto'.")
    if ridge:
        if weights is not None:
            remedy = "Scale the rows of A by the square roots of the weights."
            raise argument_error("weights", "weights and a ridge", "one of them", remedy)
        if replace or method in ("dpp", "rejection"):
            raise argument_error(
                "ridge",
                f"{ridge:g} with replace={replace}, method={method!r}",
                "method 'reverse' and replace=False with a ridge",
                "Leave the ridge, or the other two, out.",
            )
        replace = False
    if replace is None:
        replace = method != "reverse"
    if method == ("reverse" if replace else "rejection"):
        raise argument_error(
            "method",
            f"{method!r} with replace={replace}",
            f"'dpp' or {'rejection' if replace else 'reverse'!r}",
            "Pass method='auto'.",
        )
    if reference != "christoffel" and not (replace and method in ("auto", "dpp")):
        raise argument_error(
            "reference",
            f"{reference!r} with replace={replace}, method={method!r}",
            "method 'dpp' with replacement for this reference",
            "Leave replace and method out.",
        )
    if method == "auto":
        method = "reverse" if ridge else "dpp"
    return bool(replace), method


def _check_room(ground: GroundSet, size: int, replace: bool) -> None:
    least = 1 if ground.ridge else ground.rank
    if size < least:
        raise argument_error(
            "size",
            size,
            f"at least {least}, the numerical rank of A",
            "Draw more rows, or use fewer features.",
        )
    if not replace and size > ground.n:
        remedy = "Rows are drawn without replacement; pass replace=True for more."
        raise argument_error("size", size, f"at most {ground.n}, the number of rows", remedy)


def _uniform_rest(ground: GroundSet, sets: IntArray, size: int, seed: int) -> IntArray:
    """A uniform subset of the rows that are not in the DPP, beside each."""
    r, stream = sets.shape[1], Stream(seed, "volume_sample rest")
    rest = np.empty((len(sets), size - r), dtype=np.int64)
    for draw, own in enumerate(sets):
        among_others = uniform_subset(ground.n - r, size - r, stream, draw)
        skipped = np.searchsorted(np.sort(own) - np.arange(r), among_others, side="right")
        rest[draw] = among_others + skipped
    return rest


def _weights(ground: GroundSet, indices: IntArray, size: int, nu: Reference | None) -> FloatArray:
    if nu is not None:
        return 1.0 / (size * nu.probability_of(indices))
    return np.full(indices.shape, ground.n / size)


def _marginals(ground: GroundSet, size: int, nu: Reference | None) -> Any:
    n, r = ground.n, ground.rank
    if ground.ridge:
        return None
    if nu is not None:
        return ground.leverage + (size - r) * nu.probabilities()
    if n == r:
        return rows.like(ground.leverage, 1.0)
    return ((size - r) + (n - size) * ground.leverage) / (n - r)


def _loss_factor(ground: GroundSet, size: int, replace: bool) -> float | None:
    n, r = ground.n, ground.rank
    if ground.ridge:
        return None
    if size == r:
        return math.inf
    return size / (size - r) if replace else size * (n - r) / (n * (size - r))
