"""Sampling with replacement: m independent draws from one distribution, repeats merged (SPEC A10b).

The sampler of the least-squares theory (Drineas, Mahoney, Muthukrishnan and Woodruff 2012; Larsen
and Kolda 2022). A row drawn k times in m draws gets weight k / (m pi_i). Draw t is a function of
the seed and t, so the first m of 2m draws are the m draws of the smaller sample. One cumulative
sum, then O(m log n).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .._errors import check_size
from ..random import RNGLike, Stream, resolve_seed
from ._checks import check_scores
from ._rows import TRIAL_PURPOSE
from .row_sample import RowSample

__all__ = ["with_replacement_sample"]


def with_replacement_sample(
    scores: npt.ArrayLike, size: int, *, p: float | None = None, rng: RNGLike = None
) -> RowSample:
    """Draw `size` rows independently, row i with probability scores_i / sum(scores).

    Parameters
    ----------
    scores : array_like, shape (n,)
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

    Examples
    --------
    >>> sample = with_replacement_sample([1.0, 0.0, 3.0], 8, rng=0)
    >>> sample.indices, int(sample.multiplicities.sum())
    (array([0, 2]), 8)
    """
    s = check_scores(scores, "scores")
    m = check_size(size)
    seed = resolve_seed(rng)
    top = s.max()
    if top == 0.0:
        none = np.empty(0)
        return RowSample(
            np.flatnonzero(s), none, none, design="with_replacement", seed=seed, n=s.size, p=p
        )
    share = s / top
    cumulative = np.cumsum(share)
    total = cumulative[-1]
    # Sorted points walk through the cumulative sum instead of jumping about in it.
    points = np.sort(Stream(seed, TRIAL_PURPOSE).uniform(range(m))) * total
    # A point that rounds up to the total belongs to the last row that adds to it.
    last = int(np.searchsorted(cumulative, total, side="left"))
    drawn = np.minimum(np.searchsorted(cumulative, points, side="right"), last)
    rows, counts = np.unique(drawn, return_counts=True)
    expected = m * (share[rows] / total)
    return RowSample(
        rows, counts / expected, expected, design="with_replacement", seed=seed, n=s.size, p=p
    )
