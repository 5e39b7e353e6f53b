"""M-estimators: the level construction against buckets and brute force, and Huber regression."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import rnla
from rnla.regression.coresets.m_estimator_coreset import m_estimator_coreset, m_sensitivity_bounds
from rnla.regression.smooth.losses import Huber
from tests import families


def problem(n, d, seed=0, *, tail=2, scale=1.0):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n, d))
    return A, A @ rng.standard_normal(d) + scale * rng.standard_t(tail, n)


def huber(A, b, x, threshold, weights=1.0):
    return np.sum(weights * Huber(threshold).value(b - A @ x))


# --- Scores ---------------------------------------------------------------------------------------


def by_buckets(A, levels, repeats, rng):
    """Algorithm 1 of the thesis as it stands: leverage scores within every bucket."""
    n, d = A.shape
    scores = np.full(n, min(1.0, 2.0 * d / n, 2.0 ** (1 - levels)))
    for _ in range(repeats):
        for level in range(1, levels + 1):
            bucket = rng.integers(0, 10 * 2**level, n)
            for k in np.unique(bucket):
                rows = np.flatnonzero(bucket == k)
                U = np.linalg.svd(A[rows], full_matrices=False)
                rank = np.sum(U[1] > 1e-10 * max(U[1].max(), 1e-300))
                leverage = np.sum(U[0][:, :rank] ** 2, axis=1)
                found = rows[leverage >= 0.5]
                scores[found] = np.maximum(scores[found], 2.0 ** (1 - level))
    return scores


def our_scores(A, levels, repeats, seed):
    tall = rnla.as_tall(A)
    M = np.linalg.inv(np.linalg.qr(A, mode="r"))
    return m_sensitivity_bounds(tall, M, levels=levels, repeats=repeats, seed=seed)


def test_one_subset_for_all_rows_gives_scores_like_buckets():
    """Mean scores over 20 seeds agree within a quarter, row class by row class.

    Means of 20 seeds have a standard deviation of 4 % (200 seeds), so that a quarter is six of
    them away: false alarm below 1e-6.
    """
    rng = np.random.default_rng(0)
    A = rng.standard_normal((400, 3))
    A[:4] *= [[1e3], [100.0], [30.0], [10.0]]
    levels = 6
    ours = np.mean([our_scores(A, levels, 2, seed) for seed in range(20)], axis=0)
    theirs = np.mean([by_buckets(A, levels, 2, rng) for _ in range(20)], axis=0)
    np.testing.assert_allclose(ours[4:].mean(), theirs[4:].mean(), rtol=0.25)
    np.testing.assert_allclose(ours[:2].mean(), theirs[:2].mean(), rtol=0.25)


LOSSES = {
    "huber": lambda r: Huber(1.0).value(r),
    "absolute": np.abs,
    "square": np.square,
    "l1-l2": lambda r: 2.0 * (np.sqrt(1.0 + r**2 / 2.0) - 1.0),
    "fair": lambda r: np.abs(r) - np.log1p(np.abs(r)),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("tail", [None, 2, 1])
def test_scores_bound_the_share_of_every_row_in_the_loss(name, tail):
    """sup_x M(a_i x) / sum_j M(a_j x) over 2000 x of many sizes, for M of quadratic growth.

    A row is overlooked with probability 10^-7 in seven repeats: false alarm below 2e-4.
    """
    rng = np.random.default_rng(3)
    A = rng.standard_normal((2000, 3)) if tail is None else rng.standard_t(tail, (2000, 3))
    scores = our_scores(A, 9, 7, 0)
    # Directions of all kinds, among them the worst for least squares, at sizes 1e-4 to 1e4.
    worst = np.linalg.solve(A.T @ A, A[np.argsort(-np.abs(A).max(axis=1))[:150]].T)
    X = np.hstack([rng.standard_normal((3, 250)), worst])
    X = np.hstack([X * size for size in (1e-4, 0.1, 1.0, 10.0, 1e4)])
    values = LOSSES[name](A @ X)
    shares = np.max(values / values.sum(axis=0), axis=1)
    assert np.all(shares <= scores)
    assert scores.sum() < 700.0  # of the trivial bound n = 2000


def test_scores_that_are_too_small_are_caught():
    """A fifth of the scores is not above all shares: the check can fail."""
    A = np.random.default_rng(3).standard_t(1, (300, 3))
    X = np.linalg.solve(A.T @ A, A.T)
    values = np.square(A @ X)
    shares = np.max(values / values.sum(axis=0), axis=1)
    assert not np.all(shares <= 0.2 * our_scores(A, 6, 7, 0))


def test_outliers_get_high_scores_and_flat_rows_low_ones():
    A = families.gaussian(2000, 4, 0)
    flat = our_scores(A, 8, 4, 0)
    A[7] = 1e5
    spiked = our_scores(A, 8, 4, 0)
    assert spiked[7] == 1.0
    assert flat.max() <= 0.25
    assert np.median(spiked) <= 0.1


def test_a_matrix_that_levels_cannot_divide():
    np.testing.assert_array_equal(our_scores(np.eye(3), 0, 1, 0), 1.0)
    coreset = m_estimator_coreset(np.eye(3), np.ones(3), rng=0)
    assert coreset.status is rnla.Status.EXACT
    coreset = m_estimator_coreset(np.zeros((5, 2)), np.zeros(5), rng=0)
    assert coreset.rank == 0


# --- Coresets -------------------------------------------------------------------------------------


def test_a_coreset_serves_all_thresholds(record_property):
    """Loss error at most eps = 0.2 at the optimum and at random x, in 38 of 40 draws.

    False alarm: a draw fails with probability below 0.01 (none did in 200), so 3 of 40 do with
    0.008.
    """
    A, b = problem(10_000, 4, 0, tail=1.5)
    A[:20] *= 200.0
    b[:20] = A[:20] @ np.ones(4)
    rng = np.random.default_rng(1)
    x = rnla.huber_regression(A, b, threshold=1.0).x
    X = [x, 0.0 * x, *(x + rng.standard_normal((3, 4)) * [[0.1], [1.0], [10.0]])]
    thresholds = (0.1, 1.0, 30.0)
    full = np.array([[huber(A, b, x, t) for x in X] for t in thresholds])
    fine = 0
    for seed in range(40):
        coreset = m_estimator_coreset(A, b, eps=0.2, rng=seed)
        rows, w = coreset.indices, coreset.weights
        found = np.array([[huber(A[rows], b[rows], x, t, w) for x in X] for t in thresholds])
        fine += np.all(np.abs(found / full - 1.0) <= 0.2)
    record_property("measured", fine)
    record_property("threshold", 38)
    record_property("count", 40)
    record_property("false_alarm_rate", 0.008)
    assert fine >= 38


def test_uniform_sampling_fails_where_few_rows_carry_the_loss():
    """Each uniform draw of 600 of 10,000 misses some of the 20 rows that carry most of the loss."""
    A, b = problem(10_000, 4, 0, tail=1.5)
    A[:20] *= 200.0
    x = np.full(4, 10.0)
    full = huber(A, b, x, 1.0)
    fine = 0
    for seed in range(40):
        coreset = m_estimator_coreset(A, b, eps=0.2, method="uniform", rng=seed)
        rows = coreset.indices
        fine += abs(huber(A[rows], b[rows], x, 1.0, coreset.weights) / full - 1.0) <= 0.2
    assert fine < 38


def test_the_same_rows_in_every_home():
    array = pytest.importorskip("dask.array")
    A, b = problem(6000, 3, 1)
    expected = m_estimator_coreset(A, b, eps=0.3, intercept=True, rng=3)
    assert expected.repeats == 6
    for other, target in [
        ([A[:2000], A[2000:]], b),
        (array.from_array(A, chunks=(2048, 3)), array.from_array(b, chunks=1000)),
    ]:
        found = m_estimator_coreset(other, target, eps=0.3, intercept=True, rng=3)
        np.testing.assert_array_equal(found.indices, expected.indices)
        np.testing.assert_array_equal(found.weights, expected.weights)
    sparse = m_estimator_coreset(sp.csr_array(A), b, eps=0.3, intercept=True, rng=3)
    assert np.mean(np.isin(sparse.indices, expected.indices)) > 0.99


# --- Huber regression: oracles --------------------------------------------------------------------


def test_agrees_with_statsmodels_at_a_fixed_scale():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        robust = pytest.importorskip("statsmodels.robust.robust_linear_model")
        norms = pytest.importorskip("statsmodels.robust.norms")
    A, b = problem(300, 3, 2)
    model = robust.RLM(b, A, M=norms.HuberT(1.345))
    scale = model.fit(tol=1e-12, maxiter=1000).scale  # its scale enters as a factor of residuals
    fit = rnla.huber_regression(A, b, threshold=1.345 * scale, tol=1e-12)
    other = model.fit(tol=1e-13, maxiter=2000, update_scale=True)
    np.testing.assert_allclose(fit.x, other.params, rtol=1e-5)


def test_agrees_with_scikit_learn_at_its_own_scale():
    linear_model = pytest.importorskip("sklearn.linear_model")
    A, b = problem(300, 3, 3)
    model = linear_model.HuberRegressor(epsilon=1.5, alpha=0.0, tol=1e-10, max_iter=10_000)
    model.fit(A, b)
    fit = rnla.huber_regression(A, b, threshold=1.5 * model.scale_, intercept=True, tol=1e-12)
    np.testing.assert_allclose(fit.x, model.coef_, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(fit.intercept, model.intercept_, rtol=1e-3, atol=1e-5)


def test_the_location_of_three_numbers():
    # 0 and 1 are near, 100 pulls with the threshold: (m - 0) + (m - 1) = 1.
    fit = rnla.huber_regression(np.ones((3, 1)), [0.0, 1.0, 100.0], threshold=1.0)
    np.testing.assert_allclose(fit.x, 1.0, rtol=1e-9)
    np.testing.assert_allclose(fit.objective, 0.5 + 0.0 + 98.5, rtol=1e-9)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), power=st.integers(-2, 2), ridge=st.sampled_from([0.0, 2.0]))
def test_the_gap_is_a_certificate(seed, power, ridge):
    A, b = problem(60, 3, seed)
    threshold = 10.0**power
    fit = rnla.huber_regression(A, b, threshold=threshold, ridge=ridge)
    assert fit.status is rnla.Status.OK
    assert 0.0 <= fit.gap <= 1e-8

    def objective(x):
        return huber(A, b, x, threshold) + ridge / 2 * x @ x

    np.testing.assert_allclose(fit.objective, objective(fit.x), rtol=1e-10)
    other = scipy.optimize.minimize(objective, fit.x, method="BFGS")
    assert fit.lower <= other.fun * (1.0 + 1e-10)


def test_a_large_threshold_is_least_squares_and_a_small_one_least_absolute_deviations():
    A, b = problem(400, 3, 4)
    fit = rnla.huber_regression(A, b, threshold=1e6)
    np.testing.assert_allclose(fit.x, np.linalg.lstsq(A, b, rcond=None)[0], rtol=1e-8)
    small = 1e-6
    fit = rnla.huber_regression(A, b, threshold=small)
    least = rnla.lp_regression(A, b, 1)
    np.testing.assert_allclose(fit.objective / small, least.objective, rtol=1e-5)
    np.testing.assert_allclose(fit.x, least.x, rtol=1e-3)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), decades=st.integers(-6, 6))
def test_units_of_b_columns_and_duplicated_rows(seed, decades):
    A, b = problem(80, 2, seed)
    rng = np.random.default_rng(seed)
    expected = rnla.huber_regression(A, b, threshold=1.0, tol=1e-12)
    unit = 10.0**decades
    scaled = rnla.huber_regression(A, b * unit, threshold=unit, tol=1e-12)
    np.testing.assert_allclose(scaled.x, expected.x * unit, rtol=1e-5)
    np.testing.assert_allclose(scaled.objective, expected.objective * unit**2, rtol=1e-9)
    T = np.array([[unit, 1.0], [0.0, 1.0]])
    turned = rnla.huber_regression(A @ T, b, threshold=1.0, tol=1e-12)
    np.testing.assert_allclose(turned.objective, expected.objective, rtol=1e-9)
    times = rng.integers(0, 4, 80)
    weighted = rnla.huber_regression(A, b, threshold=1.0, weights=times, tol=1e-12)
    repeated = rnla.huber_regression(
        np.repeat(A, times, axis=0), np.repeat(b, times), threshold=1.0, tol=1e-12
    )
    np.testing.assert_allclose(weighted.objective, repeated.objective, rtol=1e-9)


@pytest.mark.parametrize("threshold", [1e-3, 1.0, 1e3])
def test_perfect_fits_equal_responses_and_more_unknowns_than_rows(threshold):
    A, _ = problem(200, 3, 5)
    perfect = rnla.huber_regression(A, A @ [1.0, 2.0, 3.0], threshold=threshold)
    assert perfect.status is rnla.Status.OK
    np.testing.assert_allclose(perfect.x, [1.0, 2.0, 3.0], rtol=1e-10)
    zero = rnla.huber_regression(A, np.zeros(200), threshold=threshold)
    assert (zero.objective, zero.gap) == (0.0, 0.0)
    equal = rnla.huber_regression(A, np.full(200, 7.0), threshold=threshold, intercept=True)
    assert equal.status is rnla.Status.OK
    np.testing.assert_allclose(equal.intercept, 7.0, rtol=1e-8)
    wide = rnla.huber_regression(A[:2], [1.0, 2.0], threshold=threshold)
    assert wide.status is rnla.Status.OK
    np.testing.assert_allclose(A[:2] @ wide.x, [1.0, 2.0], rtol=1e-8)
    one = rnla.huber_regression([[2.0]], [6.0], threshold=threshold)
    np.testing.assert_allclose(one.x, 3.0, rtol=1e-9)


def test_gross_errors_do_little_harm():
    A, b = problem(2000, 3, 6, tail=30)
    expected = rnla.huber_regression(A, b, threshold=1.345).x
    b[:100] += 1e6
    spoiled = rnla.huber_regression(A, b, threshold=1.345)
    np.testing.assert_allclose(spoiled.x, expected, atol=0.3)
    assert np.abs(np.linalg.lstsq(A, b, rcond=None)[0] - expected).max() > 1e3


def test_without_polish_the_gap_on_all_rows_is_certified():
    A, b = problem(20_000, 4, 7)
    best = rnla.huber_regression(A, b, threshold=1.0, intercept=True)
    fit = rnla.huber_regression(A, b, threshold=1.0, intercept=True, polish=False, rng=0)
    assert (fit.method, fit.status.name) == ("coreset", "OK")
    assert fit.coreset.size < 4000
    assert best.objective <= fit.objective <= 1.1 * best.objective
    assert fit.lower <= best.objective * (1.0 + 1e-10)
    small = rnla.huber_regression(
        A, b, threshold=1.0, polish=False, size=20, eps=0.001, method="uniform", rng=0
    )
    assert small.status is rnla.Status.EPS_NOT_MET


@pytest.mark.parametrize("home", ["float32", "sparse", "blocks", "dask"])
def test_homes(home):
    A, b = problem(5000, 3, 8)
    expected = rnla.huber_regression(A, b, threshold=1.0, intercept=True)
    if home == "float32":
        A = A.astype(np.float32)
    elif home == "sparse":
        A = sp.csr_array(A)
    elif home == "blocks":
        A = [A[:1000], A[1000:]]
    else:
        array = pytest.importorskip("dask.array")
        A, b = array.from_array(A, chunks=(2048, 3)), array.from_array(b, chunks=700)
    fit = rnla.huber_regression(A, b, threshold=1.0, intercept=True)
    if home in ("blocks", "dask"):
        np.testing.assert_array_equal(fit.x, expected.x)
    np.testing.assert_allclose(fit.x, expected.x, rtol=1e-5 if home == "float32" else 1e-7)


@pytest.mark.parametrize(
    "options, name",
    [
        ({"A": np.full((50, 2), np.nan)}, "A"),
        ({"b": np.ones(49)}, "b"),
        ({"b": np.full(50, np.nan)}, "b"),
        ({"b": np.ones((50, 2))}, "b"),
        ({"threshold": 0.0}, "threshold"),
        ({"threshold": -1.0}, "threshold"),
        ({"threshold": float("inf")}, "threshold"),
        ({"threshold": 1e-200}, "threshold"),
        ({"weights": np.zeros(50)}, "weights"),
        ({"ridge": -1.0}, "ridge"),
        ({"A": np.full((50, 2), 1e-200), "ridge": 1.0}, "A"),
        ({"tol": 0.0}, "tol"),
        ({"x0": np.ones(3)}, "x0"),
        ({"max_iter": 0}, "max_iter"),
        ({"size": 51, "polish": False}, "size"),
        ({"method": "norms", "polish": False}, "method"),
        ({"eps": 1.0}, "eps"),
        ({"rng": "seed", "polish": False}, "rng"),
    ],
)
def test_bad_input_is_named(options, name):
    A, b = problem(50, 2, 0)
    arguments = {"A": A, "b": b, "threshold": 1.0, **options}
    with pytest.raises(rnla.RnlaError, match=f"^{name}: got"):
        rnla.huber_regression(arguments.pop("A"), arguments.pop("b"), **arguments)


@pytest.mark.parametrize(
    "options, name",
    [
        ({"repeats": 0}, "repeats"),
        ({"delta": 1.0}, "delta"),
        ({"weights": -np.ones(50)}, "weights"),
    ],
)
def test_bad_options_of_the_coreset_are_named(options, name):
    A, b = problem(50, 2, 0)
    with pytest.raises(rnla.RnlaError, match=f"^{name}: got"):
        m_estimator_coreset(A, b, **options)
