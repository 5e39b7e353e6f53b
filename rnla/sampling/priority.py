"""Priority sampling: the m rows with the smallest u_i / s_i (Duffield, Lund, Thorup, J. ACM 2007).

With tau the (m+1)-th smallest ratio, a kept row counts for 1 / min(1, tau s_i). Given the other
rows' numbers that is one over the probability that row i is kept, so every weighted sum is
unbiased although the sample has fixed size. Each row's ratio is a function of the seed and the
row, rounded once: blocks may keep their own m + 1 smallest and merge, in any partition. O(n) time;
SPEC A10f.
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
    scores : array_like, Dask array or CuPy array, shape (n,)
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

    Runs on a GPU: CuPy arrays stay there, and the sample is a record in host memory.

    Examples
    --------
    >>> priority_sample([1.0, 2.0, 3.0, 0.0], 2, rng=0).size
    2
    """
    s = check_scores(scores, "scores", keep=True, device=True)
    return run_race(s, check_size(size, s.shape[0]), resolve_seed(rng), p)


def run_race(s: Any, m: int, seed: int, p: float | None) -> RowSample:
    """The same for scores that have been checked."""
    from ..kernels.priority_keys import ratio_of

    keys, first, share = rows.fold(partial(_entrants, m, seed), partial(_ahead, m), s)
    if first.size <= m:
        ones = np.ones(first.size)
        return RowSample(first, ones, ones, design="priority", seed=seed, n=s.shape[0], p=p)
    last = _ranked(keys)[m]
    kept = np.arange(first.size) != last
    tau, exponent = ratio_of(int(keys[last]))
    fraction, binade = np.frexp(share[kept])
    q = np.minimum(1.0, np.ldexp(tau * fraction, np.minimum(binade + exponent, 2)))
    return RowSample(first[kept], 1.0 / q, q, design="priority", seed=seed, n=s.shape[0], p=p)


Entrants = tuple[IntArray, IntArray, Vector]  # keys, rows in increasing order, scores


def _entrants(m: int, seed: int, start: int, s: Vector) -> Entrants:
    """The first m + 1 of the race among the rows of one part."""
    keys = priority_keys(s, start, seed)
    ahead = smallest(keys, m)
    entrants = keys[ahead], start + ahead, s[ahead]
    return _first(m, tuple(rows.host(column) for column in entrants))


def _ahead(m: int, left: Entrants, right: Entrants) -> Entrants:
    """The first m + 1 of two parts."""
    return _first(m, side_by_side(left, right))


def _first(m: int, entrants: tuple[Any, ...]) -> Entrants:
    keys, numbers, scores = entrants
    kept = smallest(keys, m)
    if kept.size > m + 1:  # equal keys in the order of the rows
        kept = np.sort(kept[_ranked(keys[kept])[: m + 1]])
    return keys[kept], numbers[kept], scores[kept]


def _ranked(keys: IntArray) -> IntArray:
    """Positions in the order of the keys; equal ones in the order of the rows."""
    order: IntArray = np.argsort(keys, kind="stable")
    return order


def priority_keys(scores: Any, start: int, seed: int) -> Any:
    """Keys in the order of u_i / s_i for the rows start, start + 1, …, as integers."""
    from ..kernels import priority_keys as kernel

    return kernel.priority_keys(Stream(seed, ROW_PURPOSE).key, start, scores)


def smallest(keys: Any, m: int) -> Any:
    """Positions of the first m + 1 in the order of the keys, and of all equal to the last."""
    from ..kernels import priority_keys as kernel

    return kernel.smallest(keys, m)
