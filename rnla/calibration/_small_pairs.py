"""Lanczos iteration for a batch of small problems: each in cache, and ended by itself.

The same as `_lanczos.lanczos` on explicit matrices, in one compiled loop; see its kernel.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..kernels import lanczos_pairs
from ._lanczos import LargestPair
from .operators._base import Array

__all__ = ["small_pairs"]


def small_pairs(
    system: Any,
    start: Array,
    *,
    tol: float,
    max_iter: int,
    locked: Array | None = None,
    stagnation: float = 0.0,
) -> LargestPair:
    """Pairs of the `matrices` of a system from `start` (..., m), without the vectors `locked`."""
    A, square = system.matrices()
    batch, m = start.shape[:-1], start.shape[-1]
    found = lanczos_pairs.lanczos_pairs(
        A,
        start.reshape(-1, m),
        None if locked is None else locked.reshape(-1, m),
        square=square,
        tol=tol,
        max_iter=max_iter,
        stagnation=stagnation,
    )
    steps = int(found.steps.max())
    system.whitening.products += 2 * steps
    numbers = (found.value, found.second, found.vector, found.residual, found.converged)
    value, second, vector, residual, converged = (
        np.reshape(one, (*batch, *one.shape[1:])) for one in numbers
    )
    return LargestPair(value, second, vector, residual, converged, steps, steps)
