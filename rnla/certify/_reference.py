"""An independent sample of A that stands in for A while extremes are searched.

Rows are kept by Poisson sampling with probabilities proportional to a mixture of root leverage
scores, leverage scores and a constant, so that no p-th power is carried by rows that are unlikely
to be seen. It steers the search and is never the base of a reported ratio. O(n) work, no pass
beside the leverage scores.
"""

from __future__ import annotations

import numpy as np

from ._problem import Kept, Problem

__all__ = ["draw_reference"]


def draw_reference(problem: Problem, size: int) -> Kept:
    """About `size` rows with weights 1 / probability."""
    leverage = problem.leverage
    n = leverage.size
    root = leverage ** (problem.p / 2.0)
    score = root / root.sum() + leverage / leverage.sum() + 0.2 / n
    factor = size / score.sum()
    for _ in range(8):  # rows certain to be kept leave their surplus to the others
        sure = factor * score >= 1.0
        rest = score[~sure].sum()
        if rest <= 0.0 or size <= sure.sum():
            break
        factor = (size - sure.sum()) / rest
    probability = np.minimum(1.0, factor * score)
    kept = np.flatnonzero(problem.stream("reference").uniform(range(n)) < probability)
    return Kept(kept, 1.0 / probability[kept], n)
