"""Logistic regression: oracles, certificates, weights, separable classes, homes, bad input."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import rnla


def labelled(n, d, seed=0, *, margin=1.5, offset=0.0):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n, d))
    x = rng.standard_normal(d)
    x *= margin / np.linalg.norm(x)
    return A, rng.random(n) * (1.0 + np.exp(-(A @ x + offset))) < 1.0


def loss(A, y, x, intercept=0.0, weights=1.0):
    return np.sum(weights * np.logaddexp(0.0, -np.where(y, 1.0, -1.0) * (A @ x + intercept)))


# --- Oracles --------------------------------------------------------------------------------------


@pytest.mark.parametrize("ridge", [0.0, 0.01, 10.0])
@pytest.mark.parametrize("intercept", [False, True])
def test_agrees_with_scikit_learn(ridge, intercept):
    linear_model = pytest.importorskip("sklearn.linear_model")
    A, y = labelled(400, 4, 1, offset=0.7)
    fit = rnla.logistic_regression(A, y, ridge=ridge, intercept=intercept, tol=1e-12)
    C = np.inf if ridge == 0.0 else 1.0 / ridge
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = linear_model.LogisticRegression(
            C=C, fit_intercept=intercept, tol=1e-12, max_iter=10_000
        ).fit(A, y)
    np.testing.assert_allclose(fit.x, model.coef_[0], rtol=2e-4, atol=1e-6)
    np.testing.assert_allclose(fit.intercept, np.ravel(model.intercept_)[0], rtol=2e-4, atol=1e-6)
    theirs = loss(A, y, model.coef_[0], model.intercept_) + ridge / 2 * np.sum(model.coef_**2)
    assert fit.objective <= theirs * (1.0 + 1e-12)
    np.testing.assert_allclose(fit.probabilities(A), model.predict_proba(A)[:, 1], atol=1e-4)


def test_agrees_with_statsmodels():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        discrete = pytest.importorskip("statsmodels.discrete.discrete_model")
    A, y = labelled(300, 3, 2)
    model = discrete.Logit(y.astype(float), A).fit(disp=0, tol=1e-12)
    fit = rnla.logistic_regression(A, y, tol=1e-12)
    np.testing.assert_allclose(fit.x, model.params, rtol=1e-7)
    np.testing.assert_allclose(fit.objective, -model.llf, rtol=1e-10)


def test_one_column_and_only_an_intercept_have_closed_forms():
    y = np.arange(10) < 7
    fit = rnla.logistic_regression(np.ones((10, 1)), y)
    np.testing.assert_allclose(fit.x, np.log(7 / 3), rtol=1e-5)
    np.testing.assert_allclose(fit.objective, -7 * np.log(0.7) - 3 * np.log(0.3), rtol=1e-10)
    # Two groups: each has the log odds of its own.
    A = np.repeat(np.eye(2), [6, 4], axis=0)
    fit = rnla.logistic_regression(A, [1, 1, 1, 1, 1, 0, 1, 0, 0, 0], tol=1e-12)
    np.testing.assert_allclose(fit.x, [np.log(5), -np.log(3)], rtol=1e-5)


def test_random_labels_have_the_loss_of_a_coin():
    A = np.vstack([np.eye(3), np.eye(3)])
    fit = rnla.logistic_regression(A, [1, 1, 1, 0, 0, 0])
    np.testing.assert_allclose(fit.x, 0.0, atol=1e-8)
    np.testing.assert_allclose(fit.objective, 6 * np.log(2.0))


# --- Properties -----------------------------------------------------------------------------------


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), d=st.integers(1, 4), ridge=st.sampled_from([0.0, 1.0]))
def test_the_gap_is_a_certificate(seed, d, ridge):
    """lower <= the minimum <= objective, the minimum by SciPy's trust region, and a gap met."""
    A, y = labelled(80, d, seed)
    fit = rnla.logistic_regression(A, y, ridge=ridge)
    if fit.status is rnla.Status.SEPARABLE:
        assert rnla.mu_complexity(A, y).separable
        return
    assert fit.status is rnla.Status.OK
    assert 0.0 <= fit.gap <= 1e-8

    def objective(x):
        return loss(A, y, x) + ridge / 2 * x @ x

    np.testing.assert_allclose(fit.objective, objective(fit.x), rtol=1e-12)
    other = scipy.optimize.minimize(objective, fit.x, method="BFGS", options={"gtol": 1e-12})
    assert fit.lower <= other.fun * (1.0 + 1e-12)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6))
