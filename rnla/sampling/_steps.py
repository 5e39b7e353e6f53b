"""Probabilities as integers in units of 2^-64, whose sums modulo 1 are exact in any order."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._rows import integral_total

__all__ = ["UNIT", "unit_steps"]

UNIT = 2.0**64
_MASK = (1 << 64) - 1


def unit_steps(q: Any) -> tuple[Any, int]:
    """Probabilities in units of 2^-64 (uint64), 0 for the rows that are certain, and their sum.

    If the sum is an integer but for rounding, the largest step absorbs the difference.
    """
    from ..kernels import unit_steps as kernel

    steps, total, largest = kernel.unit_steps(q)
    whole = integral_total(total / UNIT)
    if whole is not None and total != whole << 64:
        adjusted = int(steps[largest]) + (whole << 64) - total
        if 0 <= adjusted <= _MASK:
            steps[largest] = np.uint64(adjusted)
            total = whole << 64
    return steps, total
