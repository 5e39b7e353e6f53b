"""Priority sampling: the m rows with the smallest u_i / s_i (Duffield, Lund, Thorup, J. ACM 2007).

With tau the (m+1)-th smallest ratio, a kept row counts for 1 / min(1, tau s_i). Given the other
rows' numbers that is one over the probability that row i is kept, so every weighted sum is
unbiased although the sample has fixed size. Each row's ratio is a function of the seed and the
row: blocks may keep their own m + 1 smallest and merge, in any partition. O(n) time; SPEC A10f.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import check_size
from .._result import IntArray
from ..random import RNGLike, Stream, resolve_seed
from ..tall import rows
from ._checks import Vector, check_scores
from ._rows import ROW_PURPOSE, side_by_side
from .row_sample import RowSample

__all__ = ["priority_keys", "priority_sample"]


def priority_sample(
    scores: npt.ArrayLike, size: int, *, p: float | None = None, rng: RNGLike = None
) -> RowSample:
    """Keep exactly `size` rows, larger scores more likely, by a race that any partition can run.

    Parameters
    ----------
    scores : array_like or Dask array, shape (n,)
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
    s = check_scores(scores, "scores", keep=True)
    return run_race(s, check_size(size, s.shape[0]), resolve_seed(rng), p)


def run_race(s: Any, m: int, seed: int, p: float | None) -> RowSample:
    """The same for scores that have been checked."""
    keys, first, share = rows.fold(partial(_entrants, m, seed), partial(_ahead, m), s)
    if first.size <= m:
        ones = np.ones(first.size)
        return RowSample(first, ones, ones, design="priority", seed=seed, n=s.shape[0], p=p)
    last = _ranked(keys)[m]
    kept = np.arange(first.size) != last
    q = np.exp(np.minimum(0.0, keys[last] + np.log(share[kept])))
    return RowSample(first[kept], 1.0 / q, q, design="priority", seed=seed, n=s.shape[0], p=p)


Entrants = tuple[Vector, IntArray, Vector]  # keys, rows in increasing order, scores


def _entrants(m: int, seed: int, start: int, s: Vector) -> Entrants:
    """The first m + 1 of the race among the rows of one part."""
    positive = np.flatnonzero(s > 0.0)
    keys = priority_keys(s[positive], start + positive, seed)
    return _first(m, (keys, start + positive, s[positive]))


def _ahead(m: int, left: Entrants, right: Entrants) -> Entrants:
    """The first m + 1 of two parts."""
    keys, numbers, scores = side_by_side(left, right)
    return _first(m, (keys, numbers, scores))


def _first(m: int, entrants: Entrants) -> Entrants:
    keys = entrants[0]
    if keys.size <= m + 1:
        return entrants
    smallest = np.flatnonzero(keys <= np.partition(keys, m)[m])
    kept = np.sort(smallest[_ranked(keys[smallest])[: m + 1]])
    return keys[kept], entrants[1][kept], entrants[2][kept]


def _ranked(keys: Vector) -> IntArray:
    """Positions in the order of the keys; equal ones in the order of the rows."""
    order: IntArray = np.argsort(keys, kind="stable")
    return order


def priority_keys(scores: Vector, index: IntArray, seed: int) -> Vector:
    """log(u_i / s_i) of the given rows; logarithms because scores may span 600 decades."""
    keys: Vector = np.log(Stream(seed, ROW_PURPOSE).uniform(index)) - np.log(scores)
    return keys
