"""Largest absolute value per column and per row, with NaN and infinity found on the way.

The bit pattern of |x| read as an integer grows with |x|, infinities and NaNs lie above every finite
number, and integer maxima vectorise: one read of the block, no arithmetic.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import device_of

__all__ = ["column_and_row_max", "csr_column_and_row_max"]

_INTEGER = {np.dtype(np.float64): np.int64, np.dtype(np.float32): np.int32}


def column_and_row_max(block: Any) -> tuple[Any, Any]:
    """Column and row maxima of |block|, for a C-contiguous (rows, d) float32 or float64 array.

    A maximum is infinite or NaN exactly if the column or row holds such an entry.
    """
    integer = _INTEGER[block.dtype]
    device = device_of(block)
    if device is not None:
        from . import cuda

        return cuda.column_and_row_max(device, block, integer)
    from . import cpu

    column = np.zeros(block.shape[1], dtype=integer)
    row = np.zeros(block.shape[0], dtype=integer)
    cpu.column_and_row_max(block.view(integer), integer(np.iinfo(integer).max), column, row)
    return column.view(block.dtype), row.view(block.dtype)


def csr_column_and_row_max(data: Any, indices: Any, indptr: Any, columns: int) -> tuple[Any, Any]:
    """The same maxima of CSR rows with float32 or float64 entries."""
    integer = _INTEGER[data.dtype]
    device = device_of(data, indices, indptr)
    if device is not None:
        from . import cuda

        return cuda.csr_column_and_row_max(device, data, indices, indptr, columns, integer)
    from . import cpu

    column = np.zeros(columns, dtype=integer)
    row = np.zeros(indptr.size - 1, dtype=integer)
    largest = integer(np.iinfo(integer).max)
    cpu.csr_column_and_row_max(data.view(integer), indices, indptr, largest, column, row)
    return column.view(data.dtype), row.view(data.dtype)
