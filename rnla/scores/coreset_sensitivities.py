"""Sensitivities against a sample: sup |a_i x|^p / ||S A x||_p^p with SA a small Lewis sample of A.

If ||S A x||_p^p is within (1 +- e) ||A x||_p^p for all x, the result is within 1 / (1 -+ e) of the
sensitivity (constant-factor samples in the denominator as in Padmanabhan, Woodruff and Zhang,
NeurIPS 2023). The intervals do not include e, which nothing proves for this sample, so they are
estimates that the sensitivity often leaves (bench/sensitivities.py counts it); they are cut to the
proven bounds of `sensitivity_bounds`. Cost: Lewis weights, then one pass; a row costs 4 m d flops
for the m rows of SA, and a Newton iteration of m d^2 where that interval is wider than `factor`.
Memory O(m d + m block).
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from .._result import FloatArray
from ..tall import TallMatrix
from ._sensitivity_reference import Reference
from .exact_sensitivities import Intervals
from .sensitivity_bounds import Screen

__all__ = ["coreset_sensitivities"]


def coreset_sensitivities(
    A: TallMatrix,
    p: float,
    known: Screen,
    against: Reference,
    *,
    factor: float = 1.25,
    refine: bool = True,
) -> Intervals:
    """Intervals for all rows to within `factor` of each other (wider without `refine`)."""
    lower, upper = known.lower.copy(), known.upper.copy()
    problem, form = against.problem, against.form
    tol = 1.0 - 1.0 / factor
    solves = 0
    for start, block in A.blocks():
        dense = block.toarray() if sp.issparse(block) else block
        rows = np.flatnonzero(upper[start : start + len(dense)] > 0.0)
        if rows.size == 0:
            continue
        found = problem.minimise_many(dense[rows], weights=form, quick=True)
        low, high = _powers(found.norm, p), _powers(found.norm_lower, p)
        wide = np.flatnonzero(high > factor * low)
        if refine and wide.size:
            solved = problem.minimise_many(dense[rows[wide]], weights=form, tol=tol)
            low[wide], high[wide] = _powers(solved.norm, p), _powers(solved.norm_lower, p)
            solves += wide.size
        at = start + rows
        lower[at] = np.clip(low, lower[at], upper[at])
        upper[at] = np.clip(high, lower[at], upper[at])
    return Intervals(lower, upper, solves, True)


def _powers(norm: FloatArray, p: float) -> FloatArray:
    with np.errstate(over="ignore", divide="ignore"):
        result: FloatArray = np.minimum(norm**-p, 1.0)
    return result
