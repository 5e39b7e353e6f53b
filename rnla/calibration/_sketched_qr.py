"""Orthonormal columns of a tall matrix by matrix products: Cholesky QR made safe by a sketch.

R_1 from the QR factorisation of a sparse sketch with 4 n rows makes A R_1^{-1} well conditioned
(kappa about 3, whatever that of A), so that one Cholesky factorisation of its Gram matrix finishes
(Balabanov, arXiv 2210.09953; sketch and precondition: Rokhlin and Tygert, 2008). 8 numbers of the
sketch a row, 2 p m n^2 multiply-adds in matrix products in the place of a Householder QR.
"""

from __future__ import annotations

import numpy as np

from ..sketch import SparseSign
from .operators._base import Array

__all__ = ["SEED", "is_tall", "sketched_factor", "sketched_qr"]

SEED = 0x5E1F
_ROWS = 4  # of the sketch, in n
_TALL = 16  # rows in n from which it pays
_ENTRIES = 2**18


def is_tall(rows: int, n: int) -> bool:
    """Whether products are faster than Householder reflections."""
    return rows >= _TALL * n and rows * n >= _ENTRIES


def sketched_factor(A: Array, *, seed: int = SEED) -> Array | None:
    """The inverse of R_1, or None if columns are dependent to working precision."""
    rows, n = A.shape
    sketch = SparseSign(_ROWS * n, rows).draw(seed) @ A
    R = np.linalg.qr(sketch.astype(A.dtype, copy=False), mode="r")
    pivots = np.abs(np.diagonal(R))
    if not pivots.min() > 100 * n * float(np.finfo(A.dtype).eps) * pivots.max():
        return None
    return np.linalg.inv(R)


def sketched_qr(A: Array, *, seed: int = SEED) -> tuple[Array, Array] | None:
    """Q and R^{-1} with A R^{-1} = Q, or None if columns are dependent to working precision."""
    first = sketched_factor(A, seed=seed)
    if first is None:
        return None
    Q = A @ first
    try:
        L = np.linalg.cholesky(Q.conj().T @ Q)
    except np.linalg.LinAlgError:
        return None
    second = np.linalg.inv(L).conj().T
    return Q @ second, first @ second
