"""Halve the rows until few are left, splitting heavy rows first: for p > 2 and small S (SPEC A13).

A round splits every row with sensitivity above C S / n into k equal copies (a row divided by
k^(1/p), sensitivity divided by k), then keeps each copy with probability 1/2 and doubles what it
counts for. All sensitivities stay O(S / n), so the errors of the rounds add geometrically
(Woodruff and Yasuda, ICML 2023; Yasuda, PhD thesis, CMU-CS-24-110, 2024, Lemma 7.4.4). Copies are
integer multiplicities drawn as Binomial(k, 1/2): no row is ever duplicated. O(n) per round, no
pass over the matrix.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from .._errors import argument_error, check_positive, check_size
from .._result import IntArray
from ..random import RNGLike, Stream, resolve_seed
from ._checks import check_scores
from .recursion import RecursiveSample
from .row_sample import RowSample

__all__ = ["flattening_recursion", "half_binomial"]

_ATTEMPTS = 64
_ACCEPT = 15.0 / 16.0


def flattening_recursion(
    sensitivities: npt.ArrayLike,
    size: int,
    *,
    split: float = 4.0,
    p: float | None = None,
    rng: RNGLike = None,
) -> RecursiveSample:
    """Sample by repeated flattening and halving until at most `size` rows are left.

    Parameters
    ----------
    sensitivities : array_like, shape (n,)
        Sensitivities or upper bounds of them; rows with zero are never kept.
    size : int
        Stop at this many rows, 1 to n; the last round overshoots by up to one half. The lemma asks
        for p^2 S^(2-2/p) log(pd)^2 log(pd / eps) / eps^2 times a constant.
    split : float
        The constant C, above 1: a round adds at most n / C copies.
    p : float, optional
        Exponent recorded for ``sample @ A``.
    rng : int, Generator, SeedSequence or None
        See `rnla.random.resolve_seed`.

    Returns
    -------
    RecursiveSample
        `sizes` counts copies. In the sample, `multiplicities` holds the surviving copies of each
        row, and weights are multiplicities over `probabilities`.

    Notes
    -----
    Scores are never recomputed: a copy has its share of the row's score, and a
    survivor twice the score it had. A round that keeps more than 15/16 of the copies is drawn
    again. Rows draw their own numbers, keyed by the seed, the round and the row. Works on the host:
    a CuPy array raises ArgumentTypeError.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    Examples
    --------
    >>> result = flattening_recursion(np.ones(1000), 100, p=4, rng=0)
    >>> result.sample.size <= 100, bool(np.all(result.sample.weights == 2.0**result.rounds))
    (True, True)
    """
    s = check_scores(sensitivities, "sensitivities")
    n = s.size
    target = check_size(size, n)
    constant = check_positive(split, "split")
    if constant <= 1.0:
        raise argument_error("split", split, "a number above 1", "Use split=4 if unsure.")
    seed = resolve_seed(rng)
    stream = Stream(seed, "sampling.flattening")
    rows = np.flatnonzero(s > 0.0)
    score = s[rows] / (s.max() or 1.0)
    copies = np.ones(rows.size, dtype=np.int64)
    log2_weight = np.zeros(rows.size)
    sizes, retries, draw = [int(rows.size)], 0, 0
    while rows.size > target:
        total = int(copies.sum())
        limit = constant * float(copies @ score) / total
        pieces = np.maximum(1, np.ceil(score / limit)).astype(np.int64)
        split_copies = copies * pieces
        for _ in range(_ATTEMPTS):
            kept = half_binomial(split_copies, rows, stream, draw)
            draw += 1
            if kept.sum() <= _ACCEPT * total:
                break
            retries += 1
        alive = kept > 0
        score = 2.0 * (score / pieces)[alive]
        log2_weight = (log2_weight - np.log2(pieces) + 1.0)[alive]
        rows, copies = rows[alive], kept[alive]
        sizes.append(int(copies.sum()))
    per_copy = np.exp2(log2_weight)
    sample = RowSample(
        rows,
        copies.astype(np.float64) * per_copy,
        1.0 / per_copy,
        design="flattening",
        seed=seed,
        n=n,
        p=p,
    )
    return RecursiveSample(sample, tuple(sizes), retries, math.nan)


def half_binomial(counts: IntArray, rows: IntArray, stream: Stream, draw: int) -> IntArray:
    """Binomial(count, 1/2) per row: the number of ones among `count` random bits of that row."""
    result = np.zeros(counts.size, dtype=np.int64)
    word = np.arange(4)
    active = np.flatnonzero(counts > 0)
    block = 0
    while active.size:
        bits = stream.words(rows[active], block=block, draw=draw)
        left = counts[active] - 128 * block
        wanted = np.clip(left[:, None] - 32 * word, 0, 32).astype(np.uint64)
        mask = ((np.uint64(1) << wanted) - np.uint64(1)).astype(np.uint32)
        result[active] += np.bitwise_count(bits & mask).sum(axis=1, dtype=np.int64)
        block += 1
        active = active[counts[active] > 128 * block]
    return result
