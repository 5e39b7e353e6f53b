"""The chain rule for a projection DPP: every conditional probability of every row (O(n r^2)).

Hough, Krishnapur, Peres and Virag 2006; in matrix terms, randomly pivoted QR of the features. It
needs all features in memory, n r numbers, and serves small ground sets and as a reference.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._result import FloatArray, IntArray
from ..kernels import projection_dpp
from ..tall._device import beside, on_device, to_host
from ._masses import pick
from ._selection import NEGLIGIBLE, Selection, squares

__all__ = ["chain", "chains"]

_REFRESH = 64  # steps after which the probabilities are computed afresh
_LARGEST = 2**17  # numbers of features up to which the kernel is faster than products of BLAS


def chains(U: Any, points: FloatArray) -> IntArray:
    """Many draws by `chain`: rows (draws, r) in the order drawn for `points` (draws, r)."""
    real = U.dtype == np.float64
    if on_device(U) or (real and U.size <= _LARGEST):
        found: IntArray = to_host(projection_dpp.chain(U, beside(U, points)))
        return found
    return np.stack([chain(U, own) for own in points])


def chain(U: FloatArray, points: FloatArray) -> IntArray:
    """Rows in the order drawn; `U` (n, r) has orthonormal columns, `points` (r,) are uniform."""
    r = U.shape[1]
    leverage = squares(U)
    rho = leverage.copy()
    kept = Selection(r, U.dtype)
    chosen = np.empty(r, dtype=np.int64)
    for k in range(r):
        if k and k % _REFRESH == 0:
            rho = squares(kept.residuals(U))
        rho[rho <= NEGLIGIBLE * leverage] = 0.0
        rho[chosen[:k]] = 0.0
        row = pick(rho, float(points[k]))
        chosen[k] = row
        v = kept.append(kept.residuals(U[row : row + 1])[0])
        rho -= np.abs(U @ v.conj()) ** 2
    return chosen
