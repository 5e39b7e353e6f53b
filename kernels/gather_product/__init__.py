"""Tensor-product features by gathering from one-dimensional tables and multiplying.

Feature r at point i is the product over the active coordinates of index r, those of degree > 0,
of the table entry of that coordinate and degree. Indices come in CSR form (`starts`, `columns`);
`columns` are positions in the row of all tables laid side by side. One flop per active coordinate.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import device_of

__all__ = ["gather_product", "gather_product_scaled"]


def gather_product(table: Any, starts: Any, columns: Any) -> Any:
    """Features (n, m) from table (n, w) and the CSR index lists (m + 1,), (nnz,) int64."""
    device = device_of(table, starts, columns)
    if device is not None:
        from . import cuda

        return cuda.gather_product(device, table, starts, columns)
    from . import cpu

    out = np.empty((table.shape[0], starts.size - 1))
    cpu.gather_product(table, starts, columns, out)
    return out


def gather_product_scaled(table: Any, exponents: Any, starts: Any, columns: Any) -> Any:
    """Rows of the same features divided by their length, from mantissas and int64 exponents.

    Nothing overflows: each row is scaled by the largest exponent in it before it is squared.
    """
    device = device_of(table, exponents, starts, columns)
    if device is not None:
        from . import cuda

        return cuda.gather_product_scaled(device, table, exponents, starts, columns)
    from . import cpu

    out = np.empty((table.shape[0], starts.size - 1))
    cpu.gather_product_scaled(table, exponents, starts, columns, out)
    return out
