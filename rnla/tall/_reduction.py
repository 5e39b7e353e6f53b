"""How the small results of row strips are put together, in an order that does not matter.

A plain floating-point sum depends on the order of its terms, so on chunks, threads and workers.
Sums of strips are therefore carried as unevaluated pairs of a rounded sum and its error (Knuth,
TAOCP 2, 4.2.2; Dekker 1971): about 106 bits, rounded once to 53 at the end. Two orders agree to
the last bit unless the exact sum lies within 2^-40 units in the last place of a tie. Cost: six
additions per entry and strip, which is nothing beside the strip.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._result import FloatArray
from ..kernels import two_sum
from ._parts import add_parts

__all__ = ["ADD", "MAX", "MAX_AND_ADD", "PARTS", "Reduction"]


@dataclass(frozen=True)
class Reduction:
    """A commutative, associative rule: states are put together by `merge`, then `finish` once.

    `lift` makes a state of the accumulator that one strip filled, which started as zeros. `absorb`
    is `merge` that may write over its first state, for engines that own it.
    """

    lift: Callable[[FloatArray], Any]
    merge: Callable[[Any, Any], Any]
    finish: Callable[[Any], FloatArray]
    absorb: Callable[[Any, Any], Any]


def _same(state: Any) -> Any:
    return state


def _pair(total: FloatArray) -> tuple[FloatArray, FloatArray | None]:
    return total, None


def _add_pairs(
    left: tuple[FloatArray, FloatArray | None], right: tuple[FloatArray, FloatArray | None]
) -> tuple[FloatArray, FloatArray | None]:
    (a, low_a), (b, low_b) = left, right
    with np.errstate(invalid="ignore", over="ignore"):  # infinite sums stay infinite, see _rounded
        total = a + b
        share = total - a
        error = a - (total - share)
        error += b - share
        for low in (low_a, low_b):
            if low is not None:
                error += low
    return total, error


def _absorb_pair(
    left: tuple[FloatArray, FloatArray | None], right: tuple[FloatArray, FloatArray | None]
) -> tuple[FloatArray, FloatArray | None]:
    (total, error), (term, low) = left, right
    if low is not None:
        return _add_pairs(left, right)
    if error is None:
        error = np.zeros_like(total)
    two_sum.add_to_pair(total, error, term)
    return total, error


def _rounded(pair: tuple[FloatArray, FloatArray | None]) -> FloatArray:
    total, error = pair
    if error is None:
        return total
    with np.errstate(invalid="ignore"):
        result: FloatArray = total + error
    return np.where(np.isfinite(total), result, total)


#: Sums that do not depend on the order of their strips.
ADD = Reduction(_pair, _add_pairs, _rounded, _absorb_pair)
#: Largest values, of accumulators that start at zero.
MAX = Reduction(_same, np.maximum, _same, np.maximum)
#: Sums in three parts, see `_parts`.
PARTS = Reduction(_same, add_parts, _same, add_parts)


def _split(total: FloatArray) -> Any:
    return total[0], _pair(total[1:])


def _merge_both(left: Any, right: Any) -> Any:
    return np.maximum(left[0], right[0]), _add_pairs(left[1], right[1])


def _join(state: Any) -> FloatArray:
    return np.vstack([state[0], _rounded(state[1])])


#: Largest values in the first row of an accumulator, sums in the others.
MAX_AND_ADD = Reduction(_split, _merge_both, _join, _merge_both)
