"""What a stream can measure of itself for p = 2, though its rows are gone: it keeps A^T A.

The extreme ratios ||SAx||_2^2 / ||Ax||_2^2 are the extreme eigenvalues of (SAM)^T SAM where AM has
orthonormal columns; M comes from a triangular factor of A (accurate for every condition number) or
from a running Gram matrix (only if its condition number leaves digits). O(m d^2 + d^3) flops.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._result import FloatArray
from ..basis import orthonormal_basis
from ..tall import as_tall, single_threaded_blas

__all__ = ["ratios_by_factor", "ratios_by_gram"]

# Eigenvalues of a scaled Gram matrix below the first are rounding; between the two, unclear.
_NOTHING, _ENOUGH = 1e-13, 1e-10


def ratios_by_factor(R: FloatArray, matrix: Any, seed: int) -> tuple[float, float] | None:
    """Smallest and largest ratio, from R with R^T R = A^T A; None if there is none to measure."""
    largest = np.abs(R).max(axis=0)
    if not np.isfinite(R).all() or not largest.any():
        return None
    return _extremes(matrix, orthonormal_basis(as_tall(R, require_tall=False), seed=seed).M)


def ratios_by_gram(G: FloatArray, matrix: Any) -> tuple[float, float] | None:
    """Smallest and largest ratio, from G = A^T A; None if G is too ill-conditioned to tell."""
    length = np.sqrt(np.diag(G))
    if not np.isfinite(length).all() or not length.any():
        return None
    scale = np.divide(1.0, length, out=np.zeros_like(length), where=length > 0.0)
    with single_threaded_blas():
        values, vectors = np.linalg.eigh(G * scale[:, None] * scale)
    kept = values > _NOTHING * values[-1]
    if values[kept][0] < _ENOUGH * values[-1]:
        return None
    return _extremes(matrix, scale[:, None] * vectors[:, kept] / np.sqrt(values[kept]))


def _extremes(matrix: Any, M: FloatArray) -> tuple[float, float] | None:
    if not matrix.shape[0]:
        return 0.0, 0.0
    with single_threaded_blas(), np.errstate(over="ignore", invalid="ignore"):
        B = np.asarray(matrix @ M, dtype=np.float64)
        if not np.isfinite(B).all():
            return None
        singular = np.linalg.svd(B, compute_uv=False)
    smallest = float(singular[-1]) if len(B) >= M.shape[1] else 0.0
    return smallest**2, float(singular[0]) ** 2
