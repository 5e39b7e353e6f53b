"""Systematic sampling along an order: a random start, then every unit of probability (SPEC A10c).

Rows are laid end to end as intervals of length q_i; the row that covers start + k is kept, k = 0,
1, … (Madow 1949). The size is fixed: sum q, or one of its two neighbours if that is no integer.
Positions are kept modulo 1 as 64-bit integers whose sum is associative: the draw is the same to
the bit for any chunking or parallel scan, and a size that should be m is m exactly. O(n), about
five vector passes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..random import RNGLike, Stream, resolve_seed
from ._checks import Vector, check_order, check_probabilities
from ._rows import OFFSET_PURPOSE, TINY, integral_total
from .row_sample import RowSample

__all__ = ["crossings", "systematic_sample"]

_UNIT = 2.0**64
_MASK = (1 << 64) - 1


def systematic_sample(
    probabilities: npt.ArrayLike,
    *,
    order: npt.ArrayLike | None = None,
    p: float | None = None,
    rng: RNGLike = None,
) -> RowSample:
    """Keep rows at equal steps of cumulative probability, along `order`.

    Parameters
    ----------
    probabilities : array_like, shape (n,)
        Inclusion probabilities in [0, 1], matched exactly. Rows with probability 1 are all kept.
    order : array_like of int, shape (n,), optional
        Permutation of the rows; the natural order if not given. Rows that resemble each other
        should be neighbours: the order is what makes this design better than independent draws.
    p : float, optional
        Exponent recorded for ``sample @ A``.
    rng : int, Generator, SeedSequence or None
        See `rnla.random.resolve_seed`.

    Returns
    -------
    RowSample
        floor(sum q) or ceil(sum q) rows, exactly sum q if that is an integer (to 1e-10 relative).

    Notes
    -----
    Many pairs of rows are never kept together, so there is no unbiased variance
    estimate. Nested for sizes m and k m with k an integer, as long as no probability is clipped to
    1 or lifted to a floor in between; otherwise not. Rows with q below 2**-64 are never kept.

    Examples
    --------
    >>> sample = systematic_sample(np.full(12, 0.25), rng=3)
    >>> np.diff(sample.indices)
    array([4, 4])
    """
    q = check_probabilities(probabilities, "probabilities")
    seed = resolve_seed(rng)
    visited = np.arange(q.size) if order is None else check_order(order, q.size)
    visited = visited[(q[visited] >= TINY) & (q[visited] < 1.0)]
    steps, total = _steps(q[visited])
    offset = _offset(seed, total)
    kept, _ = crossings(steps, np.uint64(offset))
    keep = q == 1.0
    keep[visited[kept]] = True
    rows = np.flatnonzero(keep)
    return RowSample(rows, 1.0 / q[rows], q[rows], design="systematic", seed=seed, n=q.size, p=p)


def crossings(
    steps: npt.NDArray[np.uint64], position: np.uint64
) -> tuple[npt.NDArray[np.int64], np.uint64]:
    """Which steps, taken one after the other modulo 2**64 from `position`, pass zero.

    Returns their numbers and the final position, from which the next chunk goes on.
    """
    if not steps.size:
        return np.empty(0, dtype=np.int64), position
    positions = np.cumsum(steps, dtype=np.uint64)
    positions += position
    # A sum that wrapped around is smaller than what was added.
    return np.flatnonzero(positions < steps), np.uint64(positions[-1])


def _steps(q: Vector) -> tuple[npt.NDArray[np.uint64], int]:
    """Probabilities in units of 2**-64, and their sum as an integer of any size.

    If the sum is an integer but for rounding, the largest step absorbs the difference.
    """
    steps = np.rint(q * _UNIT).astype(np.uint64)
    total = _sum(steps)
    whole = integral_total(total / _UNIT)
    if steps.size and whole is not None:
        largest = int(np.argmax(steps))
        adjusted = int(steps[largest]) + (whole << 64) - total
        if 0 <= adjusted <= _MASK:
            steps[largest] = adjusted
            total = whole << 64
    return steps, total


def _sum(steps: npt.NDArray[np.uint64]) -> int:
    low = int(np.sum(steps & np.uint64(0xFFFFFFFF), dtype=np.uint64))
    return low + (int(np.sum(steps >> np.uint64(32), dtype=np.uint64)) << 32)


def _offset(seed: int, total: int) -> int:
    """Start position modulo 2**64, minus the random start.

    For an integer total m the start is the fractional part of m phi, phi uniform: with one seed the
    starts of sizes m and k m then fall on a common grid, which nests the samples.
    """
    high, low = (int(word) for word in Stream(seed, OFFSET_PURPOSE).words(range(1))[0, :2])
    phi = (high << 32) | low
    if total and total & _MASK == 0:
        phi *= total >> 64
    return -phi & _MASK
