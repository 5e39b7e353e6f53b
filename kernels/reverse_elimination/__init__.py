"""Remove rows of a set one by one, each with the probability that volume sampling gives it.

A row of the `left` rows is picked uniformly; it leaves with probability h = 1 - u^T Z u, Z the
inverse of the Gram matrix of the rows that are left, which then changes by a rank-one term
(Derezinski and Warmuth, AISTATS 2018). 2 r^2 flops a trial, 4 r^2 with a removal.
"""

from __future__ import annotations

import numpy as np

__all__ = ["remove_rows"]


def remove_rows(
    U: np.ndarray,
    alive: np.ndarray,
    left: int,
    Z: np.ndarray,
    points: np.ndarray,
    target: int,
    delicate: float,
) -> tuple[int, int, bool]:
    """Go on until `target` rows are left, points are used up, or Z has to be computed afresh.

    U (n, r) and Z (r, r) are C-contiguous float64, `alive` (n,) int64 with the rows of the set in
    its first `left` places, `points` (2 k,) uniform numbers, two for each trial. `alive` and Z are
    updated in place, but for Z after the last removal if that made it stale.

    Returns the trials made, the rows left, and whether Z is stale: the target is reached, or a row
    left with h below `delicate`, whose update would lose digits.
    """
    from . import cpu

    trials, remaining, stale = cpu.remove_rows(U, alive, left, Z, points, target, delicate)
    return int(trials), int(remaining), bool(stale)
