"""Sampling with replacement: m independent draws from one distribution, repeats merged (SPEC A10b).

The sampler of the least-squares theory (Drineas, Mahoney, Muthukrishnan and Woodruff 2012; Larsen
and Kolda 2022). A row drawn k times in m draws gets weight k / (m pi_i). Draw t is a function of
the seed and t, so the first m of 2m draws are the m draws of the smaller sample. Sums are of 64-bit
integers, the same in any order: one histogram, one cumulative sum, then O(m log n).
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from .._errors import check_size
from ..random import RNGLike, Stream, resolve_seed
from ..tall import rows
from ..tall._device import beside
from ._checks import check_scores
from ._rows import TRIAL_PURPOSE
from .row_sample import RowSample
from .score_histogram import BINADES, UNIT, Histogram, count_bins

__all__ = ["with_replacement_sample"]

_BITS = 63  # of the sum of all scores as integers, so that rounding cannot take it beyond 64


def with_replacement_sample(
    scores: npt.ArrayLike, size: int, *, p: float | None = None, rng: RNGLike = None
) -> RowSample:
    """Draw `size` rows independently, row i with probability scores_i / sum(scores).

    Parameters
    ----------
    scores : array_like or CuPy array, shape (n,)
        Non-negative; need not sum to one.
    size : int
        Number of draws m, at least 1; may exceed n.
    p : float, optional
        Exponent recorded for ``sample @ A``.
    rng : int, Generator, SeedSequence or None
        See `rnla.random.resolve_seed`.

    Returns
    -------
    RowSample
        Distinct rows. `multiplicities` counts the draws, `probabilities` holds m pi_i, and the
        weights are their ratio. Empty if every score is zero.

    Notes
    -----
    Nested in `size`. Not of fixed size: the number of distinct rows is random and at most m.

    Runs on a GPU: CuPy arrays stay there, and the sample is a record in host memory.

    Examples
    --------
    >>> sample = with_replacement_sample([1.0, 0.0, 3.0], 8, rng=0)
    >>> sample.indices, int(sample.multiplicities.sum())
    (array([0, 2]), 8)
    """
    from ..kernels import unit_steps as kernel

    s = check_scores(scores, "scores", device=True)
    m = check_size(size)
    seed = resolve_seed(rng)
    whole = Histogram(count_bins(BINADES, s)).sum  # in units of 2^UNIT
    if whole == 0:
        none = np.empty(0)
        kept = np.empty(0, dtype=np.int64)
        return RowSample(kept, none, none, design="with_replacement", seed=seed, n=s.shape[0], p=p)
    exponent = _BITS - whole.bit_length()
    steps, total, _ = kernel.unit_steps(s, exponent - UNIT)
    # Sorted points walk through the cumulative sum instead of jumping about in it.
    uniforms = np.sort(Stream(seed, TRIAL_PURPOSE).uniform(range(m)))
    points = np.minimum((uniforms * float(total)).astype(np.uint64), np.uint64(total - 1))
    sums = np.cumsum(steps, dtype=np.uint64)
    drawn = rows.host(np.searchsorted(sums, beside(sums, points), side="right"))
    kept, counts = np.unique(drawn, return_counts=True)
    share = np.ldexp(rows.at(s, kept), exponent - UNIT) / float(whole * Fraction(2) ** exponent)
    expected = m * share
    return RowSample(
        *(kept, counts / expected, expected),
        design="with_replacement",
        seed=seed,
        n=s.shape[0],
        p=p,
    )
