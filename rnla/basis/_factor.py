"""d x d algebra shared by the basis algorithms: truncated pivoted QR, Cholesky steps, rank."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg

from .._result import FloatArray, IntArray, Status

__all__ = [
    "EPS",
    "Factor",
    "cholesky",
    "cholesky_step",
    "condition",
    "default_rcond",
    "is_well_conditioned",
    "pivoted",
    "rank_status",
]

EPS = float(np.finfo(float).eps)
_FLOAT64 = np.dtype(np.float64)

# LAPACK's pivoted QR is several times slower than the plain one, so larger input is reduced to a
# triangle first. Below this size it is not: row-wise stability wants pivoting from the start.
_DIRECT = 2**16


@dataclass(frozen=True, eq=False)
class Factor:
    """Coefficients M (d, r), factor R (r, d), pivots and gap, in the operand's columns.

    `low` (d, m) holds the bits of the last m columns of M that do not fit into M.
    """

    M: FloatArray
    R: FloatArray
    pivots: IntArray
    gap: float
    low: FloatArray | None = None


def default_rcond(n: int, d: int, dtype: np.dtype[Any] = _FLOAT64) -> float:
    """Pivots below this multiple of the first count as rounding.

    A dependent column of the data carries their rounding, eps_data per entry, or that of a sum of
    up to d terms: (10 + sqrt(d)) eps_data relative to its norm. The sums over n rows in a sketch or
    a QR factorisation add independent errors, of norm eps sqrt(n) at most, and d x d algebra a
    small multiple of d eps. The customary max(n, d) eps is the worst case, which independent
    roundings do not meet; at a million rows it would discard directions as large as 2e-10.
    """
    data_eps = float(np.finfo(dtype).eps)
    return data_eps * (10.0 + math.sqrt(d)) + EPS * (d + math.sqrt(n))


def pivoted(C: FloatArray, rank: int | None, rcond: float, *, rows_sorted: bool = False) -> Factor:
    """Column-pivoted QR of C after equilibration, truncated to its numerical rank.

    Pivots with |R_kk| > rcond |R_11| are kept unless `rank` says how many. If the rows are sorted
    by size, so is their rounding: the first k - 1 have been used up when pivot k is formed, and
    rcond times the size of the others decides if that is less.
    """
    d = C.shape[1]
    if C.size > _DIRECT and C.shape[0] > d:
        C = scipy.linalg.qr(C, mode="r", check_finite=False)[0][:d]
    norm = np.sqrt(np.einsum("ij,ij->j", C, C))
    scale = np.where(norm > 0, np.ldexp(1.0, -np.frexp(norm)[1]), 1.0)
    T, order = scipy.linalg.qr(C * scale, mode="r", pivoting=True, check_finite=False)
    diagonal = np.zeros(d + 1)
    diagonal[: min(T.shape)] = np.abs(np.diag(T))
    r = int(np.count_nonzero(diagonal > rcond * diagonal[0]))
    if rank is not None:
        r = min(rank, int(np.count_nonzero(diagonal)))
    pivots = order[:r].astype(np.int64)
    M = np.zeros((d, r))
    M[pivots] = scipy.linalg.solve_triangular(T[:r, :r], np.eye(r), check_finite=False)
    R = np.empty((r, d))
    R[:, order] = T[:r]
    gap = np.inf
    if 0 < r < d and diagonal[r] > 0:
        gap = float(diagonal[r - 1] / diagonal[r])
    return Factor(M * scale[:, None], R / scale, pivots, gap)


def cholesky(G: FloatArray) -> FloatArray:
    """Lower factor of G, shifted by as little as makes it definite if rounding made it otherwise.

    With a shift the step that uses it does not orthonormalise, but still improves the condition
    (shifted CholeskyQR: Fukaya, Kannan, Nakatsukasa, Yamamoto, Yanagisawa, SISC 2020).
    """
    values = np.linalg.eigvalsh(G)
    floor = 10.0 * EPS * G.shape[0] * float(values[-1])
    shift = max(0.0, floor - float(values[0]))
    L: FloatArray = np.linalg.cholesky(G + shift * np.eye(G.shape[0]) if shift else G)
    return L


def is_well_conditioned(G: FloatArray, largest_condition: float) -> bool:
    """Whether a matrix with the Gram matrix G has at most this condition number."""
    values = np.linalg.eigvalsh(G)
    return bool(values[0] * largest_condition**2 > values[-1])


def cholesky_step(factor: Factor, G: FloatArray) -> Factor:
    """Orthonormalise B M, whose Gram matrix is G, by M <- M L^-T and R <- L^T R."""
    L = cholesky(G)
    M = scipy.linalg.solve_triangular(L, factor.M.T, lower=True, check_finite=False).T
    return Factor(np.ascontiguousarray(M), L.T @ factor.R, factor.pivots, factor.gap)


def condition(factor: Factor) -> float:
    """Condition number of the kept columns scaled to equal norm."""
    T = factor.R[:, factor.pivots]
    if T.size == 0:
        return 1.0
    T = T / np.sqrt(np.einsum("ij,ij->j", T, T))
    singular = np.linalg.svd(T, compute_uv=False)
    return float(singular[0] / singular[-1]) if singular[-1] > 0 else np.inf


def rank_status(factor: Factor, d: int, *, given: bool) -> Status:
    """RANK_DEFICIENT if columns were dropped, AMBIGUOUS_RANK if that was a close call."""
    if factor.pivots.size == d:
        return Status.OK
    if factor.gap < 1e3 and not given:
        return Status.AMBIGUOUS_RANK
    return Status.RANK_DEFICIENT
