"""scikit-learn's own checks of estimators, all of them, none expected to fail."""

from __future__ import annotations

import pytest

pytest.importorskip("sklearn")

from sklearn.utils.estimator_checks import parametrize_with_checks

from rnla.sklearn import (
    LpRegressor,
    LpRowSampler,
    QuantileRegressor,
    RandomizedRidge,
)

ESTIMATORS = [
    LpRegressor(),
    LpRegressor(p=1, fit_intercept=False),
    LpRegressor(p=3.0),
    QuantileRegressor(),
    QuantileRegressor(0.3, fit_intercept=False),
    RandomizedRidge(),
    RandomizedRidge([0.0, 1.0, 10.0], fit_intercept=False),
    LpRowSampler(),
    LpRowSampler(p=1.0, size=0.5, fit_intercept=False, certify=False),
]


@parametrize_with_checks(ESTIMATORS)
def test_scikit_learn_accepts_the_estimator(estimator, check):
    check(estimator)
