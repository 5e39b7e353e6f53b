"""Histograms of positive scores with exact sums, so that no order of the rows changes them.

The bit pattern of a positive float64, read as an integer, is its key: keys are ordered as the
numbers are. A bin is a range of keys inside one binade, where all numbers are integer multiples of
one power of two: 26 bits of them are added up at a time, which float64 does exactly. Parts of the
rows fill arrays of a few thousand integers, which add up in a tree; the sums they stand for are
made of them at the caller, as Python integers in units of 2^-1074. Cost O(rows) per histogram.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from .._result import IntArray
from ..tall import rows

__all__ = ["BINADES", "UNIT", "Bin", "Histogram", "Window", "count_bins", "count_keys", "split"]

Vector = npt.NDArray[np.float64]

UNIT = -1074  # sums are in units of 2^UNIT, the smallest positive number
_FRACTION = 52
_HALF = 26
_LARGEST_KEY = 0x7FEFFFFFFFFFFFFF


@dataclass(frozen=True)
class Window:
    """A range of keys, ends included, cut into bins of 2^shift keys; shift is at most 52."""

    first: int
    last: int
    shift: int

    @property
    def bins(self) -> int:
        return (self.last >> self.shift) - (self.first >> self.shift) + 1

    def ends(self, number: int) -> tuple[int, int]:
        """First and last key of a bin."""
        base = ((self.first >> self.shift) + number) << self.shift
        return max(base, self.first), min(base + (1 << self.shift) - 1, self.last)


#: All positive numbers, one bin per power of two.
BINADES = (Window(1, _LARGEST_KEY, _FRACTION),)


@dataclass(frozen=True)
class Bin:
    """Scores with keys first … last: how many, and their sum; `low` and `high` are these scores."""

    first: int
    last: int
    count: int
    sum: int
    low: int
    high: int


def value(key: int) -> int:
    """The number with this key, in units of 2^UNIT."""
    exponent, fraction = key >> _FRACTION, key & ((1 << _FRACTION) - 1)
    return fraction if exponent == 0 else (fraction | 1 << _FRACTION) << (exponent - 1)


def count_bins(windows: Sequence[Window], s: Any) -> list[Bin]:
    """The bins of some windows that are not empty, in order of the windows."""
    found = rows.fold(partial(_fill, _columns(windows)), np.add, s)
    bins, column = [], 0
    for window in windows:
        counts, upper, lower = found[:, column : column + window.bins]
        column += window.bins
        for i in np.flatnonzero(counts).tolist():
            first, last = window.ends(i)
            exponent, count = first >> _FRACTION, int(counts[i])
            whole = (int(upper[i]) << _HALF) + int(lower[i])
            if exponent:
                whole = (whole + (count << _FRACTION)) << (exponent - 1)
            bins.append(Bin(first, last, count, whole, value(first), value(last)))
    return bins


def count_keys(windows: Sequence[Window], s: Any) -> list[Bin]:
    """The same with a bin for every number that occurs: for windows of few scores."""
    keys, counts = rows.fold(partial(_collect, _columns(windows)), _merged, s)
    bins = []
    for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
        number = value(key)
        bins.append(Bin(key, key, count, count * number, number, number))
    return bins


def split(bins: Sequence[Bin], most: int) -> list[Window]:
    """Windows that cut every one of some bins, into about `most` pieces altogether."""
    share = max(2, most // max(len(bins), 1))
    return [
        Window(
            one.first, one.last, max(0, (one.last - one.first).bit_length() - share.bit_length())
        )
        for one in bins
    ]


def _columns(windows: Sequence[Window]) -> IntArray:
    """First and last keys and shifts of windows, in increasing order of their keys."""
    return np.array([(one.first, one.last, one.shift) for one in windows], dtype=np.int64).T


def _fill(windows: IntArray, start: int, s: Any) -> IntArray:
    """Count, and sums of the upper and lower halves of the fractions, of every bin."""
    from ..kernels import score_histogram

    firsts, lasts, shifts = windows
    return rows.host(score_histogram.fill(firsts, lasts, shifts, s))


def _collect(windows: IntArray, start: int, s: Any) -> tuple[IntArray, IntArray]:
    """The keys in any window, increasing, and how often each occurs."""
    from ..kernels import score_histogram

    kept = rows.host(score_histogram.inside(windows[0], windows[1], s))
    keys, counts = np.unique(kept, return_counts=True)
    return keys, counts.astype(np.int64)


def _merged(
    left: tuple[IntArray, IntArray], right: tuple[IntArray, IntArray]
) -> tuple[IntArray, IntArray]:
    keys, where = np.unique(np.concatenate([left[0], right[0]]), return_inverse=True)
    counts = np.zeros(keys.size, dtype=np.int64)
    np.add.at(counts, where, np.concatenate([left[1], right[1]]))
    return keys, counts


def _clip(number: int, low: Fraction, high: Fraction) -> Fraction:
    return low if number < low else high if number > high else Fraction(number)


class Histogram:
    """Bins in increasing order, and bounds on sums over all scores of clip(s / t, floor, 1)."""

    def __init__(self, bins: Iterable[Bin]) -> None:
        self.bins = sorted(bins, key=lambda one: one.first)
        self._high = [one.high for one in self.bins]
        self._counts = [0, *accumulate(one.count for one in self.bins)]
        self._sums = [0, *accumulate(one.sum for one in self.bins)]
        self.rows, self.sum = self._counts[-1], self._sums[-1]
        #: Ends of bins, where pieces of that sum may begin.
        self.ends = sorted({end for one in self.bins for end in (one.low, one.high)})

    def excess(self, t: Fraction, floor: Fraction, m: int) -> tuple[Fraction, Fraction]:
        """Bounds on t (sum of clip(s / t, floor, 1) - m); equal unless t or floor t cuts a bin."""
        bottom = floor * t
        i = bisect.bisect_right(self._high, math.floor(t))
        j = bisect.bisect_right(self._high, math.floor(bottom))
        cut = {
            k
            for k, end in ((i, t), (j, bottom))
            if k < len(self.bins) > 0 and self.bins[k].low < end
        }
        top, mid, low = self.rows - self._counts[i], self._sums[i] - self._sums[j], self._counts[j]
        least = most = Fraction(0)
        for k in cut:
            one = self.bins[k]
            if k >= i:
                top -= one.count
            else:
                mid -= one.sum
            least += one.count * _clip(one.low, bottom, t)
            most += one.count * _clip(one.high, bottom, t)
        known = (top - m) * t + low * bottom + mid
        return known + least, known + most

    def between(self, low: Fraction, high: Fraction, floor: Fraction) -> list[Bin]:
        """Bins of several numbers that some t, or floor t, between low and high cuts."""

        def reaches(one: Bin, unit: Fraction | int) -> bool:
            return one.low < unit * high and one.high > unit * low

        several = (one for one in self.bins if one.first < one.last)
        return [one for one in several if reaches(one, 1) or reaches(one, floor)]

    def piece(self, low: Fraction, floor: Fraction) -> tuple[int, int, int]:
        """For t just above `low`: scores at 1, scores at the floor, and the sum of the others."""
        i = bisect.bisect_right(self._high, math.floor(low))
        j = bisect.bisect_right(self._high, math.floor(floor * low))
        return self.rows - self._counts[i], self._counts[j], self._sums[i] - self._sums[j]

    def replaced(self, old: Sequence[Bin], new: Iterable[Bin]) -> Histogram:
        """The histogram with some bins cut into finer ones."""
        gone = {one.first for one in old}
        return Histogram([*(one for one in self.bins if one.first not in gone), *new])
