"""Leverage scores tau_i = a_i^T (A^T A)^+ a_i from an orthonormal basis held as coefficients."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..basis import orthonormal_basis
from ..random import RNGLike, resolve_seed
from ..tall import as_tall
from ._record import Scores

__all__ = ["leverage_scores"]


def leverage_scores(
    A: Any,
    *,
    method: str = "auto",
    ridge: float = 0.0,
    rank: int | None = None,
    rcond: float | None = None,
    rng: RNGLike = None,
) -> Scores:
    """Leverage scores of the rows of A."""
    tall = as_tall(A)
    before = tall.passes
    seed = resolve_seed(rng)
    basis = orthonormal_basis(tall, rank=rank, rcond=rcond, ridge=ridge, seed=seed)
    values = np.minimum(tall.row_norms(basis.M) ** 2, 1.0)
    return Scores(
        values=values.astype(tall.dtype, copy=False),
        kind="ridge leverage" if ridge else "leverage",
        p=2.0,
        rank=basis.rank,
        condition=basis.condition,
        gap=basis.gap,
        path=basis.path,
        passes=tall.passes - before,
        seed=seed,
        status=basis.status,
        diagnostics={"sum": float(values.sum())},
    )
