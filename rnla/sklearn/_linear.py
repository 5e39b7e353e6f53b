"""What the linear regressors share: checked data, coefficients in scikit-learn's shape, predict."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from .._errors import argument_error
from .._result import FloatArray, Status
from ..regression._input import prepare
from ..regression.least_squares.smallest_norm import smallest_norm
from ._seeds import FLOATS

__all__ = ["LinearRegressor", "box", "is_unbounded"]


class LinearRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Base of regressors that have `coef_` and `intercept_`."""

    _many_responses = True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.multi_output = self._many_responses
        return tags

    def _checked(
        self, X: Any, y: Any, sample_weight: Any, *, least: int = 1
    ) -> tuple[Any, FloatArray, FloatArray | None]:
        """Rows, responses and weights as rnla takes them."""
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            dtype=FLOATS,
            y_numeric=True,
            multi_output=self._many_responses,
            ensure_min_samples=least,
        )
        if sample_weight is not None:
            sample_weight = _check_sample_weight(
                sample_weight, X, dtype=np.float64, ensure_non_negative=True
            )
        return X, y, sample_weight

    def _keep(self, x: FloatArray, intercept: Any) -> None:
        """Store coefficients (d,) or (d, k) as scikit-learn does, (d,) or (k, d)."""
        self.coef_ = np.ascontiguousarray(x.T)
        self.intercept_ = intercept

    def _keep_fit(
        self, fit: Any, X: Any, y: FloatArray, w: FloatArray | None, *, unbounded: bool
    ) -> None:
        """Store what a solver found: of all x that fit alike the smallest, if x is unbounded."""
        x, intercept = fit.x, fit.intercept
        if unbounded:
            problem = prepare(X, y, weights=w, intercept=self.fit_intercept)
            if self.fit_intercept:
                x = np.concatenate([x, np.reshape(intercept, (1, *x.shape[1:]))])
            x, intercept = problem.split(smallest_norm(problem, x))
        self._keep(x, intercept)
        self.fit_ = fit
        self.dual_gap_ = fit.gap
        self.n_iter_ = max(1, fit.iterations)
        if fit.status is Status.NOT_CONVERGED:
            warnings.warn(fit.status.value, ConvergenceWarning, stacklevel=3)

    def predict(self, X: Any) -> FloatArray:
        """Predict responses.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)

        Returns
        -------
        ndarray, shape (n_samples,) or (n_samples, n_outputs)
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=FLOATS, reset=False)
        fitted: FloatArray = safe_sparse_dot(X, self.coef_.T, dense_output=True) + self.intercept_
        return fitted


def box(positive: bool, bounds: Any) -> Any:
    """Bounds of the coefficients for the options `positive` and `bounds`."""
    if bounds is None:
        return (0.0, np.inf) if positive else (-np.inf, np.inf)
    if positive:
        remedy = "Give one of them; positive=True is bounds=(0, numpy.inf)."
        raise argument_error("bounds", f"{bounds!r} with positive=True", "no bounds", remedy)
    return bounds


def is_unbounded(limits: Any) -> bool:
    """Whether no coefficient has a bound."""
    return bool(np.isinf(np.hstack([np.ravel(limit) for limit in limits])).all())
