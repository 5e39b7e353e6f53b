"""Turn scores into inclusion probabilities that spend a row budget exactly (SPEC K6, A16.4).

Finds the one t with sum_i clip(s_i / t, floor, 1) = m. The left side is piecewise linear in 1/t, so
all that is needed is which rows are at 1, which at the floor, and the sum of the others. That is
found by histograms of the scores (`score_histogram`), whose sums are exact integers: first one bin
per binade, then up to 1024 bins where t may lie and where t times the floor may lie, until few
scores are left, which are looked at one by one. So t is the correctly rounded solution, whatever
the order of the rows, the chunks they are in, and the 600 decades they may span. The lower clip is
the floor 1/n of Woodruff and Yasuda, Sharper bounds for lp sensitivity sampling (ICML 2023): it
keeps every weight at most n. Cost O(n) time, three or four looks at the scores, no sorting.
"""

from __future__ import annotations

import bisect
import math
import numbers
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import argument_error, check_size
from ..tall import rows
from ._checks import check_scores
from .score_histogram import BINADES, UNIT, Histogram, count_bins, count_keys, split

__all__ = ["sampling_probabilities"]

Vector = npt.NDArray[np.float64]

_FEW = 1 << 13  # scores that are looked at one by one
_BINS = 1 << 10


def sampling_probabilities(scores: npt.ArrayLike, size: int, *, floor: float | str = "1/n") -> Any:
    """Inclusion probabilities proportional to scores, clipped to 1, that sum to `size`.

    Parameters
    ----------
    scores : array_like, Dask array or CuPy array, shape (n,)
        Finite and non-negative, of any scale. A score of zero means a row that is never needed.
    size : int
        Expected number of rows, 1 to n.
    floor : {"1/n", 0} or float, default "1/n"
        Smallest probability of a row with a positive score; it bounds the weights by 1/floor.

    Returns
    -------
    ndarray of float64, shape (n,)
        q_i = min(1, max(floor, c s_i)) where s_i > 0 and 0 elsewhere, with sum `size`. If at most
        `size` scores are positive, all of those rows get probability 1. For a Dask array of scores
        a Dask array in the same chunks, computed and kept by the workers; for a CuPy array one on
        its GPU, of the same bits.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For negative or non-finite scores, a size outside 1 to n, or a floor that alone exceeds the
        budget.

    Notes
    -----
    Increasing in `size` row by row, which is what makes Poisson samples nested. c is the exact
    solution, rounded once. No pass over the matrix; O(n). Of a Dask array only histograms travel,
    48 KiB per message.

    Runs on a GPU: for CuPy scores the probabilities are a CuPy array.

    Examples
    --------
    >>> sampling_probabilities([4.0, 1.0, 1.0, 0.0], 2, floor=0)
    array([1. , 0.5, 0.5, 0. ])
    >>> sampling_probabilities([4.0, 1.0, 1.0, 0.0], 3)
    array([1., 1., 1., 0.])
    """
    s = check_scores(scores, "scores", keep=True, device=True)
    return rows.settle(probabilities(s, check_size(size, s.shape[0]), floor))


def probabilities(s: Any, m: int, floor: float | str) -> Any:
    """The same for scores that have been checked; not settled."""
    found = Histogram(count_bins(BINADES, s))
    positive = found.rows
    lower = _floor_value(floor, s.shape[0])
    if positive <= m:
        return rows.each(_positive, s)
    if lower * positive > m * (1.0 + 1e-12):
        raise argument_error(
            "floor",
            f"{floor!r}, which spends {lower * positive:g} rows",
            f"at most size / #positive scores = {m / positive:g}",
            "Lower the floor or raise size.",
        )
    if Fraction(lower) * positive >= m:  # by rounding; nothing is left above the floor
        return rows.each(partial(_flat, m / positive), s)
    level = _level(s, found, m, Fraction(lower))
    return rows.each(partial(_clipped, *_split(level), lower), s)


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


def _positive(s: Vector) -> Vector:
    return (s > 0.0).astype(np.float64)


def _flat(value: float, s: Vector) -> Vector:
    return np.where(s > 0.0, value, 0.0)


def _clipped(mantissa: float, exponent: int, floor: float, s: Vector) -> Vector:
    """s / t between floor and 1 for t = mantissa 2^exponent, which need not be a float itself."""
    with np.errstate(over="ignore", under="ignore"):
        q = np.ldexp(s, -exponent)
        q /= mantissa
    np.clip(q, floor, 1.0, out=q)
    q[s == 0.0] = 0.0
    return q


def _split(level: Fraction) -> tuple[float, int]:
    """The level as a correctly rounded mantissa near one and a power of two."""
    exponent = level.numerator.bit_length() - level.denominator.bit_length()
    return float(level / Fraction(2) ** exponent), exponent + UNIT


def _level(s: Any, found: Histogram, m: int, floor: Fraction) -> Fraction:
    """The t at which the probabilities sum to m, in units of 2^UNIT, given the binades."""
    low = Fraction(found.ends[0])  # everything at one
    high = found.sum / (m - floor * found.rows)  # clip(s / t, floor, 1) <= floor + s / t
    while True:
        low, high = _narrowed(found, m, floor, low, high)
        wide = found.between(low, high, floor)
        if not wide or low == high:
            break
        few = sum(one.count for one in wide) <= _FEW
        look = count_keys if few else count_bins
        found = found.replaced(wide, look(split(wide, _BINS), s))
    low, high = _narrowed(found, m, floor, low, high)
    top, bottom, rest = found.piece(low, floor)
    if low == high or rest == 0:  # nothing changes between them
        return low
    return rest / (m - top - floor * bottom)


def _narrowed(
    found: Histogram, m: int, floor: Fraction, low: Fraction, high: Fraction
) -> tuple[Fraction, Fraction]:
    """Two values of t, as near as the bins allow, with probabilities above and below the budget.

    They change from one linear piece to the next where t, or floor t, is a score. If no bin of
    several scores is cut between `low` and `high`, only one linear piece is left.
    """
    for unit in (Fraction(1), 1 / floor) if floor else (Fraction(1),):
        first = bisect.bisect_right(found.ends, math.floor(low / unit))
        last = bisect.bisect_left(found.ends, math.ceil(high / unit))
        between = range(first, last)

        def excess(k: int, unit: Fraction = unit) -> tuple[Fraction, Fraction]:
            return found.excess(found.ends[k] * unit, floor, m)

        under = bisect.bisect_left(between, True, key=lambda k: excess(k)[1] <= 0)
        over = bisect.bisect_left(between, True, key=lambda k: excess(k)[0] < 0)
        if under < len(between):
            high = min(high, found.ends[between[under]] * unit)
        if over > 0:
            low = max(low, found.ends[between[over - 1]] * unit)
    return low, high
