"""Tier V3, p = 1 and rank at most 4, exact: visit every x at which an extreme can lie (SPEC V3).

N / D with both sums piecewise linear has its extremes where rank - 1 independent rows vanish.
Fixing rank - 2 of them leaves a plane of x, in which sorting the remaining rows by their kinks
gives N and D at all of them at once: C(k, r - 2) planes of O(k log k) work for k distinct
directions, instead of C(k, r - 1) candidates of O(k) each. The largest N / D needs planes through
rows of A, the largest D / N planes through sampled rows only. Memory O(k) per plane.

`details`: ``planes`` swept and ``directions`` (distinct rows up to multiples).
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import scipy.linalg

from .._errors import argument_error
from .._result import FloatArray
from ..tall import single_threaded_blas
from ._certificate import TierResult
from ._line import sweep_plane
from ._problem import Problem
from ._rows import HeldRows

__all__ = ["LARGEST_RANK", "enumeration_cost", "enumeration_tier"]

LARGEST_RANK = 4
_ROUNDING = 1e-11  # prefix sums of signed terms, relative to the sum of their absolute values


# Setting up a plane costs as much as sorting this many rows (measured: 130 us a plane at 200 rows).
_PLANE_OVERHEAD = 5000


def enumeration_cost(rows: int, rank: int) -> float:
    """Row visits needed: planes times rows, the setting up of a plane included."""
    return float(math.comb(rows, max(rank - 2, 0))) * (rows + _PLANE_OVERHEAD)


def enumeration_tier(problem: Problem) -> TierResult:
    """Exact extremes for p = 1 and rank at most 4; all distinct rows are held in memory."""
    if problem.p != 1.0 or problem.rank > LARGEST_RANK:
        raise argument_error(
            "tiers",
            f"'enumeration' with p = {problem.p:g} and rank {problem.rank}",
            f"p = 1 and rank at most {LARGEST_RANK}",
            "Use tiers='auto', which takes the strongest tier that applies.",
        )
    sampled, full = problem.held, problem.whole.held
    with single_threaded_blas():
        low, planes_low = _largest_ratio(full, sampled)
        high, planes_high = _largest_ratio(sampled, full)
    directions = problem.whole.lift(np.column_stack([low, high]))
    lower, upper = problem.ratios(directions)
    slack = _ROUNDING + problem.whole.rounding
    return TierResult(
        "enumeration",
        directions,
        certified_lower=max(float(lower) * (1.0 - slack), 0.0),
        certified_upper=float(upper) * (1.0 + slack),
        details={"planes": planes_low + planes_high, "directions": len(full)},
    )


def _largest_ratio(upper: HeldRows, lower: HeldRows) -> tuple[FloatArray, int]:
    """The z with the largest U / L over all planes through rank - 2 rows of L; their number."""
    rank = lower.rank
    if rank == 1:
        return np.ones(1), 1
    up, low = upper.dense(slice(None)), lower.dense(slice(None))
    unit = low / np.linalg.norm(low, axis=1, keepdims=True)
    best, best_value, planes = np.eye(rank)[0], -np.inf, 0
    for fixed in itertools.combinations(range(len(low)), rank - 2):
        plane = _complement(unit[list(fixed)], rank)
        if plane is None:
            continue
        planes += 1
        point = sweep_plane(
            (up @ plane[:, 0], up @ plane[:, 1], upper.weights),
            (low @ plane[:, 0], low @ plane[:, 1], lower.weights),
        )
        if point.log_ratio > best_value:
            best, best_value = point.cos * plane[:, 0] + point.sin * plane[:, 1], point.log_ratio
    return best, planes


def _complement(rows: FloatArray, rank: int) -> FloatArray | None:
    """Orthonormal basis of the plane orthogonal to the rows; None if they are dependent."""
    if not len(rows):
        return np.eye(rank)
    Q, R = scipy.linalg.qr(rows.T)
    if np.abs(np.diag(R)).min() < 1e-13:
        return None
    return np.asarray(Q[:, len(rows) :])
