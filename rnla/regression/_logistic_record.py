"""What a logistic regression returns: coefficients, their value, and a bound on the best value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._result import FloatArray, Status
from ..tall import as_tall, rows
from ..tall._device import to_host
from ._record import relative_gap
from .coresets.logistic_coreset import LogisticCoreset
from .mu_complexity import MuComplexity

__all__ = ["LogisticFit"]


@dataclass(frozen=True, eq=False)
class LogisticFit:
    """Coefficients of a logistic regression, with a lower bound on the minimum.

    Attributes
    ----------
    x : ndarray, shape (d,)
        Coefficients. If the classes are separable, a separating direction of length 1.
    intercept : float
        Zero if none was asked for.
    objective : float
        Weighted sum of losses plus the penalty at x, on all rows.
    lower : float
        Lower bound on the minimum over all x, from a dual point evaluated on all rows.
    ridge : float
    classes : tuple
        The labels that stand for the lower and the upper class.
    iterations : int
        Newton steps, those on samples not counted.
    method : str
        "newton", or "coreset" if the fit rests on sampled rows.
    status : Status
        OK; SEPARABLE if there is no minimiser; NOT_CONVERGED if the gap is above the tolerance;
        EPS_NOT_MET if that of a coreset is above eps.
    rank : int or None
        Numerical rank of A, with the column of ones, where it was found.
    passes : int
        Passes over A.
    seed : int
        Of the samples; passing it as ``rng=`` repeats the result.
    coreset : LogisticCoreset or None
        The rows that the fit rests on, with ``polish=False``.
    separation : MuComplexity or None
        Where separability was looked into: the hyperplane, or the complexity that excludes it.
    """

    x: FloatArray
    intercept: float
    objective: float
    lower: float
    ridge: float
    classes: tuple[Any, Any]
    iterations: int
    method: str
    status: Status
    rank: int | None
    passes: int
    seed: int
    coreset: LogisticCoreset | None = None
    separation: MuComplexity | None = None

    @property
    def gap(self) -> float:
        """(objective - lower) / objective."""
        return float(relative_gap(self.objective, self.lower))

    def decision(self, A: Any) -> Any:
        """a_i x + intercept for the rows of A, positive for the upper class: one pass."""
        tall = as_tall(A, require_tall=False)
        tall = tall.distributed() if tall.is_on_device else tall
        return tall.matmul(to_host(self.x)) + self.intercept

    def probabilities(self, A: Any) -> Any:
        """Probability of the upper class for the rows of A: one pass."""
        return rows.each(_sigmoid, self.decision(A))


def _sigmoid(margin: FloatArray) -> FloatArray:
    small = np.exp(-np.abs(margin))
    result: FloatArray = np.where(margin >= 0.0, 1.0, small) / (1.0 + small)
    return result
