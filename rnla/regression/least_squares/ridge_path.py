"""What `ridge` returns: a fit for every penalty, and how well each predicts rows left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._result import FloatArray, Status

__all__ = ["RidgePath"]


@dataclass(frozen=True, eq=False)
class RidgePath:
    """Ridge regressions for a grid of penalties; m penalties, d columns, k responses.

    For a single response given as a vector the last axis is missing.

    Attributes
    ----------
    alphas : ndarray, shape (m,)
        The penalties, in the order they were given.
    coefficients : ndarray, shape (m, d) or (m, d, k)
    intercepts : ndarray, shape (m,) or (m, k)
        Zeros if none was asked for.
    loo : ndarray, shape (m,) or (m, k)
        Leave-one-out error: the weighted mean of the squared errors at rows predicted from all
        others.
    loo_error : ndarray, shape (m,) or (m, k)
        Standard error of that mean.
    degrees_of_freedom : ndarray, shape (m,)
        Trace of the map from responses to fitted values: the sum of s^2 / (s^2 + alpha), and one
        for the intercept.
    singular_values : ndarray
        Of the weighted and centred A, decreasing.
    best : int or ndarray of int, shape (k,)
        Position of the penalty with the least leave-one-out error, for every response by itself.
    rank : int
        Numerical rank of A, with the column of ones if there is an intercept.
    condition : float
        Estimate of its condition number after scaling columns to equal norm.
    path : str
        How A was orthonormalised; see `leverage_scores`.
    passes : int
        Passes over A.
    status : Status
        OK, RANK_DEFICIENT or AMBIGUOUS_RANK.
    seed : int
        Passing it as ``rng=`` repeats the result.
    """

    alphas: FloatArray
    coefficients: FloatArray
    intercepts: FloatArray
    loo: FloatArray
    loo_error: FloatArray
    degrees_of_freedom: FloatArray
    singular_values: FloatArray
    best: Any
    rank: int
    condition: float
    path: str
    passes: int
    status: Status
    seed: int

    @property
    def best_alpha(self) -> Any:
        """The penalty with the least leave-one-out error: a number, or (k,)."""
        found = self.alphas[self.best]
        return float(found) if np.ndim(found) == 0 else found

    @property
    def x(self) -> FloatArray:
        """Coefficients for the best penalty, (d,) or (d, k)."""
        if self.coefficients.ndim == 2:
            chosen: FloatArray = self.coefficients[self.best]
            return chosen
        X = self.coefficients
        chosen = np.stack(
            [X[row, :, column] for column, row in enumerate(self.best.tolist())], axis=1
        )
        return chosen

    @property
    def intercept(self) -> Any:
        """Intercept for the best penalty: a number, or (k,)."""
        if self.intercepts.ndim == 1:
            return float(self.intercepts[self.best])
        levels = self.intercepts
        return np.stack([levels[row, column] for column, row in enumerate(self.best.tolist())])
