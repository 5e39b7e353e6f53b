"""`RandomizedRidge`: `rnla.ridge` as a scikit-learn estimator that chooses its penalty."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from ..regression import ridge
from ._linear import LinearRegressor
from ._seeds import as_rng

__all__ = ["RandomizedRidge"]


class RandomizedRidge(LinearRegressor):
    """Ridge regression whose penalty has the least leave-one-out error, from one factorisation.

    Parameters
    ----------
    alphas : array_like, shape (n_alphas,), or float, optional
        Penalties to choose from. By default four a decade, from no shrinkage to nothing left; see
        `rnla.ridge`.
    fit_intercept : bool, default True
    method : {"auto", "exact", "gram"}, default "auto"
        How the rows are orthonormalised; see `rnla.ridge`.
    random_state : None, int, RandomState or Generator
        Seed of the sketch that ill-conditioned data are preconditioned by. Results depend on it by
        rounding only.

    Attributes
    ----------
    coef_ : ndarray, shape (n_features,) or (n_outputs, n_features)
    intercept_ : float or ndarray, shape (n_outputs,)
    alpha_ : float or ndarray, shape (n_outputs,)
        The penalty chosen, for every output by itself.
    alphas_ : ndarray, shape (n_alphas,)
    loo_ : ndarray, shape (n_alphas,) or (n_alphas, n_outputs)
        Mean squared leave-one-out error for each penalty.
    loo_error_ : ndarray
        Its standard error.
    path_ : RidgePath
        What `rnla.ridge` returned, with the coefficients for all penalties.
    n_features_in_ : int
    feature_names_in_ : ndarray
        If the training data had names of columns.

    See Also
    --------
    LpRegressor

    Notes
    -----
    The leave-one-out errors are exact, with the intercept fitted anew each time. Sample weights
    count copies, one of which is left out (``leave_out="copy"`` of `rnla.ridge`).

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.sklearn import RandomizedRidge
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((200, 100))
    >>> y = X @ np.full(100, 0.1) + rng.standard_normal(200)
    >>> model = RandomizedRidge([1.0, 10.0, 100.0, 1000.0]).fit(X, y)
    >>> model.alpha_, model.coef_.shape
    (100.0, (100,))
    """

    def __init__(
        self,
        alphas: npt.ArrayLike | None = None,
        *,
        fit_intercept: bool = True,
        method: str = "auto",
        random_state: Any = None,
    ) -> None:
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.method = method
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> RandomizedRidge:
        """Fit coefficients for all penalties and keep the best.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)
        y : array_like, shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array_like, shape (n_samples,), optional
            How often each row counts.

        Returns
        -------
        RandomizedRidge
            Itself.
        """
        X, y, w = self._checked(X, y, sample_weight, least=2)
        path = ridge(
            X,
            y,
            alphas=self.alphas,
            intercept=self.fit_intercept,
            weights=w,
            leave_out="copy",
            method=self.method,
            rng=as_rng(self.random_state),
        )
        self._keep(path.x, path.intercept)
        self.alpha_, self.alphas_ = path.best_alpha, path.alphas
        self.loo_, self.loo_error_ = path.loo, path.loo_error
        self.path_ = path
        return self
