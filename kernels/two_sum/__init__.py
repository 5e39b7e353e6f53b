"""Add a float64 array to an unevaluated pair of arrays, in place (Knuth, TAOCP 2, 4.2.2).

One read and one write of the pair, where array operations take eight and as many temporaries.
"""

from __future__ import annotations

import numpy as np

__all__ = ["add_to_pair"]


def add_to_pair(total: np.ndarray, error: np.ndarray, term: np.ndarray) -> None:
    """total + error += term, of equal shapes and C-contiguous; `total` stays the rounded sum."""
    from . import cpu

    cpu.add_to_pair(total.reshape(-1), error.reshape(-1), term.reshape(-1))
