"""Turn scores into inclusion probabilities that spend a row budget exactly (SPEC K6).

Finds the one c with sum_i clip(c s_i, floor, 1) = m. The left side is piecewise linear and
increasing in c, so the scores are sorted once and the linear piece is found by bisection over its
ends; every evaluation divides scores by the score at the end, so 600 decades neither overflow nor
cancel. The lower clip is the floor 1/n of Woodruff and Yasuda, Sharper bounds for lp sensitivity
sampling (ICML 2023): it keeps every weight at most n. Cost O(n log n) time, 2 n numbers of memory.
"""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import argument_error, check_size
from ._checks import check_scores

__all__ = ["sampling_probabilities"]

Vector = npt.NDArray[np.float64]


def sampling_probabilities(
    scores: npt.ArrayLike, size: int, *, floor: float | str = "1/n"
) -> Vector:
    """Inclusion probabilities proportional to scores, clipped to 1, that sum to `size`.

    Parameters
    ----------
    scores : array_like, shape (n,)
        Finite and non-negative, of any scale. A score of zero means a row that is never needed.
    size : int
        Expected number of rows, 1 to n.
    floor : {"1/n", 0} or float, default "1/n"
        Smallest probability of a row with a positive score; it bounds the weights by 1/floor.

    Returns
    -------
    ndarray of float64, shape (n,)
        q_i = min(1, max(floor, c s_i)) where s_i > 0 and 0 elsewhere, with sum `size`. If at most
        `size` scores are positive, all of those rows get probability 1.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For negative or non-finite scores, a size outside 1 to n, or a floor that alone exceeds the
        budget.

    Notes
    -----
    Increasing in `size` row by row, which is what makes Poisson samples nested. The sum is exact to
    a few units in the last place. No pass over the matrix; O(n log n).

    Examples
    --------
    >>> sampling_probabilities([4.0, 1.0, 1.0, 0.0], 2, floor=0)
    array([1. , 0.5, 0.5, 0. ])
    >>> sampling_probabilities([4.0, 1.0, 1.0, 0.0], 3)
    array([1., 1., 1., 0.])
    """
    s = check_scores(scores, "scores")
    n = s.size
    m = check_size(size, n)
    positive = np.flatnonzero(s > 0.0)
    lower = _floor_value(floor, n)
    q = np.zeros(n)
    if positive.size <= m:
        q[positive] = 1.0
        return q
    if lower * positive.size > m * (1.0 + 1e-12):
        raise argument_error(
            "floor",
            f"{floor!r}, which spends {lower * positive.size:g} rows",
            f"at most size / #positive scores = {m / positive.size:g}",
            "Lower the floor or raise size.",
        )
    active = s[positive]
    # A common power of two is exact and keeps floor * score clear of underflow.
    active = np.ldexp(active, 1020 - np.frexp(active.max())[1])
    order = np.argsort(-active, kind="stable")
    with np.errstate(over="ignore", under="ignore"):
        q[positive[order]] = _solve_sorted(active[order], m, lower)
    return q


def _floor_value(floor: float | str, n: int) -> float:
    """The floor as a number in [0, 1]."""
    if isinstance(floor, str) and floor == "1/n":
        return 1.0 / n
    number: Any = floor
    real = isinstance(number, numbers.Real) and not isinstance(number, bool)
    if not real or not 0.0 <= number <= 1.0:
        raise argument_error(
            "floor", repr(floor), "'1/n' or a number from 0 to 1", "Pass floor=0 for no floor."
        )
    return float(number)


def _solve_sorted(s: Vector, m: int, floor: float) -> Vector:
    """Solve for scores that are positive, sorted downwards and more than m in number."""
    n = s.size
    # floor * n may exceed m by rounding alone; then nothing is left above the floor.
    floor = min(floor, m / n)

    def excess(scale: float, fraction: float) -> float:
        """Sum of clip(fraction * s / scale, floor, 1) minus m, scale being one of the scores.

        Whole rows are subtracted as integers: a tail of 1e-17 must still count as too much.
        """
        top = _count_at_least(s, scale / fraction)
        bottom = _count_at_least(s, scale * (floor / fraction)) if floor > 0.0 else n
        bottom = max(bottom, top)
        tail = floor * (n - bottom) + fraction * float(np.sum(s[top:bottom] / scale))
        return tail - (m - top)

    # Rows 0 ... k-1 reach probability 1 at or before c = 1 / s[k-1].
    low, high = 0, min(m, n)
    while low < high:
        k = (low + high + 1) // 2
        low, high = (k, high) if excess(float(s[k - 1]), 1.0) <= 0.0 else (low, k - 1)
    top = low
    # Rows j ... n-1 still sit on the floor at c = floor / s[j].
    low, high = top, n
    while floor > 0.0 and low < high:
        j = (low + high) // 2
        low, high = (low, j) if excess(float(s[j]), floor) >= 0.0 else (j + 1, high)
    bottom = high if floor > 0.0 else n
    q = np.full(n, floor)
    q[:top] = 1.0
    if bottom > top:
        share = s[top:bottom] / s[top]
        left = m - top - floor * (n - bottom)
        q[top:bottom] = np.clip(share * (left / float(np.sum(share))), floor, 1.0)
    return q


def _count_at_least(s: Vector, threshold: float) -> int:
    """How many of the downward sorted scores are at least the threshold."""
    return int(s.size - np.searchsorted(s[::-1], threshold, side="left"))
