"""Gram matrices and row norms of very sparse rows in extended precision, without dense rows.

(A M)^T (A M) = M^T (A^T A) M and ||a_i M||^2 = a_i^T (M M^T) a_i cancel down to 1 / cond(A)^2 of
their terms, which ruins them in float64. With A^T A and M M^T to 150 bits the loss does no harm and
the work falls from nnz_i r for every row to nnz_i^2, plus some 20 products of d x d matrices.
"""

from __future__ import annotations

import numpy as np

from .._result import FloatArray
from ._blas import single_threaded_blas
from ._parts import congruence, outer_square
from ._source import Block

__all__ = ["add_gram", "coefficients", "congruent_gram", "quadratic_form", "quadratic_norms"]


def add_gram(
    block: Block, column_scale: FloatArray, weight: FloatArray | None, out: FloatArray
) -> None:
    """Add the weighted Gram matrix of one CSR block, columns scaled, to three triangular parts."""
    from ..kernels import csr_extended

    csr_extended.add_gram(block.data, block.indices, block.indptr, column_scale, weight, out)


def coefficients(M: FloatArray, low: FloatArray, column_scale: FloatArray) -> FloatArray:
    """M + low for scaled columns, in three parts; `low` extends the last columns."""
    parts = np.zeros((3, *M.shape))
    parts[0] = M / column_scale[:, None]
    parts[1, :, M.shape[1] - low.shape[1] :] = low / column_scale[:, None]
    return parts


def congruent_gram(G: FloatArray, M: FloatArray) -> FloatArray:
    """M^T G M, for G as upper triangles in parts and M in parts, rounded once."""
    with single_threaded_blas():
        G = np.triu(G) + np.triu(G, 1).transpose(0, 2, 1)
        diagonal = np.diagonal(G[0])
        # Powers of two that bring the diagonal near one keep all columns in the same slices.
        scale = np.ldexp(1.0, -(np.frexp(np.where(diagonal > 0, diagonal, 1.0))[1] // 2))
        return congruence(G * scale * scale[:, None], M / scale[:, None])


def quadratic_form(M: FloatArray) -> FloatArray:
    """M M^T for M in parts, in parts."""
    with single_threaded_blas():
        return outer_square(M)


def quadratic_norms(block: Block, column_scale: FloatArray, P: FloatArray) -> FloatArray:
    """sqrt(a_i^T D P D a_i) of one CSR block."""
    from ..kernels import csr_extended

    values = csr_extended.quadratic(block.data, block.indices, block.indptr, column_scale, P)
    norms: FloatArray = np.sqrt(np.maximum(values, 0.0))
    return norms
