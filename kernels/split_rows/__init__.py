"""Split rows into leading bits and the rest, exactly: a_ij D_j = high_ij + low_ij.

high_ij is a multiple of 2^(e_i - bits), where 2^e_i exceeds every |a_ij D_j| of row i, so that a
dot product of high parts with a vector cut in the same way adds up without any rounding (Ozaki,
Ogita, Oishi and Rump, Numer. Algorithms 2012). D holds powers of two. Four flops an entry.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import device_of

__all__ = ["split_csr", "split_dense"]


def split_dense(block: Any, column_scale: Any, bits: int) -> Any:
    """Return [high | low], shape (rows, 2 d), of a C-contiguous float64 block."""
    device = device_of(block, column_scale)
    if device is not None:
        from . import cuda

        return cuda.split_dense(device, block, column_scale, bits)
    from . import cpu

    out = np.empty((block.shape[0], 2 * block.shape[1]))
    cpu.split_dense(block, column_scale, bits, out)
    return out


def split_csr(
    data: Any,
    indices: Any,
    indptr: Any,
    column_scale: Any,
    bits: int,
) -> tuple[Any, Any]:
    """Return the high and low parts of the entries of CSR rows."""
    device = device_of(data, indices, indptr, column_scale)
    if device is not None:
        from . import cuda

        return cuda.split_csr(device, data, indices, indptr, column_scale, bits)
    from . import cpu

    high, low = np.empty(data.size), np.empty(data.size)
    cpu.split_csr(data, indices, indptr, column_scale, bits, high, low)
    return high, low
