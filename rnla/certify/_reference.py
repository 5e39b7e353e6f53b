"""An independent sample of A that stands in for A while extremes are searched.

Rows are kept by Poisson sampling with probabilities proportional to a mixture of root leverage
scores, leverage scores and a constant, so that no p-th power is carried by rows that are unlikely
to be seen. It steers the search and is never the base of a reported ratio. O(n) work, no pass
beside the leverage scores, and one n-vector beside them.
"""

from __future__ import annotations

import numpy as np

from .._result import FloatArray
from ._rows import HeldRows
from ._whole import Whole

__all__ = ["draw_reference"]

_CHUNK = 2**17


def draw_reference(whole: Whole, size: int) -> HeldRows:
    """About `size` rows with weights 1 / probability; the same ones for the same size."""
    if size not in whole.references:
        whole.references.clear()
        whole.references[size] = _draw(whole, size)
    return whole.references[size]


def _draw(whole: Whole, size: int) -> HeldRows:
    score = _scores(whole.leverage, whole.p)
    n, total = score.size, float(score.sum())
    factor = size / total
    for _ in range(8):  # rows certain to be kept leave their surplus to the others
        sure = score[score >= 1.0 / factor]
        rest = total - float(sure.sum())
        if rest <= 0.0 or size <= sure.size:
            break
        factor = (size - sure.size) / rest
    stream = whole.stream("reference")
    indices, weights = [], []
    for start in range(0, n, _CHUNK):
        probability = np.minimum(1.0, factor * score[start : start + _CHUNK])
        numbers = stream.uniform(range(start, start + probability.size))
        kept = np.flatnonzero(numbers < probability)
        indices.append(start + kept)
        weights.append(1.0 / probability[kept])
    return whole.hold(whole.take(np.concatenate(indices)), np.concatenate(weights))


def _scores(leverage: FloatArray, p: float) -> FloatArray:
    score: FloatArray = leverage ** (p / 2.0)
    score /= float(score.sum())
    score += 0.2 / score.size
    share = 1.0 / float(leverage.sum())
    for start in range(0, score.size, _CHUNK):
        score[start : start + _CHUNK] += share * leverage[start : start + _CHUNK]
    return score
