"""`QuantileRegressor`: `rnla.quantile_regression` as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import d2_pinball_score

from .._result import FloatArray
from ..regression import quantile_regression
from ._linear import LinearRegressor, box, is_unbounded
from ._seeds import as_rng

__all__ = ["QuantileRegressor"]


class QuantileRegressor(LinearRegressor):
    """Linear quantile regression, for one quantile or several at once.

    Parameters
    ----------
    quantile : float or sequence of floats, default 0.5
        Strictly between 0 and 1.
    fit_intercept : bool, default True
    non_crossing : bool, default False
        For several quantiles: fit them such that on no row of the training data a larger quantile
        is below a smaller one.
    positive : bool, default False
        Keep the coefficients non-negative.
    bounds : pair of floats or of arrays of shape (n_features,), optional
        Lower and upper bounds of the coefficients.
    tol : float, default 1e-8
        Largest relative duality gap.
    polish : bool, default True
        False stops at the fit on few rows, within a factor of about 1 + `eps` of the best.
    eps : float, default 0.1
        Without polish, the distortion of the sample of rows.
    max_iter : int, default 100
        Of each interior point.
    random_state : None, int, RandomState or Generator
        Where a sample is drawn. Polished fits depend on it only where they are not unique.

    Attributes
    ----------
    coef_ : ndarray, shape (n_features,) or (n_quantiles, n_features)
        Where the data do not determine the coefficients, those of smallest Euclidean norm, unless
        there are bounds or quantiles must not cross.
    intercept_ : float or ndarray, shape (n_quantiles,)
    dual_gap_ : float or ndarray, shape (n_quantiles,)
        Proved bound on (objective - minimum) / objective.
    n_iter_ : int
    fit_ : QuantileFit
        What `rnla.quantile_regression` returned.
    n_features_in_ : int
    feature_names_in_ : ndarray
        If the training data had names of columns.

    See Also
    --------
    LpRegressor

    Notes
    -----
    There is no penalty, unlike in scikit-learn's estimator of the same name, whose default is
    ``alpha=1``. Cost and methods: see `rnla.quantile_regression`.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.sklearn import QuantileRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(size=(2000, 1))
    >>> y = X[:, 0] * rng.exponential(size=2000)
    >>> model = QuantileRegressor([0.1, 0.5, 0.9]).fit(X, y)
    >>> (y[:, None] < model.predict(X)).mean(axis=0).round(2)
    array([0.1, 0.5, 0.9])
    """

    _many_responses = False

    def __init__(
        self,
        quantile: float | Sequence[float] = 0.5,
        *,
        fit_intercept: bool = True,
        non_crossing: bool = False,
        positive: bool = False,
        bounds: Any = None,
        tol: float = 1e-8,
        polish: bool = True,
        eps: float = 0.1,
        max_iter: int = 100,
        random_state: Any = None,
    ) -> None:
        self.quantile = quantile
        self.fit_intercept = fit_intercept
        self.non_crossing = non_crossing
        self.positive = positive
        self.bounds = bounds
        self.tol = tol
        self.polish = polish
        self.eps = eps
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> QuantileRegressor:
        """Fit coefficients.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)
        y : array_like, shape (n_samples,)
        sample_weight : array_like, shape (n_samples,), optional
            How often each row counts.

        Returns
        -------
        QuantileRegressor
            Itself.
        """
        X, y, w = self._checked(X, y, sample_weight)
        limits = box(self.positive, self.bounds)
        fit = quantile_regression(
            X,
            y,
            self.quantile,
            weights=w,
            intercept=self.fit_intercept,
            bounds=limits,
            non_crossing=self.non_crossing,
            tol=self.tol,
            polish=self.polish,
            eps=self.eps,
            max_iter=self.max_iter,
            rng=as_rng(self.random_state),
        )
        unbounded = is_unbounded(limits) and not self.non_crossing
        self._keep_fit(fit, X, y, w, unbounded=unbounded)
        return self

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Share of the check loss of a constant that the model removes, averaged over quantiles.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)
        y : array_like, shape (n_samples,)
        sample_weight : array_like, shape (n_samples,), optional

        Returns
        -------
        float
            1 for a perfect model, 0 for one no better than the quantile of `y`; see
            `sklearn.metrics.d2_pinball_score`.
        """
        levels = np.atleast_1d(self.quantile)
        fitted: FloatArray = self.predict(X).reshape(-1, levels.size)
        scores = [
            d2_pinball_score(y, fitted[:, j], sample_weight=sample_weight, alpha=float(level))
            for j, level in enumerate(levels)
        ]
        return float(np.mean(scores))
