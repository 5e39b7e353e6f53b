"""Of all coefficients that fit alike, those of smallest Euclidean norm.

Where columns depend on each other the fitted values do not determine the coefficients: those that
differ by a vector of the null space fit alike. The smallest ones do not depend on how a solver
chose among them, nor on whether a row is repeated or weighted. Cost: a basis of A, O(d^3).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._result import FloatArray
from ...basis import orthonormal_basis
from ...tall import rows, single_threaded_blas
from .._input import Problem

__all__ = ["smallest_norm"]


def smallest_norm(problem: Problem, x: FloatArray) -> FloatArray:
    """x, (D,) or (D, k), changed within the null space of the rows that count.

    The norm is that of the coefficients without the intercept.
    """
    w = problem.weights
    counts = None if w is None else rows.each(_counts, w)
    basis = orthonormal_basis(problem.A, row_scale=counts)
    if basis.rank == problem.A.shape[1]:
        return x
    d = problem.A.shape[1] - problem.intercept
    with single_threaded_blas():
        N = basis.null_space()
        z = np.linalg.lstsq(N[:d], x[:d], rcond=None)[0]
        smallest: FloatArray = x - N @ z
    return smallest


def _counts(w: Any) -> FloatArray:
    return np.where(w > 0.0, 1.0, 0.0)
