"""What a certificate asks of one number per row, wherever the rows live; only answers travel."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from .._result import FloatArray, IntArray
from ..random import Stream
from ..tall import rows

__all__ = ["above", "at", "drawn", "largest_others", "power"]

_CHUNK = 2**17


def power(exponent: float, x: Any) -> Any:
    """x^exponent, element by element."""
    return rows.each(partial(_power, exponent), x)


def _power(exponent: float, x: FloatArray) -> FloatArray:
    result: FloatArray = x**exponent
    return result


def at(x: Any, indices: IntArray) -> FloatArray:
    """The entries at the given rows, which increase."""
    if not rows.is_here(x) and not rows.is_distributed(x):
        return rows.at(x, indices)
    return rows.fold(partial(_at, indices), _joined, x)


def _at(indices: IntArray, start: int, x: FloatArray) -> FloatArray:
    found: FloatArray = rows.host(x[rows.beside(x, _inside(indices, start, len(x)) - start)])
    return found


def _inside(indices: IntArray, start: int, count: int) -> IntArray:
    return indices[slice(*np.searchsorted(indices, [start, start + count]))]


def _joined(left: FloatArray, right: FloatArray) -> FloatArray:
    return np.concatenate([left, right])


def above(x: Any, threshold: float) -> FloatArray:
    """All entries from `threshold` on."""
    return rows.fold(partial(_above, threshold), _joined, x)


def _above(threshold: float, start: int, x: FloatArray) -> FloatArray:
    return rows.host(x[x >= threshold])


def drawn(x: Any, factor: float, stream: Stream) -> tuple[IntArray, FloatArray]:
    """Rows kept independently with probability min(1, factor x), and one over it."""
    indices, weights = rows.fold(partial(_drawn, factor, stream), _both_joined, x)
    return indices, weights


def _drawn(factor: float, stream: Stream, start: int, x: FloatArray) -> tuple[IntArray, FloatArray]:
    indices, weights = [], []
    for first in range(0, max(len(x), 1), _CHUNK):
        probability = np.minimum(1.0, factor * x[first : first + _CHUNK])
        begin = start + first
        numbers = stream.uniform(range(begin, begin + probability.size), like=x)
        kept = np.flatnonzero(numbers < probability)
        indices.append(begin + rows.host(kept))
        weights.append(1.0 / rows.host(probability[kept]))
    return np.concatenate(indices), np.concatenate(weights)


def _both_joined(left: Any, right: Any) -> Any:
    return _joined(left[0], right[0]), _joined(left[1], right[1])


def largest_others(x: Any, indices: IntArray, count: int) -> IntArray:
    """Where the largest positive entries outside `indices` are, earlier rows first among equals."""
    found: IntArray = rows.fold(partial(_largest, indices, count), partial(_best, count), x)[1]
    return found


def _largest(
    indices: IntArray, count: int, start: int, x: FloatArray
) -> tuple[FloatArray, IntArray]:
    if not rows.is_here(x):
        return _largest_on_device(indices, count, start, x)
    best = np.empty(0), np.empty(0, dtype=np.int64)
    for first in range(0, len(x), _CHUNK):
        part = x[first : first + _CHUNK].copy()
        begin = start + first
        part[_inside(indices, begin, len(part)) - begin] = 0.0
        where = np.flatnonzero(part)
        if where.size > count:
            least = np.partition(part[where], where.size - count)[where.size - count]
            more, equal = where[part[where] > least], where[part[where] == least]
            where = np.sort(np.concatenate([more, equal[: count - more.size]]))
        best = _best(count, best, (part[where], begin + where))
    return best


def _largest_on_device(
    indices: IntArray, count: int, start: int, x: Any
) -> tuple[FloatArray, IntArray]:
    """The same for all rows at once, by a sort on the GPU, which keeps the order of equals."""
    others = x.copy()
    others[rows.beside(x, _inside(indices, start, len(x)) - start)] = 0.0
    first = np.argsort(-others)[:count]
    values, where = rows.host(others[first]), rows.host(first)
    order = np.argsort(where)
    order = order[values[order] > 0.0]
    return values[order], start + where[order]


def _best(
    count: int, left: tuple[FloatArray, IntArray], right: tuple[FloatArray, IntArray]
) -> tuple[FloatArray, IntArray]:
    """The largest of both, in the order of their rows."""
    values, where = _both_joined(left, right)
    order = np.sort(np.argsort(-values, kind="stable")[:count])
    return values[order], where[order]
