"""Solves with a symmetric positive semidefinite r x r matrix: equilibrate, Cholesky, refine once.

Weights in a Gram matrix may span hundreds of orders of magnitude, so the matrix is scaled to a unit
diagonal first, and a ridge starting at 1e-14 is added only where the factorization asks for it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import lapack

from .._result import FloatArray

__all__ = ["spd_solver"]


def spd_solver(G: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """Return a function b -> approximately G^{-1} b (0 along directions that G does not see)."""
    diagonal = np.diag(G)
    live = diagonal > 0.0
    scale = np.where(live, 1.0, 0.0)
    np.divide(1.0, np.sqrt(diagonal, where=live, out=np.ones_like(diagonal)), out=scale, where=live)
    scaled = G * scale[:, None] * scale
    scaled[np.diag_indices_from(scaled)] = 1.0
    ridge = 0.0
    while True:
        # LAPACK itself: SciPy's wrappers cost more than a solve of this size.
        factor, failed = lapack.dpotrf(scaled + ridge * np.eye(len(G)) if ridge else scaled)
        if not failed:
            break
        ridge = max(1e-14, 100.0 * ridge)

    def solve(b: FloatArray) -> FloatArray:
        half = scale * b
        x = lapack.dpotrs(factor, half)[0]
        x += lapack.dpotrs(factor, half - scaled @ x)[0]
        result: FloatArray = scale * x
        return result

    return solve
