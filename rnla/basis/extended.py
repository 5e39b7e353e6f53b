"""The last Cholesky step of an ill-conditioned matrix, with B M formed beyond working precision.

In working precision B M is off by eps cond(B), and so is every score, however good M is. With the
extended products of `rnla.tall` the Gram matrix of B M, and then b_i M L^-T, are accurate to about
2^-76 cond(B), provided that the new coefficients are kept to the same accuracy, as M + low. Columns
that do not need it stay in working precision; pivoting puts them first. Cost three times that of
an ordinary step for the other columns.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg

from .._result import FloatArray
from ..tall import single_threaded_blas
from ..tall.extended import leading_bits
from ._factor import EPS, Factor, cholesky, cholesky_step, is_well_conditioned
from ._operand import Operand

__all__ = ["columns_to_extend", "extended_step"]

_TOLERATED = 1e-10  # relative error in b_i M that is left alone
_MOST_STEPS = 4
_ENOUGH = 1e5  # condition number of B M below which its exact Gram matrix is good enough


def columns_to_extend(factor: Factor) -> int:
    """How many of the last columns of M lose too much to cancellation in B M."""
    largest = np.abs(factor.R).max(initial=0.0)
    if not largest > 0.0:
        return 0
    size = np.linalg.norm(factor.M * largest, axis=0) * np.linalg.norm(factor.R / largest)
    needed = np.flatnonzero(EPS * size > _TOLERATED)
    return factor.M.shape[1] - int(needed[0]) if needed.size else 0


def extended_step(B: Operand, factor: Factor, m: int) -> Factor:
    """Make B (M + low) orthonormal, with the last m columns extended: one pass, rarely more."""
    zero = np.zeros((B.d, m))
    for _ in range(_MOST_STEPS):
        G = B.gram(factor.M, zero)
        with single_threaded_blas():
            if is_well_conditioned(G, _ENOUGH):
                break
            factor = cholesky_step(factor, G)
    with single_threaded_blas():
        L = cholesky(G)
        X = scipy.linalg.solve_triangular(L, np.eye(L.shape[0]), lower=True).T
        M, low = _product(factor.M, X)
    return Factor(M, L.T @ factor.R, factor.pivots, factor.gap, low[:, low.shape[1] - m :])


def _product(M: FloatArray, X: FloatArray) -> tuple[FloatArray, FloatArray]:
    """M X for an upper triangular X as an unevaluated sum."""
    # Columns of M grow; with equal sizes the error of column k is relative to columns up to k.
    size = np.ldexp(1.0, np.frexp(np.abs(M).max(axis=0, initial=0.0))[1])
    A, C = M / size, X * size[:, None]
    A1, C1 = leading_bits(A, len(C), axis=1), leading_bits(C, len(C), axis=0)
    exact, small = A1 @ C1, A1 @ (C - C1) + (A - A1) @ C
    total = exact + small
    share = total - exact
    return total, (exact - (total - share)) + (small - share)
