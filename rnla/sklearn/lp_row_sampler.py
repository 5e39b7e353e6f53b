"""`LpRowSampler`: `rnla.lp_subspace_embedding` as a scikit-learn estimator that samples rows."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_array, check_consistent_length, validate_data

from .._errors import check_fraction, check_size
from ..embedding import lp_subspace_embedding
from ..sampling import RowSample
from ..tall import as_tall
from ._seeds import FLOATS, as_rng

__all__ = ["LpRowSampler"]


class LpRowSampler(BaseEstimator):  # type: ignore[misc]
    """Few weighted rows that preserve ||X v||_p for every v: smaller training data.

    Fit a model on ``X[sampler.indices_]`` with ``sample_weight=sampler.sample_weight_``.

    Parameters
    ----------
    p : float, default 2.0
        The norm, 1 <= p < inf: that of the loss of the model to be fitted, 2 for squares, 1 for
        absolute values.
    eps : float, default 0.1
        Distortion of sums of p-th powers that is wanted.
    size : int or float, optional
        Number of rows to keep, or their share if between 0 and 1. By default as few as are measured
        to keep the distortion below `eps`.
    method : str, default "auto"
        How rows are scored; see `rnla.lp_subspace_embedding`. "uniform" is simple random sampling.
    design : str, default "auto"
        How rows are drawn.
    fit_intercept : bool, default True
        Count a column of ones among those of X, for models with an intercept.
    use_y : bool, default False
        Count y among the columns of X, as needed to preserve the loss of a regression of y on X;
        y must be numbers.
    certify : bool, default True
        Measure the distortion.
    random_state : None, int, RandomState or Generator

    Attributes
    ----------
    indices_ : ndarray of int, shape (n_kept,)
        Rows kept, increasing.
    sample_weight_ : ndarray, shape (n_kept,)
        How many rows each of them stands for.
    sample_ : RowSample
        Both, with probabilities and seed; ``sample_ @ X`` has the rows times weight^(1/p).
    certificate_ : Certificate or None
        What was measured.
    embedding_ : Embedding or None
        What `rnla.lp_subspace_embedding` returned; None if there are too few rows to sample.
    n_features_in_ : int
    feature_names_in_ : ndarray
        If the training data had names of columns.

    Notes
    -----
    Fewer rows than columns are all kept, with weight one. `fit_resample` follows the convention of
    imbalanced-learn; scikit-learn's own pipelines do not change the number of rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from rnla.sklearn import LpRowSampler
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_t(2, (50_000, 4))
    >>> y = X @ [1.0, 2.0, 3.0, 4.0] + rng.standard_normal(50_000)
    >>> sampler = LpRowSampler(use_y=True, random_state=0)
    >>> few, labels = sampler.fit_resample(X, y)
    >>> model = LinearRegression().fit(few, labels, sample_weight=sampler.sample_weight_)
    >>> model.coef_.round(1), len(few) < 5000
    (array([1., 2., 3., 4.]), True)
    """

    def __init__(
        self,
        p: float = 2.0,
        *,
        eps: float = 0.1,
        size: int | float | None = None,
        method: str = "auto",
        design: str = "auto",
        fit_intercept: bool = True,
        use_y: bool = False,
        certify: bool = True,
        random_state: Any = None,
    ) -> None:
        self.p = p
        self.eps = eps
        self.size = size
        self.method = method
        self.design = design
        self.fit_intercept = fit_intercept
        self.use_y = use_y
        self.certify = certify
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = self.use_y
        return tags

    def fit(self, X: Any, y: Any = None) -> LpRowSampler:
        """Choose rows.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)
        y : array_like, shape (n_samples,) or (n_samples, n_outputs), optional
            Ignored unless `use_y` is set.

        Returns
        -------
        LpRowSampler
            Itself.
        """
        if self.use_y:
            X, y = validate_data(
                self,
                X,
                y,
                accept_sparse="csr",
                dtype=FLOATS,
                y_numeric=True,
                multi_output=True,
            )
        else:
            X = validate_data(self, X, accept_sparse="csr", dtype=FLOATS)
        n = X.shape[0]
        size = self._rows(n)
        columns = []
        if self.use_y:
            Y = np.asarray(y, dtype=np.float64).reshape(n, -1)
            columns = [np.ascontiguousarray(Y[:, j]) for j in range(Y.shape[1])]
        tall = as_tall(X, require_tall=False)
        if columns or self.fit_intercept:
            tall = tall.with_columns(*columns, ones=bool(self.fit_intercept))
        self.embedding_ = None
        if n < tall.shape[1]:
            everything, ones = np.arange(n), np.ones(n)
            self.sample_ = RowSample(
                everything, ones, ones, design="everything", seed=0, n=n, p=self.p
            )
            self.certificate_ = None
        else:
            self.embedding_ = lp_subspace_embedding(
                tall,
                self.p,
                eps=self.eps,
                size=size,
                method=self.method,
                design=self.design,
                certify=self.certify,
                rng=as_rng(self.random_state),
            )
            self.sample_ = self.embedding_.sample
            self.certificate_ = self.embedding_.certificate
        self.indices_ = self.sample_.indices
        self.sample_weight_ = self.sample_.weights
        return self

    def fit_resample(self, X: Any, y: Any = None) -> Any:
        """Choose rows and return them.

        Parameters
        ----------
        X : array_like, data frame or sparse matrix, shape (n_samples, n_features)
        y : array_like, shape (n_samples, ...), optional

        Returns
        -------
        X_kept, or (X_kept, y_kept) if there is a y
            Rows as they are, in the kind of the input; their weights are in `sample_weight_`.
        """
        self.fit(X, y)
        if not hasattr(X, "shape"):
            X = check_array(X, accept_sparse="csr", dtype=None)
        if hasattr(X, "tocsr"):
            X = X.tocsr()
        kept = _safe_indexing(X, self.indices_)
        if y is None:
            return kept
        check_consistent_length(X, y)
        return kept, _safe_indexing(y, self.indices_)

    def _rows(self, n: int) -> int | None:
        """The number of rows that `size` asks for."""
        size: Any = self.size
        if size is None:
            return None
        if isinstance(size, numbers.Integral):
            return check_size(size, n)
        return max(1, round(n * check_fraction(size, "size")))
