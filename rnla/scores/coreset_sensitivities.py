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

from functools import partial
from typing import Any

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
    visit = partial(_visit, against, p, factor, refine)
    found = A.each(visit, rows=(known.lower, known.upper), width=3)
    lower, upper, solved = np.asarray(found).T
    return Intervals(lower.copy(), upper.copy(), int(np.count_nonzero(solved)), True)


def _visit(
    against: Reference,
    p: float,
    factor: float,
    refine: bool,
    block: Any,
    start: int,
    out: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
) -> FloatArray:
    """Lower and upper ends for the rows of one block, and whether a program was solved."""
    found = np.column_stack([lower, upper, np.zeros(len(lower))])
    rows = np.flatnonzero(upper > 0.0)
    if rows.size == 0:
        return found
    dense = (block.toarray() if sp.issparse(block) else block)[rows]
    problem, form = against.problem, against.form
    quick = problem.minimise_many(dense, weights=form, quick=True)
    low, high = _powers(quick.norm, p), _powers(quick.norm_lower, p)
    wide = np.flatnonzero(high > factor * low)
    if refine and wide.size:
        solved = problem.minimise_many(dense[wide], weights=form, tol=1.0 - 1.0 / factor)
        low[wide], high[wide] = _powers(solved.norm, p), _powers(solved.norm_lower, p)
        found[rows[wide], 2] = 1.0
    found[rows, 0] = np.clip(low, lower[rows], upper[rows])
    found[rows, 1] = np.clip(high, found[rows, 0], upper[rows])
    return found


def _powers(norm: FloatArray, p: float) -> FloatArray:
    with np.errstate(over="ignore", divide="ignore"):
        result: FloatArray = np.minimum(norm**-p, 1.0)
    return result
