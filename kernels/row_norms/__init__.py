"""Row norms ||y_i||_p of a dense matrix, and ||a_i M||_p of a product.

On the CPU the product of a block is BLAS's and stays in cache; on a GPU it is never written. Sums
are scaled by the largest entry, so they neither overflow nor underflow; a row that holds NaN has
norm NaN. Cost 2 n d k flops.
"""

from __future__ import annotations

from typing import Any

from ..dispatch import device_of

__all__ = ["product_row_norms", "row_norms"]


def row_norms(Y: Any, p: float) -> Any:
    """Norms of the rows of Y (n, k), float64; p in [1, inf]."""
    device = device_of(Y)
    if device is not None:
        from . import cuda

        return cuda.row_norms(device, Y, p)
    from . import cpu

    return cpu.row_norms(Y, p)


def product_row_norms(A: Any, M: Any, p: float) -> Any:
    """Norms of the rows of A M for A (n, d) and M (d, k), in float64."""
    device = device_of(A, M)
    if device is not None:
        from . import cuda

        return cuda.product_row_norms(device, A, M, p)
    from . import cpu

    return cpu.row_norms(A @ M, p)
