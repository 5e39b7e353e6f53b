"""Arithmetic of one row block, dense or CSR: what a pass does between reading and adding up."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._result import FloatArray
from ._source import Block

__all__ = ["gram", "norms", "product", "scan"]


def product(block: Block, M: FloatArray | None, row_scale: FloatArray | None) -> FloatArray:
    """Rows s_i a_i M as a dense array; scaled before the product where that avoids overflow."""
    if M is None:
        dense = block if isinstance(block, np.ndarray) else block.toarray().astype(np.float64)
    else:
        dense = block @ M
    if row_scale is None:
        return dense
    return dense * row_scale[:, None]


def gram(block: Block, M: FloatArray | None, row_scale: FloatArray | None) -> FloatArray:
    """Sum over the block of (s_i a_i M)^T (s_i a_i M)."""
    if M is None and not isinstance(block, np.ndarray):
        from ..kernels.csr_gram import csr_gram

        result: FloatArray = csr_gram(
            block.data, block.indices, block.indptr, block.shape[1], row_scale
        )
        return result
    Y = product(block, M, row_scale)
    total: FloatArray = Y.T @ Y  # an array and its transpose: NumPy calls the rank-k update
    return total


def norms(block: Block, M: FloatArray | None, p: float) -> FloatArray:
    """Row norms ||a_i M||_p without overflow."""
    if not isinstance(block, np.ndarray):
        from ..kernels.csr_row_norms import csr_row_norms

        M = np.eye(block.shape[1]) if M is None else M
        result: FloatArray = csr_row_norms(block.data, block.indices, block.indptr, M, p)
        return result
    return dense_norms(product(block, M, None), p)


def dense_norms(Y: FloatArray, p: float) -> FloatArray:
    """Row p-norms; the plain sum of squares first, rescaled only if it left the safe range."""
    if p == 2.0:
        squares: FloatArray = np.einsum("ij,ij->i", Y, Y)
        if squares.size == 0 or (squares.max() < 1e280 and squares.min() > 1e-280):
            return np.sqrt(squares)
    largest: FloatArray = np.abs(Y).max(axis=1)
    if p == np.inf:
        return largest
    safe = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
    scaled = np.abs(Y) / safe[:, None]
    result: FloatArray = safe * np.sum(scaled**p, axis=1) ** (1.0 / p)
    return np.where(largest > 0, result, 0.0)


def scan(block: Block) -> tuple[FloatArray, FloatArray]:
    """Column and row maxima of |block|; infinite or NaN exactly where such an entry is."""
    if isinstance(block, np.ndarray):
        from ..kernels.scan import column_and_row_max

        column, row = column_and_row_max(block)
        return column.astype(np.float64), row.astype(np.float64)
    magnitude: Any = np.abs(block.data).astype(np.float64)
    column = np.zeros(block.shape[1])
    np.maximum.at(column, block.indices, magnitude)
    row = np.zeros(block.shape[0])
    filled = np.flatnonzero(np.diff(block.indptr))
    if filled.size:
        row[filled] = np.maximum.reduceat(magnitude, block.indptr[filled])
    return column, row
