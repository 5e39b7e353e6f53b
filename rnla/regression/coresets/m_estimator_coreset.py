"""A few reweighted rows for every M-estimator that grows at most quadratically: Huber and others.

Let M be even, increasing in |r|, M(r) <= (r/s)^2 M(s) for |r| >= |s|. If the loss of row i is a
share 2^-k of all for some x, then with probability 9/10 a random 2^-k / 10 of the other rows has
less loss than row i, so no larger residual, and then the leverage score of row i among them is at
least 1/2: (r_j / r_i)^2 <= M(r_j) / M(r_i). So each row gets 2 / 2^k for the smallest k at which
that happens in one of O(log n) repeats, and at least 2 tau / n (Yasuda, thesis CMU-CS-24-110, 2024,
Algorithm 1 and Theorem 10.2.4; Musco, Musco, Woodruff, Yasuda, FOCS 2022). No score looks at M.

There every row is hashed to one of 10 2^k buckets and scored within. Here the rest of its bucket is
one random subset for all rows, which is the same law for each row by itself, so the same bounds by
the union bound and for the expected sum of scores, at one d x d factor for a level and repeat in
place of 10 2^k. Subsets of a repeat are nested, so that a row that is not conspicuous among few is
not among more: levels are visited from the finest, each by the rows that are left, half as many
every time once they are few. Cost: a basis, one pass over a tenth of the rows for each repeat, and
one pass of 2 to 4 n d^2 flops for each repeat.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import scipy.linalg

from ..._errors import argument_error, check_fraction, check_size
from ..._result import FloatArray, Status
from ...basis import orthonormal_basis
from ...bounds import default_size
from ...random import RNGLike, Stream, resolve_seed
from ...sampling import RowSample, sample_rows
from ...tall import TallMatrix, as_tall, rows, single_threaded_blas, within_range
from .._input import check_column, check_weights
from .loss_coreset import Coreset

__all__ = ["MEstimatorCoreset", "m_estimator_coreset", "m_sensitivity_bounds"]

_METHODS = ("levels", "uniform")
_DENSITY = 10.0  # buckets of level k are 10 2^k: the other rows then add up to little, by Markov
_RIDGE = 1e-13  # of a direction no row of the subset has, beside orthonormal columns
_MOST_REPEATS = 12


@dataclass(frozen=True, eq=False)
class MEstimatorCoreset(Coreset):
    """Reweighted rows of [A b] for losses of at most quadratic growth, whatever their threshold.

    Fit it with ``huber_regression(coreset.take(A), coreset.take(b), weights=coreset.weights)``.

    Attributes
    ----------
    sample : RowSample
        Rows and weights; ``indices``, ``weights`` and ``size`` are its own.
    eps, delta : float
        What was asked for.
    n, rank : int
        Number of rows, and the numerical rank of [A b], with the ones if there is an intercept.
    method : str
    total : float or None
        Sum of the scores, which bounds the total sensitivity with probability 1 - delta; None for
        uniform sampling.
    coherence : float or None
        Largest over mean score: about how many times as many rows uniform sampling needs.
    levels, repeats : int
        Of the construction.
    sizes : dict
        ``theory`` (rank times `total` over eps^2, the bound for sensitivity sampling in general
        with its constant set to 1 and logarithms left out), ``default`` and ``used``.
    status : Status
        EXACT if every row is kept.
    passes : int
        Passes over A.
    seed : int
        Passing it as ``rng=`` repeats the result.
    """

    sample: RowSample
    eps: float
    delta: float
    n: int
    rank: int
    method: str
    total: float | None
    coherence: float | None
    levels: int
    repeats: int
    sizes: dict[str, float | None]
    status: Status
    passes: int
    seed: int

    def __repr__(self) -> str:
        return (
            f"MEstimatorCoreset({self.size} of {self.n} rows, method={self.method!r}, "
            f"{self.status.name})"
        )


def m_estimator_coreset(
    A: Any,
    b: Any,
    *,
    weights: Any = None,
    eps: float = 0.1,
    delta: float = 0.01,
    size: int | None = None,
    method: str = "levels",
    intercept: bool = False,
    repeats: int | None = None,
    rng: RNGLike = None,
) -> MEstimatorCoreset:
    """Choose and reweight few rows so that sum_i M(a_i x - b_i) is kept, for many M at once.

    Parameters
    ----------
    A : array_like, sparse matrix, Dask array or TallMatrix, shape (n, d)
        Real and finite, any home of rows. Not modified.
    b : array_like or Dask array, shape (n,)
        Responses.
    weights : array_like, shape (n,), optional
        Non-negative, what each row's loss counts for. Scores are multiplied with them, which keeps
        the guarantee for weights that differ little. The weights of the coreset do not contain
        them: multiply.
    eps : float, default 0.1
        Relative error of the loss, strictly between 0 and 1.
    delta : float, default 0.01
        Failure probability, strictly between 0 and 1.
    size : int, optional
        Expected number of rows, 1 to n. By default ``bounds.default_size`` of least squares with
        the columns of A, b and the intercept.
    method : {"levels", "uniform"}
        How rows are scored: by the construction in the notes, or all alike.
    intercept : bool
        The regression will have an intercept: a column of ones takes part.
    repeats : int, optional
        Repeats of the construction, each of which overlooks a row with probability 1/10; by default
        log10(n / delta), at most 12.
    rng : None, int, numpy Generator or SeedSequence
        The same seed gives the same rows, wherever they live.

    Returns
    -------
    MEstimatorCoreset

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For NaN or infinite entries, wrong lengths, and options out of range.

    Notes
    -----
    For losses M that are even, increasing in \\|r\\| and grow at most like r^2 (Huber, Tukey's
    biweight up to a factor, \\|r\\|^p with p <= 2, L1-L2, Fair). Scores bound the share that a row
    can have of the loss, over all x and all such M; see `m_sensitivity_bounds`. Passes: 5 to 7, the
    last of 2 to 4 n r^2 flops for each repeat, r being the rank. Memory O(n + repeats log(n) r^2).

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    References
    ----------
    Yasuda, PhD thesis, CMU-CS-24-110, 2024, chapter 10. Clarkson and Woodruff, *Sketching for
    M-estimators*, SODA 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.regression import m_estimator_coreset
    >>> rng = np.random.default_rng(0)
    >>> A = rng.standard_normal((20_000, 3))
    >>> b = A @ [1.0, 2.0, 3.0] + rng.standard_t(2, 20_000)
    >>> coreset = m_estimator_coreset(A, b, eps=0.2, rng=0)
    >>> coreset.size < 1000, coreset.take(A).shape == (coreset.size, 3)
    (True, True)
    """
    eps, delta = check_fraction(eps, "eps"), check_fraction(delta, "delta")
    if method not in _METHODS:
        raise argument_error(
            "method", repr(method), f"one of {', '.join(_METHODS)}", "Use 'levels'."
        )
    given = as_tall(A, require_tall=False)
    before, n = given.passes, given.shape[0]
    target = check_column(b, "b", n)
    w = None if weights is None else check_weights(weights, n)
    wanted = None if size is None else check_size(size, n)
    if repeats is not None:
        repeats = check_size(repeats, name="repeats")
    seed = resolve_seed(rng)
    given.scan()
    tall, _ = within_range(given.distributed().with_columns(target, ones=intercept))
    basis = orthonormal_basis(tall, seed=seed)
    default = None
    if wanted is None:
        default = wanted = default_size(max(basis.rank, 1), 2.0, eps, delta, n=n)
    levels, total, largest = 0, None, None
    if method == "levels":
        repeats = repeats or _default_repeats(n, delta)
        levels = _levels(n, basis.rank)
        scores = m_sensitivity_bounds(tall, basis.M, levels=levels, repeats=repeats, seed=seed)
        total = rows.total(scores)
        largest = float(rows.largest(scores)) * n / total
    else:
        scores, repeats = rows.like(tall.scan().row_max, 1.0), 0
    if w is not None:
        scores = rows.each(_product, scores, w)
    sample = sample_rows(scores, wanted, rng=seed)
    return MEstimatorCoreset(
        sample=sample,
        eps=eps,
        delta=delta,
        n=n,
        rank=basis.rank,
        method=method,
        total=total,
        coherence=largest,
        levels=levels,
        repeats=repeats,
        sizes={
            "theory": None if total is None else basis.rank * total / eps**2,
            "default": default,
            "used": wanted,
        },
        status=Status.EXACT if sample.size == n and wanted >= n else Status.OK,
        passes=given.passes - before,
        seed=seed,
    )


def m_sensitivity_bounds(
    A: TallMatrix, M: FloatArray, *, levels: int, repeats: int, seed: int
) -> Any:
    """Upper bounds on sup_x M(a_i x) / sum_j M(a_j x), each with probability 1 - 10^-repeats.

    Parameters
    ----------
    A : TallMatrix, shape (n, d)
    M : ndarray, shape (d, r)
        Coefficients of an orthonormal basis of its columns.
    levels, repeats : int
    seed : int

    Returns
    -------
    row vector, shape (n,)
        Powers of two from 2^-levels to 1.
    """
    n, r = A.shape[0], M.shape[1]
    least = min(1.0, 2.0 ** (1 - levels), 2.0 * max(r, 1) / n) if levels else 1.0
    if levels == 0 or r == 0:
        return rows.like(A.scan().row_max, least)
    stream = Stream(seed, "regression.m_estimator.levels")
    draw = partial(_deepest_level, stream, levels)
    grams = A.fold(partial(_add_grams, M, draw), (repeats, levels, r, r))
    # A row that is drawn down to level k is drawn at all levels before.
    grams = np.cumsum(grams[:, ::-1], axis=1)[:, ::-1]
    factors = np.empty_like(grams)
    with single_threaded_blas():
        for index in np.ndindex(repeats, levels):
            L = np.linalg.cholesky(grams[index] + _RIDGE * np.eye(r))
            factors[index] = scipy.linalg.solve_triangular(L, np.eye(r), lower=True).T
    return A.each(partial(_score, M, draw, factors, least))


def _product(scores: FloatArray, w: FloatArray) -> FloatArray:
    return scores * w


def _default_repeats(n: int, delta: float) -> int:
    return min(_MOST_REPEATS, math.ceil(math.log10(n / delta)))


def _levels(n: int, rank: int) -> int:
    """log2(n / tau) levels with tau = rank: more would not come below the scores all rows have."""
    return max(0, math.floor(math.log2(n / max(rank, 1))))


def _deepest_level(stream: Stream, levels: int, start: int, count: int, draw: int) -> FloatArray:
    """The last level whose subset, a random 2^-k / 10 of the rows, has the row; 0 if none has."""
    u = stream.uniform(range(start, start + count), draw=draw)
    return np.clip(np.floor(-np.log2(_DENSITY * u)), 0, levels).astype(np.int64)


def _add_grams(M: FloatArray, draw: Any, block: Any, start: int, out: FloatArray) -> None:
    count, levels = block.shape[0], out.shape[1]
    for k in range(len(out)):
        deepest = draw(start, count, k)
        drawn = np.flatnonzero(deepest)
        B = block[drawn] @ M
        for level in range(1, levels + 1):
            rows_of = B[deepest[drawn] == level]
            if len(rows_of):
                out[k, level - 1] += rows_of.T @ rows_of


def _score(
    M: FloatArray,
    draw: Any,
    factors: FloatArray,
    least: float,
    block: Any,
    start: int,
    out: FloatArray,
) -> FloatArray:
    B = block @ M
    count, levels = len(B), factors.shape[1]
    scores = np.full(count, least)
    for k in range(len(factors)):
        deepest = draw(start, count, k)
        left, rest = np.arange(count), B
        for level in range(levels, 0, -1):
            Q = rest @ factors[k, level - 1]
            leverage = np.einsum("ij,ij->i", Q, Q)
            # Among the others the ratio is h / (1 - h), at least 1 where h is at least 1/2.
            conspicuous = leverage >= np.where(deepest[left] >= level, 0.5, 1.0)
            if not conspicuous.all():
                left, rest = left[conspicuous], rest[conspicuous]
            if not left.size:
                break
            scores[left] = np.maximum(scores[left], 2.0 ** (1 - level))
    return scores
