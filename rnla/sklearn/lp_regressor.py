"""`LpRegressor`: `rnla.lp_regression` as a scikit-learn estimator."""

from __future__ import annotations

from typing import Any

from ..regression import lp_regression
from ._linear import LinearRegressor, box, is_unbounded
from ._seeds import as_rng

__all__ = ["LpRegressor"]


class LpRegressor(LinearRegressor):
    """Linear regression in the l_p norm: minimises sum_i w_i |y_i - x_i coef - intercept|^p.

    Parameters
    ----------
    p : float, default 1.5
        The norm, 1 <= p <= inf: 1 for least absolute deviations, 2 for least squares, inf for the
        least largest error.
    fit_intercept : bool, default True
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
    max_iter : int, optional
        Of the solver.
    random_state : None, int, RandomState or Generator
        Where a sample is drawn. Polished fits depend on it by rounding only.

    Attributes
    ----------
    coef_ : ndarray, shape (n_features,) or (n_outputs, n_features)
        Where the data do not determine the coefficients, those of smallest Euclidean norm, unless
        there are bounds.
    intercept_ : float or ndarray, shape (n_outputs,)
    dual_gap_ : float or ndarray, shape (n_outputs,)
        Proved bound on (objective - minimum) / objective.
    n_iter_ : int
    fit_ : LpFit
        What `rnla.lp_regression` returned.
    n_features_in_ : int
    feature_names_in_ : ndarray
        If the training data had names of columns.

    See Also
    --------
    QuantileRegressor, RandomizedRidge

    Notes
    -----
    Sparse input stays sparse. Cost and methods: see `rnla.lp_regression`.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.sklearn import LpRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((10_000, 2))
    >>> y = X @ [1.0, -2.0] + 3.0 + rng.standard_t(2, 10_000)
    >>> model = LpRegressor(p=1).fit(X, y)
    >>> model.coef_.round(1), round(model.intercept_, 1), model.dual_gap_ < 1e-8
    (array([ 1., -2.]), 3.0, True)
    """

    def __init__(
        self,
        p: float = 1.5,
        *,
        fit_intercept: bool = True,
        positive: bool = False,
        bounds: Any = None,
        tol: float = 1e-8,
        polish: bool = True,
        eps: float = 0.1,
        max_iter: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.p = p
        self.fit_intercept = fit_intercept
        self.positive = positive
        self.bounds = bounds
        self.tol = tol
        self.polish = polish
        self.eps = eps
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LpRegressor:
        """Fit coefficients.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)
        y : array_like, shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array_like, shape (n_samples,), optional
            How often each row counts.

        Returns
        -------
        LpRegressor
            Itself.
        """
        X, y, w = self._checked(X, y, sample_weight)
        limits = box(self.positive, self.bounds)
        fit = lp_regression(
            X,
            y,
            self.p,
            weights=w,
            intercept=self.fit_intercept,
            bounds=limits,
            tol=self.tol,
            polish=self.polish,
            eps=self.eps,
            max_iter=self.max_iter,
            rng=as_rng(self.random_state),
        )
        self._keep_fit(fit, X, y, w, unbounded=is_unbounded(limits))
        return self
