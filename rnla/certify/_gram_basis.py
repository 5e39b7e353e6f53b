"""A basis for many sparse columns from one Gram matrix: pivoted Cholesky, no product with A.

Orthonormal to eps times the squared condition number, which is enough to choose columns, to
approximate leverage scores and to draw directions. One pass of nnz_i^2 flops a row, d^3 flops after
it, where an accurate basis would form the dense n x d product A M.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg

from ..basis import Basis
from ..tall import TallMatrix, single_threaded_blas

__all__ = ["gram_basis"]

_SMALLEST_PIVOT = 1e-5


def gram_basis(A: TallMatrix) -> Basis | None:
    """The basis, or None if a pivot is so small that rank is not safely decided this way."""
    G = A.gram()
    alive = np.flatnonzero(A.scan().column_max > 0)
    norm = np.sqrt(np.diag(G)[alive])
    if not alive.size or not np.all((norm > 1e-140) & (norm < 1e140)):
        return None
    with single_threaded_blas():
        scaled = G[np.ix_(alive, alive)] / norm / norm[:, None]
        R, order, rank, info = scipy.linalg.lapack.dpstrf(scaled, lower=0)
        diagonal = np.diag(R)
        if info < 0 or rank < alive.size or not diagonal.min() > _SMALLEST_PIVOT:
            return None
        pivots = alive[order - 1]
        R = np.triu(R)
        M = np.zeros((A.shape[1], alive.size))
        inverse = scipy.linalg.solve_triangular(R, np.eye(alive.size))
        M[pivots] = inverse / np.sqrt(np.diag(G)[pivots])[:, None]
        factor = np.zeros((alive.size, A.shape[1]))
        factor[:, pivots] = R * np.sqrt(np.diag(G)[pivots])
    condition = float(diagonal.max() / diagonal.min())
    return Basis(M, factor, alive.size, condition, np.inf, "gram", pivots.astype(np.int64))
