"""Scores as distributions over the rows, mixed with the uniform one, at any home of the rows.

Losses that do not vanish at zero need every row to have a fair chance: far from the boundary a
logistic loss is linear and scores bound it, near the boundary it is log 2 for every row alike.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from .._result import FloatArray
from ..tall import rows

__all__ = ["coherence", "mixed_with_uniform"]


def mixed_with_uniform(scores: Any, share: float = 0.5) -> Any:
    """(1 - share) scores / sum + share / n."""
    total = rows.total(scores)
    if total <= 0.0:
        return rows.like(scores, 1.0)
    return rows.each(
        partial(_mixed, (1.0 - share) / total, share / scores.shape[0]), rows.float64(scores)
    )


def coherence(scores: Any) -> float:
    """Largest over mean score: how many times more rows uniform sampling has to draw."""
    total = rows.total(scores)
    if total <= 0.0:
        return 1.0
    count: int = scores.shape[0]
    return rows.largest(scores) * count / total


def _mixed(factor: float, constant: float, scores: FloatArray) -> FloatArray:
    return factor * scores + constant
