"""Fast Walsh-Hadamard transform of columns in place, H[i, j] = (-1)^popcount(i & j).

A transform of 2^k rows is k levels of sums and differences; three levels share one sweep (radix 8)
over a tile that stays in the second-level cache. `transform` does a tile that lies in one piece,
`transform_strided` one of up to 32 rows that lie apart: half of its levels on the way into
`buffer`, half on the way back, since rows apart by a power of two evict each other.
Unnormalised: H H = 2^k I.
"""

from __future__ import annotations

import numpy as np

__all__ = ["add_signed_rows", "transform", "transform_strided"]


def transform(x: np.ndarray) -> None:
    """Transform the columns of a C-contiguous float64 x (2^k, w)."""
    from . import cpu

    cpu.transform(x)


def transform_strided(x: np.ndarray, first: int, buffer: np.ndarray) -> None:
    """Transform columns first … first + w - 1 of x (2^k, W), k <= 5, with a buffer (2^k, w)."""
    from . import cpu

    cpu.transform_strided(x, first, buffer)


def add_signed_rows(
    x: np.ndarray, offset: int, chosen: np.ndarray, scale: float, out: np.ndarray
) -> None:
    """Add row k of the transform of all rows, of which x (2^q, d) holds the transformed part from
    `offset` (a multiple of 2^q) on, to out[k], for rows chosen[k] of the transform."""
    from . import cpu

    cpu.add_signed_rows(x, np.int64(offset), chosen, scale, out)
