"""Labels behind a callback: which rows are asked for, the question, fits to the answers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._errors import argument_error
from ..._result import FloatArray, IntArray, Status
from ...basis import orthonormal_basis
from ...sampling import RowSample
from ...scores import leverage_scores, lewis_weights
from ...tall import TallMatrix
from .._input import check_column
from .._record import LpFit
from .full_data_bound import RowLoss
from .sample_fit import fit_sample

__all__ = ["METHODS", "Labelled", "ask", "check_query", "score_rows"]

METHODS = ("lewis", "leverage", "uniform")
_LEWIS_TOLERANCE = 1e-3


def score_rows(A: TallMatrix, p: float, method: str, seed: int) -> tuple[FloatArray, int, Status]:
    """What rows are drawn by, the rank, and what is known of it."""
    if method == "uniform":
        basis = orthonormal_basis(A, seed=seed)
        counts = np.asarray(A.scan().row_max) > 0.0
        return counts.astype(np.float64), basis.rank, basis.status
    if method == "leverage":
        scores = leverage_scores(A, rng=seed)
        return np.asarray(scores.values, dtype=np.float64), scores.rank, scores.status
    weights = lewis_weights(A, p, tol=_LEWIS_TOLERANCE, rng=seed)
    return np.asarray(weights.values, dtype=np.float64), weights.rank, weights.status


def check_query(query: Any) -> None:
    """Raise if labels cannot be asked for."""
    if not callable(query):
        remedy = "For labels in an array b pass lambda rows: b[rows]."
        got = f"a {type(query).__name__}"
        raise argument_error("query", got, "a function of row numbers", remedy)


def ask(query: Any, rows: IntArray) -> FloatArray:
    """The labels of these rows, checked; what the callback raises gets a note."""
    try:
        answer = query(rows)
    except Exception as error:
        error.add_note(
            f"Raised by query(rows), which was asked for the labels of {rows.size} rows."
        )
        raise
    labels: FloatArray = np.asarray(check_column(answer, "query(rows)", rows.size))
    return labels


class Labelled:
    """The rows whose labels are known, and weighted problems on samples of them."""

    def __init__(
        self, A: TallMatrix, p: float, rows: IntArray, labels: FloatArray, weights: Any
    ) -> None:
        taken = A.take(rows)
        dense = taken if isinstance(taken, np.ndarray) else taken.toarray()
        self._A, self._p, self._rows, self._b = dense.astype(np.float64), p, rows, labels
        self._weights = None if weights is None else weights[rows]
        # Powers of residuals are compared in this unit, where they cannot overflow.
        self._unit = float(np.abs(labels).max(initial=0.0)) or 1.0

    def _of(self, sample: RowSample) -> tuple[FloatArray, FloatArray, FloatArray]:
        at = np.searchsorted(self._rows, sample.indices)
        weights = sample.weights
        if self._weights is not None:
            weights = weights * self._weights[at]
        return self._A[at], self._b[at], weights

    def fit(self, sample: RowSample) -> LpFit:
        """The minimiser of the reweighted problem."""
        A, b, weights = self._of(sample)
        return fit_sample(A, b, weights, RowLoss(self._p))

    def value(self, sample: RowSample, x: FloatArray) -> float:
        """What the sample says of the loss at x, in a unit of its own."""
        A, b, weights = self._of(sample)
        residual = np.abs(A @ x - b) / self._unit
        return float(np.sum(weights * residual**self._p))
