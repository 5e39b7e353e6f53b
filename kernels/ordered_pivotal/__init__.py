"""Ordered pivotal sampling: rows duel one after the other for their probabilities.

The standing row has mass a, the next row brings mass b. If a + b < 1 one of them goes on with a +
b, the newcomer with probability b / (a + b); otherwise one is accepted and the other goes on with
a + b - 1, the newcomer with probability (1 - b) / (2 - a - b). Every row is accepted with exactly
the probability it came with (Deville and Tille, Biometrika 1998). About 10 ns a row; no memory.
"""

from __future__ import annotations

import numpy as np

__all__ = ["ordered_pivotal"]


def ordered_pivotal(
    probabilities: np.ndarray,
    uniforms: np.ndarray,
    start: int = 0,
    standing: int = -1,
    mass: float = 0.0,
) -> tuple[np.ndarray, int, float]:
    """Let rows start, start + 1, ... duel in this order.

    Parameters are contiguous float64 arrays: probabilities in [0, 1) (zeros are passed over) and
    one uniform number per row, used in the duel in which that row is the newcomer. `standing` and
    `mass` are what the chunk before returned.

    Returns the accepted rows in increasing order of acceptance (int64), the standing row (-1 if
    none) and its mass, which the caller passes on or settles.
    """
    from . import cpu

    accepted = np.empty(probabilities.size + 1, dtype=np.int64)
    count, standing, mass = cpu.ordered_pivotal(
        probabilities, uniforms, start, standing, mass, accepted
    )
    return accepted[:count].copy(), int(standing), float(mass)
