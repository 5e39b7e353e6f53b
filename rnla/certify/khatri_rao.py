"""Tier V4 for even p = 2k: a proof from the tensor power, in which l_p is l_2 (SPEC V4, A17).

||A x||_p^p = ||B v(x)||_2^2 for the matrix B of degree-k monomials, so the extreme eigenvalues of
(SB)^T SB relative to B^T B enclose the ratio for every x, and more: for every vector v, of which
the v(x) are few. Hence the enclosure is valid but not tight, typically 1.4 to 3 times the found
distortion. Cost n D^2 flops and three passes over B, D = C(r + k - 1, k) at most 2000.

The eigenvectors, folded back into symmetric tensors and cut to their leading direction, are
returned as vectors worth measuring. `details`: ``dimension`` and ``rank`` of B.
"""

from __future__ import annotations

import numpy as np

from .._errors import argument_error
from .._result import FloatArray
from ..basis.power import power_dimension, power_features, power_view
from ..tall import as_tall
from ._certificate import TierResult
from ._problem import Problem
from .spectral import extreme_eigenvalues

__all__ = ["LARGEST_DIMENSION", "khatri_rao_tier", "power_of"]

LARGEST_DIMENSION = 2000


def power_of(p: float) -> int | None:
    """k with p = 2k, or None."""
    return int(p) // 2 if p >= 2.0 and p % 2.0 == 0.0 else None


def khatri_rao_tier(problem: Problem) -> TierResult:
    """Prove bounds for every x at even p."""
    k = power_of(problem.p)
    dimension = 0 if k is None else power_dimension(problem.rank, k)
    if k is None or dimension > LARGEST_DIMENSION:
        raise argument_error(
            "tiers",
            f"'khatri_rao' with p = {problem.p:g} and rank {problem.rank}",
            f"an even p with at most {LARGEST_DIMENSION} monomials of degree p/2",
            "Use tiers='auto', which takes the strongest tier that applies.",
        )
    M = problem.basis.M
    basis, G_full = problem.whole.monomials
    features = power_view(as_tall(problem.plain_rows, require_tall=False), k, M=M)
    G_sampled = features.gram(row_scale=np.sqrt(problem.weights), M=basis.M, low=basis.low)
    values, vectors, error = extreme_eigenvalues(G_sampled, G_full, problem.indices.size)
    error += k * problem.whole.rounding * float(values[-1])
    ends = basis.M @ vectors[:, [0, -1]]
    return TierResult(
        "khatri_rao",
        M @ np.hstack([_leading_directions(end, problem.rank, k) for end in ends.T]),
        certified_lower=max(float(values[0]) - error, 0.0),
        certified_upper=float(values[-1]) + error,
        details={"dimension": dimension, "rank": basis.rank},
    )


def _leading_directions(v: FloatArray, rank: int, k: int) -> FloatArray:
    """Directions z at which the form v . power(z) is large: eigenvectors for k = 2, else trials."""
    if k == 1:
        return v[:, None]
    if k == 2:
        row, column = np.triu_indices(rank)
        form = np.zeros((rank, rank))
        form[row, column] = v / np.where(row == column, 1.0, np.sqrt(2.0))
        values, vectors = np.linalg.eigh(form + np.triu(form, 1).T)
        chosen: FloatArray = vectors[:, np.argsort(-np.abs(values))[:3]]
        return chosen
    trials = np.random.Generator(np.random.Philox(key=21)).standard_normal((20 * rank, rank))
    trials /= np.linalg.norm(trials, axis=1, keepdims=True)
    form_values = np.abs(power_features(trials, k) @ v)
    return trials[np.argsort(-form_values)[:3]].T
