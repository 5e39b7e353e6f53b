"""Names and sizes that the designs share, so that random numbers are coordinated on purpose."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._result import FloatArray, IntArray
from ..tall import rows

__all__ = [
    "CHUNK",
    "DUEL_PURPOSE",
    "OFFSET_PURPOSE",
    "ROW_PURPOSE",
    "TINY",
    "TRIAL_PURPOSE",
    "count_positive",
    "integral_total",
    "positive_rows",
    "side_by_side",
]

# Poisson and priority sampling read one and the same number of a row: their samples overlap.
ROW_PURPOSE = "sampling.row"
# The number a row brings to its duel in the pivotal designs.
DUEL_PURPOSE = "sampling.duel"
# The single starting point of a systematic sample.
OFFSET_PURPOSE = "sampling.offset"
# Draw number t of sampling with replacement.
TRIAL_PURPOSE = "sampling.trial"

CHUNK = 1 << 18
# Rows with a smaller probability are never drawn: their weight would not be a finite number.
TINY = 1e-300


def integral_total(total: float) -> int | None:
    """The integer that a sum of probabilities equals but for rounding (1e-10 relative), or None."""
    nearest = round(total)
    close = abs(total - nearest) <= 1e-10 * total
    return nearest if close else None


def positive_rows(s: Any) -> tuple[IntArray, FloatArray]:
    """The rows with positive scores, and the scores: for few of them."""
    return rows.fold(_positive, side_by_side, s)


def _positive(start: int, s: FloatArray) -> tuple[IntArray, FloatArray]:
    positive = np.flatnonzero(s > 0.0)
    return start + rows.host(positive), rows.host(s[positive])


def side_by_side(left: tuple[Any, ...], right: tuple[Any, ...]) -> tuple[Any, ...]:
    """Columns of what two neighbouring parts keep, one after the other."""
    return tuple(np.concatenate(pair) for pair in zip(left, right, strict=True))


def count_positive(s: Any) -> int:
    """How many scores are positive."""
    return rows.fold(_count, int.__add__, s)


def _count(start: int, s: FloatArray) -> int:
    return int(np.count_nonzero(s))
