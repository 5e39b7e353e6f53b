"""When two canonical correlations are too close to call the first one the answer (SPEC A10)."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["LEAST_GAP", "is_ambiguous"]

LEAST_GAP = 1e-3


def is_ambiguous(sigma: Any, gap: Any) -> Any:
    """Whether noise that moved sigma_1 so far from one could have changed the order."""
    return gap < np.maximum(3.0 * (1.0 - sigma), LEAST_GAP)
