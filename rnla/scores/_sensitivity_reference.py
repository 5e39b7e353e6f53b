"""A constant-factor Lewis sample SA that stands in for A where every program needs ||A x||_p.

Row i is kept with probability q_i = min(1, c w_i) and scaled by q_i^(-1/p) (Cohen and Peng, STOC
2015), the uniform numbers keyed by the row. The size 8 r^max(1, p/2) + r log(100 r) aims at a
distortion of 1/2. Cost O(n) beyond the weights, and the factorization of the sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._result import FloatArray, IntArray
from ..constrained import ConstrainedProblem
from ..random import Stream
from ..tall import TallMatrix
from .sensitivity_bounds import Screen

__all__ = ["Reference", "reference", "reference_size"]


@dataclass(frozen=True, eq=False)
class Reference:
    """The prepared problem for SA (or A), and its row weights of the Lewis quadratic."""

    problem: ConstrainedProblem
    form: FloatArray
    rows: int
    sampled: bool


def reference_size(p: float, rank: int) -> int:
    """Rows of the sample that stands in for A."""
    return int(np.ceil(8.0 * rank ** max(1.0, p / 2.0) + rank * np.log(100.0 * max(rank, 1))))


def reference(A: TallMatrix, p: float, known: Screen, *, size: int, seed: int) -> Reference:
    """Draw about `size` rows, more if their rank falls short; all of A if that is hardly fewer."""
    n = A.shape[0]
    weights = known.weights
    while size < 0.8 * np.count_nonzero(weights):
        q = _probabilities(weights, size)
        keep = Stream(seed, "sensitivity reference").uniform(range(n)) < q
        rows: IntArray = np.flatnonzero(keep)
        sample = A.take(rows).astype(np.float64)
        scale = q[rows] ** (-1.0 / p)
        sample = sample.multiply(scale[:, None]).tocsr() if A.is_sparse else sample * scale[:, None]
        problem = ConstrainedProblem(sample, p)
        if problem.rank == known.rank:
            form = (weights[rows] / q[rows]) ** (1.0 - 2.0 / p)
            return Reference(problem, form, len(rows), True)
        size *= 2
    return Reference(ConstrainedProblem(A, p, rank=known.rank or None), known.form(p), n, False)


def _probabilities(weights: FloatArray, size: int) -> FloatArray:
    """q = min(1, c w) with sum about `size`, by raising c a few times."""
    c = size / float(np.sum(weights))
    for _ in range(30):
        q = np.minimum(1.0, c * weights)
        total = float(np.sum(q))
        if total >= 0.999 * size:
            break
        saturated = float(np.sum(q[q >= 1.0]))
        c *= (size - saturated) / max(total - saturated, 1e-300)
    result: FloatArray = np.minimum(1.0, c * weights)
    return result
