"""Projection DPP of the columns of a small matrix with orthonormal columns: chain rule (SPEC A7).

Draw a row with probability proportional to the squared norm of its residual, orthogonalise (twice),
repeat. O(N m^2) for N rows; the residual norms are recomputed, not only down-dated, every 32 steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...random import Stream
from .projection_dpp import residual

__all__ = ["chain_rows"]


def chain_rows(Q: npt.NDArray[Any], stream: Stream) -> list[int]:
    """Indices of the m rows drawn, in the order of drawing."""
    m = Q.shape[1]
    uniforms = stream.uniform(range(m))
    frame = np.zeros((m, m), dtype=Q.dtype)
    shares = (np.abs(Q) ** 2).sum(axis=1)
    chosen: list[int] = []
    for i in range(m):
        if i and i % 32 == 0:
            shares = (np.abs(residual(Q, frame[:i])) ** 2).sum(axis=1)
            shares[chosen] = 0.0
        cumulative = np.cumsum(shares)
        row = int(np.searchsorted(cumulative, uniforms[i] * cumulative[-1], side="right"))
        direction = residual(Q[row], frame[:i])
        direction = residual(direction / np.linalg.norm(direction), frame[:i])
        frame[i] = direction / np.linalg.norm(direction)
        chosen.append(row)
        shares = np.maximum(shares - np.abs(Q @ frame[i].conj()) ** 2, 0.0)
        shares[chosen] = 0.0
    return chosen
