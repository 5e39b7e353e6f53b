"""Orthonormalisation through the Gram matrix: one Cholesky step, or two.

G = B^T B carries a relative error of a few eps, so with equal column norms the scores from its
Cholesky factor are off by up to eps d / lambda_min(G), relative to each score. If that is too much,
the factor still preconditions well enough for a second Gram matrix to be near the identity
(CholeskyQR2: Yamamoto, Nakatsukasa, Yanagisawa, Fukaya, ETNA 2015), up to a condition number near
10^6. Cost n d^2 flops and one pass, or 4 n d^2 and two passes.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg

from ..tall import single_threaded_blas
from ._factor import EPS, Factor, cholesky_step
from ._operand import Operand
from .extended import columns_to_extend, extended_step

__all__ = ["cholesky_qr2", "gram"]

_ACCURATE = 1e-10  # largest estimated relative error of a score from one Cholesky step
_USABLE = 1e-3  # largest departure from orthonormality that a second step is asked to remove


def gram(B: Operand, rcond: float) -> tuple[Factor, float] | None:
    """Factor from one Gram matrix, with the estimated error of its scores.

    None if that is hopeless, or if the rank might be in question: no pivot is below the square
    root of the least eigenvalue, and none above one.
    """
    G = B.gram()
    with single_threaded_blas():
        pivots = np.flatnonzero(B.alive)
        norm = np.sqrt(np.diag(G)[pivots])
        if pivots.size == 0 or not np.all((norm > 1e-140) & (norm < 1e140)):
            return None
        scaled = G[np.ix_(pivots, pivots)] / norm / norm[:, None]
        smallest = float(np.linalg.eigvalsh(scaled)[0])
        error = EPS * B.d / smallest if smallest > 0 else np.inf
        if error > _USABLE or smallest <= (4.0 * rcond) ** 2:
            return None
        L = np.linalg.cholesky(scaled)
        inverse = scipy.linalg.solve_triangular(L, np.eye(pivots.size), lower=True).T
        M = np.zeros((B.d, pivots.size))
        M[pivots] = inverse / norm[:, None]
        R = np.zeros((pivots.size, B.d))
        R[:, pivots] = L.T * norm
    return Factor(M, R, pivots.astype(np.int64), np.inf), error


def is_accurate(error: float) -> bool:
    """Whether one Cholesky step leaves every score accurate enough."""
    return error <= _ACCURATE


def cholesky_qr2(B: Operand, first: Factor) -> Factor:
    """Second Cholesky step, on the rows preconditioned by the first: one more pass."""
    m = columns_to_extend(first)
    if m:
        return extended_step(B, first, m)
    G = B.gram(first.M)
    with single_threaded_blas():
        return cholesky_step(first, G)
