"""Arithmetic of one row block, dense or CSR: what a visit does between reading and adding up.

Blocks on a GPU (CuPy) take the same functions: kernels go by the type of their arrays, and what is
small (coefficients, column scales) is copied to the GPU of the block.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from .._result import FloatArray
from ._device import array_module, beside, is_sparse_rows, on_device
from ._source import Block, csr_block
from .device_source import csr_rows
from .extended import Extended

__all__ = [
    "Coefficients",
    "add_gram",
    "max_columns_and_rows",
    "norms",
    "product",
    "quadratic",
    "row_numbers",
    "scaled",
]


Coefficients = FloatArray | Extended | None  # M as an array, in extended precision, or the identity


def scaled(block: Block, row_scale: FloatArray | None, column_scale: FloatArray | None) -> Block:
    """The block diag(row_scale) B diag(column_scale), in the block's kind."""
    if row_scale is None and column_scale is None:
        return block
    column_scale = beside(block, column_scale)
    if not is_sparse_rows(block):
        result = block if column_scale is None else block * column_scale
        return result if row_scale is None else result * row_scale[:, None]
    data = block.data.astype(np.float64)
    if column_scale is not None:
        data *= column_scale[block.indices]
    if row_scale is not None:
        data *= row_scale[row_numbers(block)]
    if on_device(block):
        return csr_rows(type(block), (data, block.indices, block.indptr), block.shape)
    return csr_block(data, block.indices, block.indptr, block.shape[1])


def row_numbers(block: Block) -> Any:
    """The row of every stored entry of CSR rows."""
    if not on_device(block):
        return np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
    # CuPy's repeat wants its counts on the host.
    entries = array_module(block).arange(block.data.size, dtype=block.indptr.dtype)
    return array_module(block).searchsorted(block.indptr, entries, side="right") - 1


def product(
    block: Block, M: Coefficients, row_scale: FloatArray | None, *, passing: bool = False
) -> FloatArray:
    """Rows s_i a_i M as a dense array; a `passing` one may be written over by the next."""
    out = None
    M = M if isinstance(M, Extended) else beside(block, M)
    if passing and isinstance(block, np.ndarray) and not isinstance(M, Extended):
        out = _scratch(block.shape[0], block.shape[1] if M is None else M.shape[1])
    if M is None:
        dense: FloatArray = block.toarray().astype(np.float64) if is_sparse_rows(block) else block
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
    if M is None and is_sparse_rows(block):
        from ..kernels.csr_gram import add_csr_gram

        add_csr_gram(block.data, block.indices, block.indptr, row_scale, out)
        return
    from ..kernels.gram import add_gram as add_dense_gram

    if on_device(block):  # one kernel scales and multiplies
        add_dense_gram(product(block, M, None), row_scale, out)
    else:
        add_dense_gram(product(block, M, row_scale, passing=True), None, out)


def norms(block: Block, M: Coefficients, p: float) -> FloatArray:
    """Row norms ||a_i M||_p without overflow."""
    if is_sparse_rows(block) and not isinstance(M, Extended):
        from ..kernels.csr_row_norms import csr_row_norms

        M = beside(block, np.eye(block.shape[1]) if M is None else M)
        result: FloatArray = csr_row_norms(block.data, block.indices, block.indptr, M, p)
        return result
    if M is not None and on_device(block) and not isinstance(M, Extended):
        from ..kernels.row_norms import product_row_norms

        fused: FloatArray = product_row_norms(block, beside(block, M), p)
        return fused
    return dense_norms(product(block, M, None, passing=True), p)


def dense_norms(Y: FloatArray, p: float) -> FloatArray:
    """Row p-norms."""
    from ..kernels.row_norms import row_norms

    result: FloatArray = row_norms(Y, p)
    return result


def quadratic(block: Block, P: FloatArray) -> FloatArray:
    """a_i^T P a_i for a symmetric P."""
    P = beside(block, P)
    if not is_sparse_rows(block):
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

    if not is_sparse_rows(block):
        column, row = scan.column_and_row_max(block)
    else:
        column, row = scan.csr_column_and_row_max(
            block.data, block.indices, block.indptr, block.shape[1]
        )
    np.maximum(columns, column, out=columns)
    largest: FloatArray = row.astype(np.float64)
    return largest
