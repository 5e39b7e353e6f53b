"""Arithmetic of one row block, dense or CSR: what a visit does between reading and adding up."""

from __future__ import annotations

import threading

import numpy as np

from .._result import FloatArray
from ._source import Block, csr_block
from .extended import Extended

__all__ = [
    "Coefficients",
    "add_gram",
    "max_columns_and_rows",
    "norms",
    "product",
    "quadratic",
    "scaled",
]


Coefficients = FloatArray | Extended | None  # M as an array, in extended precision, or the identity


def scaled(block: Block, row_scale: FloatArray | None, column_scale: FloatArray | None) -> Block:
    """The block diag(row_scale) B diag(column_scale), in the block's kind."""
    if row_scale is None and column_scale is None:
        return block
    if isinstance(block, np.ndarray):
        result = block if column_scale is None else block * column_scale
        return result if row_scale is None else result * row_scale[:, None]
    data = block.data.astype(np.float64)
    if column_scale is not None:
        data *= column_scale[block.indices]
    if row_scale is not None:
        data *= np.repeat(row_scale, np.diff(block.indptr))
    return csr_block(data, block.indices, block.indptr, block.shape[1])


def product(
    block: Block, M: Coefficients, row_scale: FloatArray | None, *, passing: bool = False
) -> FloatArray:
    """Rows s_i a_i M as a dense array; a `passing` one may be written over by the next."""
    out = None
    if passing and isinstance(block, np.ndarray) and not isinstance(M, Extended):
        out = _scratch(block.shape[0], block.shape[1] if M is None else M.shape[1])
    if M is None:
        dense = block if isinstance(block, np.ndarray) else block.toarray().astype(np.float64)
    elif isinstance(M, Extended):
        dense = M.product(block)
    elif out is not None:
        dense = np.matmul(block, M, out=out)
    else:
        dense = block @ M
    if row_scale is None:
        return dense
    return np.multiply(dense, row_scale[:, None], out=out)


_own = threading.local()


def _scratch(rows: int, columns: int) -> FloatArray:
    """Memory of this thread that it has used before.

    Fresh memory costs more than a product of a block where memory is given back to the system at
    once, as Dask tells its workers to.
    """
    size = rows * columns
    buffer: FloatArray | None = getattr(_own, "buffer", None)
    if buffer is None or buffer.size < size:
        buffer = _own.buffer = np.empty(size)
    return buffer[:size].reshape(rows, columns)


def add_gram(block: Block, M: Coefficients, row_scale: FloatArray | None, out: FloatArray) -> None:
    """Add the block's (s_i a_i M)^T (s_i a_i M); without M, sparse rows fill one triangle only."""
    if M is None and not isinstance(block, np.ndarray):
        from ..kernels.csr_gram import add_csr_gram

        add_csr_gram(block.data, block.indices, block.indptr, row_scale, out)
        return
    from ..kernels.gram import add_gram as add_dense_gram

    add_dense_gram(product(block, M, row_scale, passing=True), None, out)


def norms(block: Block, M: Coefficients, p: float) -> FloatArray:
    """Row norms ||a_i M||_p without overflow."""
    if not isinstance(block, np.ndarray) and not isinstance(M, Extended):
        from ..kernels.csr_row_norms import csr_row_norms

        M = np.eye(block.shape[1]) if M is None else M
        result: FloatArray = csr_row_norms(block.data, block.indices, block.indptr, M, p)
        return result
    return dense_norms(product(block, M, None, passing=True), p)


def dense_norms(Y: FloatArray, p: float) -> FloatArray:
    """Row p-norms."""
    from ..kernels.row_norms import row_norms

    result: FloatArray = row_norms(Y, p)
    return result


def quadratic(block: Block, P: FloatArray) -> FloatArray:
    """a_i^T P a_i for a symmetric P."""
    if isinstance(block, np.ndarray):
        values: FloatArray = np.einsum("ij,ij->i", block @ P, block)
        return values
    from ..kernels.csr_quadratic import csr_quadratic

    result: FloatArray = csr_quadratic(block.data, block.indices, block.indptr, P)
    return result


def max_columns_and_rows(block: Block, columns: FloatArray) -> FloatArray:
    """Raise `columns` to the column maxima of |block|; return the row maxima.

    A maximum is infinite or NaN exactly where such an entry is.
    """
    from ..kernels import scan

    if isinstance(block, np.ndarray):
        column, row = scan.column_and_row_max(block)
    else:
        column, row = scan.csr_column_and_row_max(
            block.data, block.indices, block.indptr, block.shape[1]
        )
    np.maximum(columns, column, out=columns)
    largest: FloatArray = row.astype(np.float64)
    return largest
