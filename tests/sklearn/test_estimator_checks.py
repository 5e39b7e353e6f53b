"""scikit-learn's own checks of estimators, all of them, none expected to fail."""

from __future__ import annotations

import os
import subprocess
import sys

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


def test_nor_does_a_check_stand_aside_when_array_api_inputs_are_on():
    code = """
from sklearn.utils.estimator_checks import check_estimator
import rnla.sklearn
for name in rnla.sklearn.__all__:
    found = check_estimator(getattr(rnla.sklearn, name)(), on_skip=None)
    assert len(found) > 40 and {one["status"] for one in found} == {"passed"}, name
"""
    environment = {**os.environ, "SCIPY_ARRAY_API": "1"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_estimators_load_on_first_use_and_say_what_is_missing():
    code = """
import sys, rnla.sklearn
assert "sklearn" not in sys.modules
sys.modules["sklearn"] = None
try:
    rnla.sklearn.LpRegressor
except rnla.MissingPackageError as error:
    print(error)
"""
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert 'pip install "rnla[sklearn]"' in answer.stdout
