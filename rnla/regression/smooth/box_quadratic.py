"""min s^T H s / 2 - g^T s over a box: block principal pivoting on small dense matrices.

The coordinates are split into free ones and ones at a bound; the free ones solve their normal
equations, and all that are infeasible or have a multiplier of the wrong sign change sides at once
(Judice and Pires, Computers & Operations Research 1994). If their number has not fallen for a
while, one at a time does (Murty 1974), which ends for every positive definite H. A few solves of
d x d systems.
"""

from __future__ import annotations

import numpy as np

from ..._result import FloatArray
from ...constrained._spd import spd_solver

__all__ = ["box_quadratic"]

_PATIENCE = 3


def box_quadratic(
    H: FloatArray, g: FloatArray, lower: FloatArray, upper: FloatArray, *, max_iter: int = 500
) -> FloatArray:
    """The minimiser s, exactly at its active bounds; H positive definite, lower <= upper."""
    d = g.size
    side = np.zeros(d, dtype=np.int8)  # -1 at the lower bound, 0 free, 1 at the upper bound
    fixed = lower == upper
    side[fixed] = -1
    fewest, patience = d + 1, _PATIENCE
    size = np.sqrt(np.maximum(np.diag(H), 0.0))
    s = np.zeros(d)
    for _ in range(max_iter):
        free = np.flatnonzero(side == 0)
        s = np.where(side < 0, lower, np.where(side > 0, upper, 0.0))
        s[side == 0] = 0.0
        if free.size:
            s[free] = spd_solver(H[np.ix_(free, free)])(g[free] - H[free] @ s)
        multiplier = g - H @ s
        slack = 1e-14 * size * float(np.abs(size @ np.abs(s)))
        low, high = (side == 0) & (s < lower), (side == 0) & (s > upper)
        loose = ~fixed & (
            ((side < 0) & (multiplier > slack)) | ((side > 0) & (multiplier < -slack))
        )
        wrong = np.flatnonzero(low | high | loose)
        if not wrong.size:
            break
        if wrong.size < fewest:
            fewest, patience = wrong.size, _PATIENCE
        elif patience > 0:
            patience -= 1
        else:
            wrong = wrong[-1:]
        side[wrong] = np.where(low[wrong], -1, np.where(high[wrong], 1, 0))
    return np.clip(s, lower, upper)
