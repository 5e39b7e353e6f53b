"""scikit-learn's random states as seeds of rnla."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

__all__ = ["FLOATS", "as_rng"]

FLOATS = [np.float64, np.float32]  # kept as they are; everything else becomes float64


def as_rng(random_state: Any) -> Any:
    """A seed for `rng=`: None draws a new one each time, a RandomState moves on."""
    if isinstance(random_state, np.random.RandomState):
        return int(check_random_state(random_state).randint(2**31))
    return random_state
