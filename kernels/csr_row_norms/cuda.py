"""Launch of the CSR row norms (see the contract beside this file)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import Launch, blocks, lanes, of_types

THREADS = 256


def csr_row_norms(device: Any, data: Any, indices: Any, indptr: Any, M: Any, p: float) -> Any:
    rows, k = indptr.shape[0] - 1, M.shape[1]
    out = device.zeros(rows, np.float64)
    if rows and k and data.size:
        width = lanes(k)
        arguments = (
            *(data, indices, device.contiguous(indptr, indices.dtype), np.int64(rows)),
            *(device.contiguous(M, np.float64), np.int64(k), np.float64(p), np.int32(width), out),
        )
        types = of_types(Real=data.dtype, Index=indices.dtype)
        grid = blocks(rows * width, THREADS)
        device.run(
            Launch("csr_row_norms", "csr_row_norms", grid, (THREADS, 1, 1), arguments, types)
        )
    return out
