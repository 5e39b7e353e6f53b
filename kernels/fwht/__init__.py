"""Fast Walsh-Hadamard transform of columns in place, H[i, j] = (-1)^popcount(i & j).

A transform of 2^k rows is k levels of sums and differences; three levels share one sweep (radix 8)
over a tile that stays in the second-level cache. `transform` does a tile that lies in one piece,
`transform_strided` one of up to 32 rows that lie apart: half of its levels on the way into
`buffer`, half on the way back, since rows apart by a power of two evict each other.
Unnormalised: H H = 2^k I.

On a GPU `transform` takes a matrix of any size: a sweep does as many levels as fit into shared
memory, and gives the bits of the CPU.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import device_of

__all__ = ["add_signed_rows", "transform", "transform_strided"]


def transform(x: Any) -> None:
    """Transform the columns of a C-contiguous float64 x (2^k, w)."""
    device = device_of(x)
    if device is not None:
        from . import cuda

        cuda.transform(device, x)
        return
    from . import cpu

    cpu.transform(x)


def transform_strided(x: np.ndarray, first: int, buffer: np.ndarray) -> None:
    """Transform columns first … first + w - 1 of x (2^k, W), k <= 5, with a buffer (2^k, w)."""
    from . import cpu

    cpu.transform_strided(x, first, buffer)


def add_signed_rows(x: Any, offset: int, chosen: Any, scale: float, out: Any) -> None:
    """Add row k of the transform of all rows, of which x (2^q, d) holds the transformed part from
    `offset` (a multiple of 2^q) on, to out[k], for rows chosen[k] of the transform."""
    device = device_of(x, chosen, out)
    if device is not None:
        from . import cuda

        cuda.add_signed_rows(device, x, offset, chosen, scale, out)
        return
    from . import cpu

    cpu.add_signed_rows(x, np.int64(offset), chosen, scale, out)
