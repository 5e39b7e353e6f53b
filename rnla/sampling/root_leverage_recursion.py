"""Root leverage sampling, again and again: few rows for every p, no Lewis weights (SPEC A12).

A round keeps row i with q_i = min(1, L tau_i^(p/2)) for p <= 2, or min(1, L n_k^(p/2-1)
tau_i^(p/2)) for p > 2, where tau are the leverage scores of the n_k rows that are left; these
dominate the lp sensitivities. The number of rows contracts doubly exponentially, in log log n
rounds, to at most about L^(2/p) d for p <= 2 and (L d)^(p/2) for p > 2 (Yasuda, PhD thesis,
CMU-CS-24-110, 2024, Theorems 8.0.2, 8.0.3 and 8.1.1). Cost: one leverage computation per round, on
ever fewer rows, plus one to check the last rank.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import (
    argument_error,
    check_fraction,
    check_p,
    check_positive,
    check_size,
)
from ..random import RNGLike, Stream, resolve_seed
from ..tall import as_tall
from ._checks import Vector, check_scores
from ._rows import TINY
from .recursion import RecursiveSample
from .row_sample import RowSample

__all__ = ["root_leverage_recursion"]

_ATTEMPTS = 5
_SHRINK = 0.9


def root_leverage_recursion(
    A: Any,
    p: float,
    *,
    leverage: Callable[[Any], npt.ArrayLike],
    eps: float = 0.5,
    delta: float = 0.01,
    oversampling: float | None = None,
    max_rounds: int | None = None,
    rng: RNGLike = None,
) -> RecursiveSample:
    """Shrink a tall matrix by rounds of root leverage score sampling.

    Parameters
    ----------
    A : array_like, scipy.sparse matrix or TallMatrix, shape (n, d)
        Not modified.
    p : float
        Norm exponent, at least 1.
    leverage : callable
        Maps a matrix (first a TallMatrix, then the user's kind of array) to its leverage scores.
        They should add up to the rank: a round that lowers the sum by more than one half is drawn
        again.
    eps, delta : float
        Distortion of p-th powers aimed at and failure probability; they set `oversampling`.
    oversampling : float, optional
        The factor L. By default 2 / eps^2 plus log(d / delta)^min(p/2, 2/p): the practical constant
        of one-shot sampling and, at the fixed point, d log(d / delta) rows against lost rank. The
        theorem asks for a constant times ((log n)^3 + log(1/delta)) R^2 / eps^2 with R rounds.
    max_rounds : int, optional
        By default ceil(log log n) + 1.
    rng : int, Generator, SeedSequence or None
        See `rnla.random.resolve_seed`.

    Returns
    -------
    RecursiveSample
        Stops after `max_rounds`, or before a round that is expected to keep more than 90 % of the
        rows, or if five draws of a round all lose rank.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For p below 1, or a leverage function that returns the wrong number of scores, or CuPy
        arrays: the rounds keep their row numbers and weights on the host.

    Notes
    -----
    Finish with one Lewis sample of the small matrix to go from L^(2/p) d to about d / eps^2 rows.
    Affine families ||Ax + b|| are preserved as well where |b_i|^p is small against the score.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    Examples
    --------
    >>> A = np.random.default_rng(0).standard_normal((20_000, 3))
    >>> qr = lambda M: np.sum(np.linalg.qr(M)[0] ** 2, axis=1)
    >>> from rnla.tall import TallMatrix
    >>> exact = lambda M: qr(A if isinstance(M, TallMatrix) else M)
    >>> result = root_leverage_recursion(A, 1, leverage=exact, rng=0)
    >>> result.rounds >= 2 and result.sample.size < 2_500
    True
    """
    tall = as_tall(A)
    n, d = tall.shape
    exponent = check_p(p)
    eps, delta = check_fraction(eps, "eps"), check_fraction(delta, "delta")
    if oversampling is None:
        logs = math.log(d / delta) ** min(exponent / 2.0, 2.0 / exponent)
        oversampling = 2.0 / eps**2 + logs
    factor = check_positive(oversampling, "oversampling")
    rounds = math.ceil(math.log(max(math.log(n), math.e))) + 1
    if max_rounds is not None:
        rounds = check_size(max_rounds, name="max_rounds")
    seed = resolve_seed(rng)

    everything = np.arange(n)
    sample = RowSample(
        everything, np.ones(n), np.ones(n), design="root_leverage", seed=seed, n=n, p=exponent
    )
    tau = _scores(leverage(tall), n)
    sizes, retries = [n], 0
    for number in range(rounds):
        q = _probabilities(tau, exponent, factor)
        if q.sum() > _SHRINK * sizes[-1]:
            break
        for attempt in range(_ATTEMPTS):
            smaller = sample.compose(_round(q, sample, seed, number * _ATTEMPTS + attempt))
            if smaller.size:
                tau_next = _scores(leverage(smaller @ tall), smaller.size)
                if tau_next.sum() >= tau.sum() - 0.5:
                    break
            retries += 1
        else:
            break
        sample, tau = smaller, tau_next
        sizes.append(sample.size)
    return RecursiveSample(sample, tuple(sizes), retries, factor)


def _scores(values: npt.ArrayLike, rows: int) -> Vector:
    tau: Vector = check_scores(values, "leverage(A)")
    if tau.size != rows:
        raise argument_error(
            "leverage",
            f"a function returning {tau.size} scores",
            f"one score for each of {rows} rows",
            "Pass a function such as rnla.leverage_scores.",
        )
    return np.minimum(tau, 1.0)


def _probabilities(tau: Vector, p: float, factor: float) -> Vector:
    """min(1, L tau^(p/2)) or min(1, L n^(p/2-1) tau^(p/2)); logarithms keep extremes apart."""
    growth = max(0.0, p / 2.0 - 1.0) * math.log(tau.size)
    with np.errstate(divide="ignore"):
        log_q = math.log(factor) + growth + (p / 2.0) * np.log(tau)
    q: Vector = np.exp(np.minimum(log_q, 0.0))
    return np.where(q >= TINY, q, 0.0)


def _round(q: Vector, sample: RowSample, seed: int, draw: int) -> RowSample:
    """Poisson sample of the rows that are left, by numbers keyed by their original row."""
    uniforms = Stream(seed, "sampling.root_leverage").uniform(sample.indices, draw=draw)
    kept = np.flatnonzero(uniforms < q)
    return RowSample(
        kept, 1.0 / q[kept], q[kept], design="root_leverage", seed=seed, n=q.size, p=sample.p
    )
