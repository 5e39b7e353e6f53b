"""Scores as distributions over the rows, mixed with the uniform one, at any home of the rows.

Losses that do not vanish at zero need every row to have a fair chance: far from the boundary a
logistic loss is linear and scores bound it, near the boundary it is log 2 for every row alike.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..._result import FloatArray
from ...tall import rows

__all__ = ["coherence", "mixed_with_uniform"]


def mixed_with_uniform(scores: Any, base: Any, share: float = 0.5) -> Any:
    """(1 - share) scores / sum + share base / sum, base being ones or the weights of the rows."""
    total = rows.total(scores)
    if total <= 0.0:
        return base
    left, right = (1.0 - share) / total, share / rows.total(base)
    return rows.each(partial(_mixed, left, right), rows.float64(scores), base)


def coherence(scores: Any) -> float:
    """Largest over mean score: how many times more rows uniform sampling has to draw."""
    total = rows.total(scores)
    if total <= 0.0:
        return 1.0
    count: int = scores.shape[0]
    return rows.largest(scores) * count / total


def _mixed(left: float, right: float, scores: FloatArray, base: FloatArray) -> FloatArray:
    return left * scores + right * base