def test_duplicated_rows_are_weights_and_swapped_classes_change_the_sign(seed):
    A, y = labelled(100, 2, seed, margin=0.7)
    times = np.random.default_rng(seed).integers(0, 4, 100)
    weighted = rnla.logistic_regression(A, y, weights=times, intercept=True, tol=1e-10)
    repeated = rnla.logistic_regression(
        np.repeat(A, times, axis=0), np.repeat(y, times), intercept=True, tol=1e-10
    )
    assert weighted.status == repeated.status
    np.testing.assert_allclose(weighted.x, repeated.x, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(weighted.objective, repeated.objective, rtol=1e-9)
    swapped = rnla.logistic_regression(A, ~y, weights=times, intercept=True, tol=1e-10)
    np.testing.assert_allclose(-swapped.x, weighted.x, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(-swapped.intercept, weighted.intercept, rtol=1e-4, atol=1e-6)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), decades=st.integers(-6, 6))
def test_margins_do_not_depend_on_the_basis_of_the_columns(seed, decades):
    A, y = labelled(100, 3, seed)
    expected = rnla.logistic_regression(A, y, tol=1e-12)
    T = np.diag(10.0 ** np.linspace(0.0, decades, 3))
    T[0, 1] = 1.0
    fit = rnla.logistic_regression(A @ T, y, tol=1e-12)
    assert fit.status == expected.status
    if fit.status is rnla.Status.OK:
        np.testing.assert_allclose(fit.objective, expected.objective, rtol=1e-10)
        np.testing.assert_allclose(T @ fit.x, expected.x, rtol=1e-4, atol=1e-5)


def test_columns_twelve_orders_apart_and_dependent_columns():
    A, y = labelled(500, 3, 3)
    expected = rnla.logistic_regression(A, y)
    scale = np.array([1e-6, 1.0, 1e6])
    fit = rnla.logistic_regression(A * scale, y)
    np.testing.assert_allclose(fit.x * scale, expected.x, rtol=1e-4)
    wide = np.column_stack([A, A[:, 0] + A[:, 2]])
    fit = rnla.logistic_regression(wide, y)
    assert fit.rank == 3
    np.testing.assert_allclose(fit.objective, expected.objective, rtol=1e-8)
    tiny = rnla.logistic_regression(A * 1e-200, y)
    np.testing.assert_allclose(tiny.x * 1e-200, expected.x, rtol=1e-4)


def test_zero_rows_add_log_two_each():
    A, y = labelled(100, 2, 4)
    expected = rnla.logistic_regression(A, y)
    padded = rnla.logistic_regression(np.vstack([A, np.zeros((7, 2))]), np.append(y, [True] * 7))
    np.testing.assert_allclose(padded.objective, expected.objective + 7 * np.log(2), rtol=1e-8)


def test_a_start_from_a_sample_saves_passes_and_changes_nothing():
    A, y = labelled(20_000, 2, 5)
    fit = rnla.logistic_regression(A, y, rng=0, tol=1e-12)
    cold = rnla.logistic_regression(A, y, x0=np.zeros(2), tol=1e-12)
    assert fit.iterations < cold.iterations
    np.testing.assert_allclose(fit.x, cold.x, rtol=1e-6)


# --- Separable classes ----------------------------------------------------------------------------


@pytest.mark.parametrize("intercept", [False, True])
def test_separable_classes_are_reported_and_not_looped_on(intercept):
    A, _ = labelled(300, 3, 6)
    y = A @ [1.0, -1.0, 0.5] - (0.3 if intercept else 0.0) > 0.0
    fit = rnla.logistic_regression(A, y, intercept=intercept)
    assert fit.status is rnla.Status.SEPARABLE
    assert fit.iterations <= 40
    assert fit.separation.separable
    np.testing.assert_array_equal(fit.decision(A) >= -1e-12, y)
    assert fit.lower == 0.0
    ridged = rnla.logistic_regression(A, y, intercept=intercept, ridge=1.0)
    assert ridged.status is rnla.Status.OK
    assert ridged.gap <= 1e-8
    assert "ridge" in rnla.Status.SEPARABLE.value


@pytest.mark.parametrize("tol", [1e-3, 1e-8])
def test_touching_classes_have_no_minimiser_although_their_loss_converges(tol):
    rng = np.random.default_rng(0)
    A = rng.standard_normal((400, 3))
    A[:200, 0] = 0.0
    y = rng.random(400) < 0.5
    y[200:] = A[200:, 0] > 0.0
    fit = rnla.logistic_regression(A @ rng.standard_normal((3, 3)), y, tol=tol)
    assert fit.status is rnla.Status.SEPARABLE


def test_one_row_of_the_other_class_makes_a_minimiser():
    rng = np.random.default_rng(1)
    A = np.abs(rng.standard_normal((500, 1))) + 1.0
    y = np.ones(500, dtype=int)
    assert rnla.logistic_regression(A, y).status is rnla.Status.SEPARABLE
    y[7] = 0
    fit = rnla.logistic_regression(A, y)
    assert fit.status is rnla.Status.OK
    assert fit.gap <= 1e-8


