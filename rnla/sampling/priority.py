"""Priority sampling: the m rows with the smallest u_i / s_i (Duffield, Lund, Thorup, J. ACM 2007).

With tau the (m+1)-th smallest ratio, a kept row counts for 1 / min(1, tau s_i). Given the other
rows' numbers that is one over the probability that row i is kept, so every weighted sum is
unbiased although the sample has fixed size. Each row's ratio is a function of the seed and the
row: blocks may keep their own m + 1 smallest and merge, in any partition. O(n) time; SPEC A10f.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .._errors import check_size
from ..random import RNGLike, Stream, resolve_seed
from ._checks import Vector, check_scores
from ._rows import ROW_PURPOSE
from .row_sample import RowSample

__all__ = ["priority_keys", "priority_sample"]


def priority_sample(
    scores: npt.ArrayLike, size: int, *, p: float | None = None, rng: RNGLike = None
) -> RowSample:
    """Keep exactly `size` rows, larger scores more likely, by a race that any partition can run.

    Parameters
    ----------
    scores : array_like, shape (n,)
        Non-negative, of any scale.
    size : int
        Number of rows, 1 to n; all rows with positive scores if there are no more.
    p : float, optional
        Exponent recorded for ``sample @ A``.
    rng : int, Generator, SeedSequence or None
        See `rnla.random.resolve_seed`.

    Returns
    -------
    RowSample
        `probabilities` are the conditional ones, min(1, tau s_i), and weights are 1 over them.

    Notes
    -----
    Nested in `size` for one score vector. The marginal inclusion probabilities are
    close to, but not exactly, proportional to the scores (by a few hundredths at most for tiny
    sizes); weighted sums are unbiased all the same. Equal ratios are ordered by row.

    Examples
    --------
    >>> priority_sample([1.0, 2.0, 3.0, 0.0], 2, rng=0).size
    2
    """
    s = check_scores(scores, "scores")
    m = check_size(size, s.size)
    seed = resolve_seed(rng)
    rows = np.flatnonzero(s > 0.0)
    if rows.size <= m:
        ones = np.ones(rows.size)
        return RowSample(rows, ones, ones, design="priority", seed=seed, n=s.size, p=p)
    keys = priority_keys(s[rows], rows, seed)
    # The stable order of equal keys is the order of the rows.
    smallest = np.flatnonzero(keys <= np.partition(keys, m)[m])
    ranked = smallest[np.argsort(keys[smallest], kind="stable")]
    threshold = keys[ranked[m]]
    kept = rows[np.sort(ranked[:m])]
    q = np.exp(np.minimum(0.0, threshold + np.log(s[kept])))
    return RowSample(kept, 1.0 / q, q, design="priority", seed=seed, n=s.size, p=p)


def priority_keys(scores: Vector, rows: npt.NDArray[np.int64], seed: int) -> Vector:
    """log(u_i / s_i) of the given rows; logarithms because scores may span 600 decades."""
    keys: Vector = np.log(Stream(seed, ROW_PURPOSE).uniform(rows)) - np.log(scores)
    return keys
