"""Tier V1, p = 2, exact: the extreme ratios are generalized eigenvalues (SPEC V1).

With A M orthonormal, the ratio at x = M z is z^T G_S z / z^T G z, where G_S = (SAM)^T SAM and
G = (AM)^T AM is the identity up to rounding; its extremes are the extreme eigenvalues of the pair.
Products with an ill-conditioned A are formed in extended precision, as the basis asks.
Cost m d^2 + n d^2 flops, one pass beside the basis.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg

from .._result import FloatArray
from ..tall import as_tall, single_threaded_blas
from ._certificate import TierResult
from ._problem import Problem

__all__ = ["extreme_eigenvalues", "spectral_tier"]

_EPS = float(np.finfo(float).eps)


def extreme_eigenvalues(
    G_sampled: FloatArray, G_full: FloatArray, rows: int
) -> tuple[FloatArray, FloatArray, float]:
    """Eigenvalues of the sampled Gram matrix relative to the full one, vectors, and their error.

    The error is the usual backward bound for `rows` sampled rows, a small multiple of unit roundoff
    times the largest eigenvalue; the condition of A does not enter because G_full is the identity
    but for rounding.
    """
    with single_threaded_blas():
        values, vectors = scipy.linalg.eigh(G_sampled, G_full)
    largest = float(np.abs(values).max(initial=1.0))
    return values, vectors, 4.0 * _EPS * (rows + len(G_full)) * largest


def spectral_tier(problem: Problem) -> TierResult:
    """Exact extremes for p = 2; `details` holds all ``eigenvalues``."""
    M, low = problem.basis.M, problem.basis.low
    G_sampled = as_tall(problem.rows, require_tall=False).gram(
        row_scale=np.sqrt(problem.weights),
        M=problem.whole.unscaled(M),
        low=None if low is None else problem.whole.unscaled(low),
    )
    values, vectors, error = extreme_eigenvalues(
        G_sampled, problem.whole.gram, problem.indices.size
    )
    return TierResult(
        "spectral",
        M @ vectors[:, [0, -1]],
        certified_lower=max(float(values[0]) - error, 0.0),
        certified_upper=float(values[-1]) + error,
        details={"eigenvalues": values, "rounding": error},
    )
