"""An independent sample of A that stands in for A while extremes are searched.

Rows are kept by Poisson sampling with probabilities proportional to a mixture of root leverage
scores, leverage scores and a constant, so that no p-th power is carried by rows that are unlikely
to be seen. It steers the search and is never the base of a reported ratio. O(n) work, no pass
beside the leverage scores, and one row vector beside them.
"""

from __future__ import annotations

import math
from functools import partial

from .._result import FloatArray
from ..tall import rows
from . import _row_vectors
from ._rows import HeldRows
from ._whole import Whole

__all__ = ["draw_reference"]

_ROUNDS = 8


def draw_reference(whole: Whole, size: int) -> HeldRows:
    """About `size` rows with weights 1 / probability; the same ones for the same size."""
    if size not in whole.references:
        whole.references.clear()
        whole.references[size] = _draw(whole, size)
    return whole.references[size]


def _draw(whole: Whole, size: int) -> HeldRows:
    leverage, p = whole.leverage, whole.p
    roots = rows.total(_row_vectors.power(p / 2.0, leverage))
    shares = 1.0 / roots, 1.0 / rows.total(leverage), 0.2 / whole.A.shape[0]
    score = rows.settle(rows.each(partial(_mixture, p, shares), leverage))
    total = rows.total(score)
    factor, certain = size / total, 0
    for _ in range(_ROUNDS):  # rows certain to be kept leave their surplus to the others
        sure = _row_vectors.above(score, 1.0 / factor)
        rest = total - math.fsum(sure)
        if sure.size == certain or rest <= 0.0 or size <= sure.size:
            break
        factor, certain = (size - sure.size) / rest, sure.size
    indices, weights = _row_vectors.drawn(score, factor, whole.stream("reference"))
    return whole.hold(whole.take(indices), weights)


def _mixture(p: float, shares: tuple[float, float, float], leverage: FloatArray) -> FloatArray:
    score: FloatArray = leverage ** (p / 2.0)
    score *= shares[0]
    score += shares[1] * leverage
    score += shares[2]
    return score
