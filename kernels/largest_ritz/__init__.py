"""The largest eigenvalue of many tridiagonal matrices, and how far the vector reaches.

What Lanczos iteration asks at every look: the largest Ritz value and the last component of its
vector, which is the residual over the next off-diagonal number. Laguerre's iteration from above,
monotone and cubic, on the pivots of T - x; then the vector by a twisted factorisation, so that the
last component keeps relative accuracy however small it is (Parlett and Dhillon, 1997). About 8
sweeps of 10 flops a row, where a full eigenvalue problem costs the cube.
"""

from __future__ import annotations

import numpy as np

__all__ = ["largest_ritz"]


def largest_ritz(diagonal: np.ndarray, off: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Largest eigenvalues (b,) and |last component| of their unit vectors, in float64.

    Real `diagonal` (b, j) and `off` (b, j - 1) of symmetric matrices, j >= 1; where the largest
    eigenvalue is multiple, one of its vectors.
    """
    from . import cpu

    value, tail = np.empty(len(diagonal)), np.empty(len(diagonal))
    cpu.largest_ritz(
        np.ascontiguousarray(diagonal, dtype=np.float64),
        np.ascontiguousarray(off, dtype=np.float64),
        value,
        tail,
    )
    return value, tail
