"""Standard errors of a weighted least-squares fit by the jackknife, without refits.

Dropping point i moves the coefficients by (A* A)^-1 a_i sqrt(w_i) r_i / (1 - h_i), exactly, and
r_i / (1 - h_i) is the leave-one-out residual (Efron and Stein, Ann. Statist. 9, 1981, on when the
jackknife is too large on average). One QR of the weighted features, 2 n m^2 flops.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg

from ..tall import single_threaded_blas
from .designs._features import Basis, feature_rows
from .designs._record import Design

__all__ = ["moves", "standard_errors"]

Array = npt.NDArray[Any]
Vector = npt.NDArray[np.float64]


def moves(basis: Basis, design: Design) -> Array:
    """Row i times the leave-one-out residual of point i is c - c_(-i), shape (n, m)."""
    assert design.weights is not None
    rows = feature_rows(basis, design.points, design.weights, design.row_norms)
    with single_threaded_blas():
        Q, R = np.linalg.qr(rows)
        weighted = np.sqrt(design.weights)[:, None] * Q.conj()
        steps: Array = scipy.linalg.solve_triangular(R, weighted.T).T
    return steps


def standard_errors(steps: Array, leave_one_out: Array, functionals: Array) -> Vector:
    """Of linear functionals (s, m) of the coefficients, shape (s, k) for k outputs."""
    n = steps.shape[0]
    effects = np.abs(steps @ functionals.T) ** 2
    squares = np.abs(leave_one_out.reshape(n, -1)) ** 2
    with np.errstate(invalid="ignore"):
        total = (n - 1) / n * (effects.T @ squares)
    # A point that the fit cannot do without leaves the error unknown, also where 0 times inf says
    # nothing.
    errors: Vector = np.where(np.isnan(total), math.inf, np.sqrt(total))
    return errors
