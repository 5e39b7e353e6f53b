"""Is rank(SA) = rank(A)? If not, some x with Ax != 0 has SAx = 0, and the smallest ratio is zero.

Rank does not change when rows are rescaled, so the sampled rows a_i T are first brought to unit
length: a direction carried by one tiny row then counts like any other. A Cholesky factorization of
their shifted Gram matrix proves full rank in the usual case; otherwise a singular value
decomposition decides, and its last right singular vector is the witness. Cost m r^2 flops.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from .._result import FloatArray
from ..tall import single_threaded_blas
from ._problem import Problem
from ._rows import congruence, dense_product, sparse_gram

__all__ = ["lost_direction"]

_SURE = 1e-8
_TOLERANCE = 1e-12


def lost_direction(problem: Problem) -> FloatArray | None:
    """An x that the sample confuses with zero, or None if the rank is preserved."""
    T, rank = problem.transform, problem.rank
    rows: Any = problem.rows
    if len(problem.indices) >= rank:
        if sp.issparse(T):
            length = np.sqrt(np.asarray((rows @ T).power(2).sum(axis=1))).ravel()
            unit = _inverse(length)
            G = congruence(sparse_gram(rows, unit), T)
        else:
            B = problem.whole.coordinates(rows)
            B *= _inverse(np.linalg.norm(B, axis=1))[:, None]
            G = B.T @ B
        with single_threaded_blas():
            shift = _SURE * float(np.trace(G)) / rank
            try:
                scipy.linalg.cholesky(G - shift * np.eye(rank))
            except np.linalg.LinAlgError:
                pass
            else:
                return None
    dense = dense_product(rows, T) if sp.issparse(T) else problem.whole.coordinates(rows)
    dense *= _inverse(np.linalg.norm(dense, axis=1))[:, None]
    with single_threaded_blas():
        if len(dense) > rank:
            dense = np.asarray(np.linalg.qr(dense, mode="r"))
        singular, right = np.linalg.svd(dense)[1:]
    if singular.size == rank and singular[-1] > _TOLERANCE * singular[0]:
        return None
    return problem.whole.lift(right[-1:].T)[:, 0]


def _inverse(length: FloatArray) -> FloatArray:
    return np.where(length > 0, 1.0 / np.where(length > 0, length, 1.0), 0.0)
