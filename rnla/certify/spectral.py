"""Tier V1, p = 2, exact: the extreme ratios are generalized eigenvalues (SPEC V1).

With A M orthonormal, the ratio at x = M z is z^T G_S z / z^T G z, where G_S = (SAM)^T SAM and
G = (AM)^T AM is the identity up to rounding; its extremes are the extreme eigenvalues of the pair.
Cost m d^2 + n d^2 flops, one pass beside the basis.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg

from .._result import FloatArray
from ..tall import TallMatrix, single_threaded_blas
from ._certificate import TierResult
from ._problem import Problem

__all__ = ["extreme_eigenvalues", "spectral_tier"]

_EPS = float(np.finfo(float).eps)


def extreme_eigenvalues(
    rows: FloatArray, weights: FloatArray, A: TallMatrix, M: FloatArray
) -> tuple[FloatArray, FloatArray, float]:
    """Eigenvalues of (SAM)^T SAM relative to (AM)^T AM, vectors, and a bound on their error.

    The error bound is the usual backward one, a small multiple of unit roundoff times the largest
    eigenvalue; it does not grow with the condition of A because AM is orthonormal.
    """
    scaled = np.asarray(rows @ M) * np.sqrt(weights)[:, None]
    with single_threaded_blas():
        values, vectors = scipy.linalg.eigh(scaled.T @ scaled, A.gram(M=M))
    error = 4.0 * _EPS * (len(weights) + M.shape[1]) * float(np.abs(values).max(initial=1.0))
    return values, vectors, error


def spectral_tier(problem: Problem) -> TierResult:
    """Exact extremes for p = 2; `details` holds all ``eigenvalues``."""
    M = problem.basis.M
    values, vectors, error = extreme_eigenvalues(problem.rows, problem.weights, problem.A, M)
    return TierResult(
        "spectral",
        M @ vectors[:, [0, -1]],
        certified_lower=max(float(values[0]) - error, 0.0),
        certified_upper=float(values[-1]) + error,
        details={"eigenvalues": values, "rounding": error},
    )
