"""Split rows into leading bits and the rest, exactly: a_ij D_j = high_ij + low_ij.

high_ij is a multiple of 2^(e_i - bits), where 2^e_i exceeds every |a_ij D_j| of row i, so that a
dot product of high parts with a vector cut in the same way adds up without any rounding (Ozaki,
Ogita, Oishi and Rump, Numer. Algorithms 2012). D holds powers of two. Four flops an entry.
"""

from __future__ import annotations

import numpy as np

__all__ = ["split_csr", "split_dense"]


def split_dense(block: np.ndarray, column_scale: np.ndarray, bits: int) -> np.ndarray:
    """Return [high | low], shape (rows, 2 d), of a C-contiguous float64 block."""
    from . import cpu

    out = np.empty((block.shape[0], 2 * block.shape[1]))
    cpu.split_dense(block, column_scale, bits, out)
    return out


def split_csr(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    column_scale: np.ndarray,
    bits: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the high and low parts of the entries of CSR rows."""
    from . import cpu

    high, low = np.empty(data.size), np.empty(data.size)
    cpu.split_csr(data, indices, indptr, column_scale, bits, high, low)
    return high, low