def test_a_single_class_with_an_intercept_is_separable():
    A, _ = labelled(50, 2, 7)
    for y, sign in [(np.ones(50), 1.0), (np.zeros(50), -1.0), (np.full(50, -1), -1.0)]:
        fit = rnla.logistic_regression(A, y, intercept=True)
        assert fit.status is rnla.Status.SEPARABLE
        assert np.sign(fit.intercept) == sign
    single = rnla.logistic_regression(A, np.ones(50), ridge=1.0)
    assert single.status is rnla.Status.OK
    assert rnla.logistic_regression(np.eye(3), [1, 0, 1]).status is rnla.Status.SEPARABLE


def test_large_margins_of_heavy_tails_are_not_taken_for_separability():
    rng = np.random.default_rng(2)
    A = rng.standard_cauchy((5000, 3))
    y = rng.random(5000) * (1.0 + np.exp(-np.clip(A[:, 0], -500, 500))) < 1.0
    fit = rnla.logistic_regression(A, y)
    assert fit.status is rnla.Status.OK
    assert fit.gap <= 1e-8


# --- Coresets and homes ---------------------------------------------------------------------------


def test_without_polish_the_gap_on_all_rows_is_certified():
    A, y = labelled(20_000, 4, 8)
    best = rnla.logistic_regression(A, y, intercept=True)
    fit = rnla.logistic_regression(A, y, intercept=True, polish=False, eps=0.1, rng=0)
    assert (fit.method, fit.status.name) == ("coreset", "OK")
    assert fit.coreset.size < 1000
    assert best.objective <= fit.objective <= 1.1 * best.objective
    assert fit.lower <= best.objective * (1.0 + 1e-10)
    assert fit.gap <= 0.1
    np.testing.assert_allclose(fit.objective, loss(A, y, fit.x, fit.intercept), rtol=1e-12)
    small = rnla.logistic_regression(A, y, polish=False, eps=0.001, size=100, rng=0)
    assert small.status is rnla.Status.EPS_NOT_MET
    separable = rnla.logistic_regression(A, A[:, 0] > 0, polish=False, rng=0)
    assert separable.status is rnla.Status.SEPARABLE


@pytest.mark.parametrize("home", ["float32", "sparse", "blocks", "dask", "strings"])
def test_homes_and_labels(home):
    A, y = labelled(5000, 3, 9)
    expected = rnla.logistic_regression(A, y, intercept=True, rng=0)
    if home == "float32":
        A = A.astype(np.float32)
    elif home == "sparse":
        A = sp.csr_array(A)
    elif home == "blocks":
        A = [A[:1000], A[1000:]]
    elif home == "dask":
        array = pytest.importorskip("dask.array")
        A, y = array.from_array(A, chunks=(2048, 3)), array.from_array(y, chunks=700)
    else:
        y = np.where(y, "spam", "ham")
    fit = rnla.logistic_regression(A, y, intercept=True, rng=0)
    if home in ("blocks", "dask"):
        np.testing.assert_array_equal(fit.x, expected.x)
    np.testing.assert_allclose(fit.x, expected.x, rtol=1e-5 if home == "float32" else 1e-6)
    if home == "strings":
        assert fit.classes == ("ham", "spam")


@pytest.mark.parametrize(
    "options, name",
    [
        ({"A": np.full((50, 2), np.inf)}, "A"),
        ({"y": np.ones(49)}, "y"),
        ({"y": np.arange(50)}, "y"),
        ({"y": ["a"] * 50}, "y"),
        ({"y": np.append(np.zeros(49), np.nan)}, "y"),
        ({"weights": np.zeros(50)}, "weights"),
        ({"weights": np.append(np.ones(49), np.nan)}, "weights"),
        ({"ridge": -1.0}, "ridge"),
        ({"A": np.full((50, 2), 1e-200), "ridge": 1.0}, "A"),
        ({"ridge": float("nan")}, "ridge"),
        ({"tol": 2.0}, "tol"),
        ({"eps": 0.0}, "eps"),
        ({"max_iter": 0}, "max_iter"),
        ({"x0": np.ones(3)}, "x0"),
        ({"size": 51, "polish": False}, "size"),
        ({"method": "norms", "polish": False}, "method"),
        ({"rng": "seed"}, "rng"),
    ],
)
def test_bad_input_is_named(options, name):
    A, y = labelled(50, 2, 0, margin=0.5)
    arguments = {"A": A, "y": y, **options}
    with pytest.raises(rnla.RnlaError, match=f"^{name}: got"):
        rnla.logistic_regression(arguments.pop("A"), arguments.pop("y"), **arguments)
