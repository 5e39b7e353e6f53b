"""The regressors: their solvers' answers, weights, bounds, kinds of input, warnings."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import scipy.sparse as sp

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import QuantileRegressor as PenalizedQuantileRegressor
from sklearn.linear_model import RidgeCV
from sklearn.metrics import mean_pinball_loss

import rnla
from rnla.sklearn import LpRegressor, QuantileRegressor, RandomizedRidge
from rnla.sklearn._seeds import as_rng

REGRESSORS = [LpRegressor(), LpRegressor(p=1.0), QuantileRegressor(0.3), RandomizedRidge()]


def data(n=300, d=4, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    return X, X @ np.arange(1.0, d + 1.0) + 2.0 + rng.standard_t(3, n)


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 4.0, np.inf])
@pytest.mark.parametrize("intercept", [False, True])
def test_lp_regressor_is_lp_regression(p, intercept):
    X, y = data()
    model = LpRegressor(p, fit_intercept=intercept).fit(X, y)
    fit = rnla.lp_regression(X, y, p, intercept=intercept)
    np.testing.assert_allclose(model.coef_, fit.x, rtol=1e-6)
    np.testing.assert_allclose(model.intercept_, fit.intercept, rtol=1e-6)
    np.testing.assert_allclose(model.predict(X), X @ model.coef_ + model.intercept_)
    assert model.dual_gap_ <= 1e-8
    assert model.n_iter_ >= 1


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.8])
def test_quantile_regressor_is_at_least_as_good_as_scikit_learn_without_penalty(quantile):
    X, y = data()
    ours = QuantileRegressor(quantile).fit(X, y)
    theirs = PenalizedQuantileRegressor(quantile=quantile, alpha=0.0, solver="highs").fit(X, y)
    mine, other = (mean_pinball_loss(y, one.predict(X), alpha=quantile) for one in (ours, theirs))
    assert mine <= other * (1.0 + 1e-9)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)


def test_many_quantiles_at_once_and_their_score():
    X, y = data()
    levels = [0.1, 0.5, 0.9]
    model = QuantileRegressor(levels).fit(X, y)
    assert model.coef_.shape == (3, 4)
    assert model.predict(X).shape == (300, 3)
    scores = []
    for j, level in enumerate(levels):
        alone = QuantileRegressor(level).fit(X, y)
        np.testing.assert_allclose(model.coef_[j], alone.coef_, rtol=1e-6)
        constant = np.full(300, np.percentile(y, 100 * level))
        loss = [mean_pinball_loss(y, v, alpha=level) for v in (alone.predict(X), constant)]
        scores.append(1.0 - loss[0] / loss[1])
        assert alone.score(X, y) == pytest.approx(scores[-1])
    assert model.score(X, y) == pytest.approx(np.mean(scores))


@pytest.mark.parametrize("intercept", [False, True])
def test_randomized_ridge_chooses_like_ridge_cv(intercept):
    X, y = data()
    alphas = np.logspace(-3, 3, 13)
    ours = RandomizedRidge(alphas, fit_intercept=intercept).fit(X, y)
    theirs = RidgeCV(alphas, fit_intercept=intercept, store_cv_results=True).fit(X, y)
    assert ours.alpha_ == theirs.alpha_
    np.testing.assert_allclose(ours.loo_, theirs.cv_results_.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-8)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-8)


@pytest.mark.parametrize("regressor", REGRESSORS)
def test_weights_count_rows(regressor):
    X, y = data(60)
    w = np.random.default_rng(1).integers(0, 4, 60)
    weighted = clone(regressor).fit(X, y, sample_weight=w)
    repeated = clone(regressor).fit(np.repeat(X, w, axis=0), np.repeat(y, w))
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("regressor", REGRESSORS)
def test_kinds_of_input_agree(regressor):
    pandas = pytest.importorskip("pandas")
    X, y = data()
    X[np.abs(X) < 0.5] = 0.0
    model = clone(regressor).fit(X, y)
    sparse = clone(regressor).fit(sp.csc_array(X), y)
    np.testing.assert_allclose(sparse.coef_, model.coef_, rtol=1e-6)
    np.testing.assert_allclose(sparse.predict(sp.csr_array(X)), model.predict(X), rtol=1e-6)
    frame = pandas.DataFrame(X, columns=list("abcd"))
    named = clone(regressor).fit(frame, pandas.Series(y))
    assert list(named.feature_names_in_) == list("abcd")
    np.testing.assert_array_equal(named.coef_, model.coef_)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


@pytest.mark.parametrize("regressor", [LpRegressor(), LpRegressor(p=1.0), RandomizedRidge()])
def test_many_outputs(regressor):
    X, y = data()
    Y = np.column_stack([y, -2.0 * y + X[:, 0]])
    model = clone(regressor).fit(X, Y)
    assert model.coef_.shape == (2, 4)
    assert model.predict(X).shape == (300, 2)
    np.testing.assert_allclose(model.coef_[0], clone(regressor).fit(X, y).coef_, rtol=1e-5)


@pytest.mark.parametrize("regressor", REGRESSORS)
def test_undetermined_coefficients_are_the_smallest(regressor):
    X, y = data()
    twice = np.column_stack([X, X[:, 3]])
    model, plain = clone(regressor).fit(twice, y), clone(regressor).fit(X, y)
    np.testing.assert_allclose(model.coef_[3], model.coef_[4], rtol=1e-7)
    if not isinstance(regressor, RandomizedRidge):
        np.testing.assert_allclose(model.coef_[:3], plain.coef_[:3], rtol=1e-5)
        np.testing.assert_allclose(model.coef_[3:].sum(), plain.coef_[3], rtol=1e-5)


def test_the_solver_alone_returns_other_coefficients():
    X, y = data()
    x = rnla.lp_regression(np.column_stack([X, X[:, 3]]), y, 1.5).x
    assert 0.0 in x[3:]


@pytest.mark.parametrize("kind", [LpRegressor, QuantileRegressor])
def test_bounds(kind):
    X, y = data()
    y = y - 3.0 * X[:, 0]
    assert kind().fit(X, y).coef_[0] < 0.0
    positive = kind(positive=True).fit(X, y)
    assert positive.coef_[0] == pytest.approx(0.0, abs=1e-9)
    assert positive.coef_.min() >= 0.0
    boxed = kind(bounds=(-1.0, [1.0, 1.0, 1.0, 2.0])).fit(X, y)
    np.testing.assert_allclose(boxed.coef_[1:], [1.0, 1.0, 2.0], rtol=1e-6)
    with pytest.raises(rnla.ArgumentError, match="bounds: got"):
        kind(positive=True, bounds=(0, 1)).fit(X, y)


def test_a_fit_that_stops_early_warns():
    X, y = data()
    with pytest.warns(ConvergenceWarning, match="stopped before its tolerance"):
        model = LpRegressor(p=8, max_iter=1).fit(X, y)
    assert model.dual_gap_ > 1e-8


@pytest.mark.parametrize("kind", [LpRegressor, QuantileRegressor])
def test_without_polish_a_sample_is_repeatable(kind):
    X, y = data(3000, 2)
    fits = [kind(polish=False, eps=0.7, random_state=s).fit(X, y) for s in (0, 0, 1)]
    np.testing.assert_allclose(fits[0].coef_, fits[1].coef_, rtol=1e-9)
    assert np.abs(fits[0].coef_ - fits[2].coef_).max() > 1e-6
    assert fits[0].fit_.sample.size < 3000


def test_a_random_state_moves_on():
    seeds = [as_rng(np.random.RandomState(3)) for _ in range(2)]
    assert seeds[0] == seeds[1]
    state = np.random.RandomState(3)
    assert as_rng(state) == seeds[0] != as_rng(state)
    assert as_rng(5) == 5
    assert as_rng(None) is None


@pytest.mark.parametrize(
    "model, message",
    [
        (LpRegressor(p=0.5), "p: got 0.5"),
        (LpRegressor(tol=2.0), "tol: got 2.0"),
        (QuantileRegressor(1.5), "q: got 1.5"),
        (RandomizedRidge(-1.0), "alphas: got -1.0"),
        (RandomizedRidge(method="fast"), "method: got 'fast'"),
    ],
)
def test_bad_options(model, message):
    with pytest.raises(rnla.ArgumentError, match=message):
        model.fit(*data(30))


def test_zero_weights_everywhere():
    X, y = data(30)
    for regressor in REGRESSORS:
        with pytest.raises(ValueError, match="zero"):
            clone(regressor).fit(X, y, sample_weight=np.zeros(30))
