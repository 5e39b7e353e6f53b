"""Launch of the CSR quadratic forms (see the contract beside this file)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import Launch, blocks, of_types

THREADS = 256


def csr_quadratic(device: Any, data: Any, indices: Any, indptr: Any, P: Any) -> Any:
    rows = indptr.shape[0] - 1
    out = device.zeros(rows, np.float64)
    if data.size:
        arguments = (
            *(data, indices, device.contiguous(indptr, indices.dtype), np.int64(rows)),
            *(device.contiguous(P, np.float64), np.int64(P.shape[0]), out),
        )
        types = of_types(Real=data.dtype, Index=indices.dtype)
        grid, block = blocks(rows, THREADS), (THREADS, 1, 1)
        device.run(Launch("csr_quadratic", "csr_quadratic", grid, block, arguments, types))
    return out
