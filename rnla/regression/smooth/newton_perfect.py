"""Fits that are perfect up to rounding: found by least squares on x itself, judged row by row."""

from __future__ import annotations

import math

import numpy as np

from ..._result import FloatArray
from .._rounding import Known, known
from .newton_problem import Problem

__all__ = ["Judge"]

_CLOSE = 2.0**-48  # residuals over terms, of a sum of squares that might be rounding
_REFINEMENTS = 3


class Judge:
    """What float64 can know of fits to `problem`, after a first weighted Gram matrix of it.

    Parameters
    ----------
    problem : Problem
    gram : ndarray, shape (r, r)
        In the coordinates.
    """

    def __init__(self, problem: Problem, gram: FloatArray) -> None:
        self.problem = problem
        self.gram = gram if problem.space.basis is None else None
        self.norms = np.sqrt(np.diag(gram))

    def known(self, x: FloatArray, p: float, unit: float) -> Known:
        """See `known`."""
        problem = self.problem
        return known(
            problem.A,
            problem.b,
            problem.weights,
            x,
            p,
            T=problem.space.T,
            gram=self.gram,
            unit=unit,
            weight_unit=problem.weight_unit,
        )

    def perfected(
        self, x: FloatArray, fit: Known, p: float, unit: float
    ) -> tuple[FloatArray, Known]:
        """The fit after steps of least squares on x itself, if they make it perfect."""
        space = self.problem.space
        gram = np.eye(space.size) if self.gram is None else self.gram
        start, here = x, fit
        for _ in range(_REFINEMENTS):
            if here.perfect:
                break
            y = space.of_coefficients(start, 1.0)
            start = space.moved(start, space.solve(gram, here.gradient, y, 1.0))
            if not np.all(np.isfinite(start)):
                return x, fit
            here = self.known(start, p, unit)
        return (start, here) if here.perfect else (x, fit)

    def perfect(self, y: FloatArray, squares: float, unit: float) -> FloatArray | None:
        """Coefficients near y whose residuals are rounding; passes only where `squares`, their
        weighted sum in `unit`, allows it."""
        space = self.problem.space
        x = space.lift(y, unit)
        if not squares > 0.0:
            return x
        terms = self._size(y) + math.sqrt(self.problem.total) * self.problem.largest / unit
        if math.sqrt(squares) > _CLOSE * (self.problem.A.shape[1] + 2) * terms:
            return None
        x, fit = self.perfected(x, self.known(x, 2.0, unit), 2.0, unit)
        return x if fit.perfect else None

    def _size(self, y: FloatArray) -> float:
        """Norm of the terms of A x, which b cancels in a perfect fit."""
        basis = self.problem.space.basis
        if basis is None or basis.rank == 0:
            return float(np.abs(y) @ self.norms)
        x = self.problem.space.lift(y, 1.0)
        largest = np.abs(basis.R).max(axis=0)
        with np.errstate(over="ignore"):
            norms = largest * np.linalg.norm(
                basis.R / np.where(largest > 0.0, largest, 1.0), axis=0
            )
            return float(np.abs(x) @ norms)
