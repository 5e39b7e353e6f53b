"""min ||B z||_p subject to h^T z = 1 for p = 1 and p = inf as linear programs (SciPy's HiGHS).

p = 1:   max lambda with B^T u = lambda h, |u_i| <= 1: n + 1 variables, r equality rows.
p = inf: min ||u||_1 with B^T u = h, u split into two non-negative parts: 2 n variables, r rows.
The minimiser z is the vector of equality multipliers. Exact up to the solver's tolerance (1e-10),
so both numbers are recomputed from z and from u made feasible. Slow for large n: about 0.5 s at
n = 20,000, r = 20, where the interior point needs 0.02 s.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.optimize
import scipy.sparse as sp

from .._result import FloatArray
from ._norms import Solution, conjugate, lp_norm
from ._range import DenseRange, Range, SparseRange
from .quadratic import quadratic

__all__ = ["linear_program"]

_OPTIONS = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


def linear_program(B: Range, h: FloatArray, p: float) -> Solution:
    """Return the minimiser for p = 1 or p = inf; the least-squares answer if the solver fails."""
    least_squares = quadratic(B, h)
    columns, right, back = _equalities(B, h)
    n = columns.shape[0]
    if p == 1.0:
        # lambda in a unit in which it is of size one.
        unit = least_squares.norm
        equality = _side_by_side(columns.T, -unit * right[:, None])
        cost = np.append(np.zeros(n), -1.0)
        bounds = np.column_stack([np.append(-np.ones(n), 0.0), np.append(np.ones(n), np.inf)])
        target = np.zeros(len(right))
    else:
        unit = 1.0 / float(np.max(np.abs(right)))
        equality = _side_by_side(columns.T, -columns.T)
        cost, target = np.ones(2 * n), unit * right
        bounds = np.column_stack([np.zeros(2 * n), np.full(2 * n, np.inf)])
    result = scipy.optimize.linprog(
        cost, A_eq=equality, b_eq=target, bounds=bounds, method="highs", options=_OPTIONS
    )
    if result.status != 0:
        norm, bound = lp_norm(B.image(least_squares.z), p), lp_norm(least_squares.u, conjugate(p))
        return Solution(least_squares.z, least_squares.u, norm, 1.0 / bound, 0)
    z = back @ np.asarray(result.eqlin.marginals)
    z = z / (h @ z)
    u = result.x[:n] / (unit * result.x[n]) if p == 1.0 else (result.x[:n] - result.x[n:]) / unit
    u = u + B.image(h - B.adjoint(u))
    return Solution(z, u, lp_norm(B.image(z), p), 1.0 / lp_norm(u, conjugate(p)), int(result.nit))


def _equalities(B: Range, h: FloatArray) -> tuple[Any, FloatArray, FloatArray]:
    """The constraint B^T u = h as it is solved (sparse stays sparse), and multipliers -> z."""
    if isinstance(B, SparseRange):
        return B.C, B.R.T @ h, B.R
    assert isinstance(B, DenseRange)
    return B.B, h, np.eye(B.rank)


def _side_by_side(left: Any, right: Any) -> Any:
    if sp.issparse(left):
        return sp.csr_array(sp.hstack([left, sp.csr_array(right)]))
    return np.hstack([left, right])
