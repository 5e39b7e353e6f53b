"""`quantile_regression`: other packages, quantiles that do not cross, homes, coresets, input."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import rnla
from tests import families
from tests.counts import count
from tests.regression.check_loss import least, loss


def data(n=400, d=4, seed=0):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n, d))
    return A, A @ rng.standard_normal(d) + (1 + np.abs(A[:, 0])) * rng.standard_normal(n)


@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
def test_statsmodels_and_scikit_learn_agree(q):
    statsmodels = pytest.importorskip("statsmodels.api")
    linear = pytest.importorskip("sklearn.linear_model")
    A, b = data()
    fit = rnla.quantile_regression(A, b, q, intercept=True)
    ones = statsmodels.add_constant(A)
    theirs = statsmodels.QuantReg(b, ones).fit(q=q, p_tol=1e-9, max_iter=5000)
    assert fit.objective <= loss(ones, b, q, np.asarray(theirs.params)) * (1 + 1e-12)
    np.testing.assert_allclose(fit.x, theirs.params[1:], atol=1e-4)
    model = linear.QuantileRegressor(quantile=q, alpha=0.0, solver="highs").fit(A, b)
    np.testing.assert_allclose(fit.x, model.coef_, rtol=1e-6)
    np.testing.assert_allclose(fit.intercept, model.intercept_, rtol=1e-6)
    assert fit.status is rnla.Status.OK
    assert fit.gap <= 1e-12


@given(st.sampled_from([0.5, 0.1, 0.8]), st.integers(0, 2**16))
def test_the_bound_is_below_the_linear_program(q, seed):
    A, b = data(50, 3, seed)
    w = np.random.default_rng(seed).integers(0, 3, 50).astype(float)
    w[0] = 1.0
    fit = rnla.quantile_regression(A, b, q, weights=w, bounds=(-0.3, 1.0))
    best = least(A, b, q, w, bounds=(-0.3, 1.0))
    np.testing.assert_allclose(fit.objective, best, rtol=1e-8)
    assert fit.lower <= best * (1 + 1e-9)
    assert fit.x.min() >= -0.3
    assert fit.x.max() <= 1.0


@given(st.lists(st.floats(0.05, 0.95), min_size=1, max_size=4), st.integers(0, 2**16))
@settings(max_examples=20)
def test_many_quantiles_equal_one_after_the_other(levels, seed):
    A, b = data(60, 2, seed)
    fit = rnla.quantile_regression(A, b, levels, intercept=True)
    assert fit.x.shape == (2, len(levels))
    for j, q in enumerate(levels):
        one = rnla.quantile_regression(A, b, q, intercept=True)
        np.testing.assert_allclose(fit.objective[j], one.objective, rtol=1e-12)
        np.testing.assert_array_equal(fit.x[:, j], one.x)
        assert fit.intercept[j] == one.intercept


def test_a_fraction_q_of_the_residuals_is_negative():
    A, b = data(2000)
    for q in (0.05, 0.3, 0.99):
        fit = rnla.quantile_regression(A, b, q, intercept=True)
        below = np.count_nonzero(b - A @ fit.x - fit.intercept < -1e-9)
        assert below <= 2000 * q <= below + 5  # the 5 rows that the fit interpolates


def test_the_intercept_is_not_bounded():
    A, b = data()
    fit = rnla.quantile_regression(A, b - 100, 0.5, intercept=True, bounds=(0, np.inf))
    assert fit.intercept < -90
    assert fit.x.min() >= 0.0


def joint_least(A, b, levels):
    """Least sum of losses with a_i x_j <= a_i x_(j+1) on every row, by HiGHS."""
    n, d = A.shape
    k = len(levels)
    cost = np.concatenate(
        [np.zeros(k * d)] + [np.r_[np.full(n, q), np.full(n, 1 - q)] for q in levels]
    )
    blocks = sp.block_diag([A] * k)
    slack = sp.block_diag([sp.hstack([sp.eye(n), -sp.eye(n)])] * k)
    order = np.zeros((k - 1, k))
    order[np.arange(k - 1), np.arange(k - 1)], order[np.arange(k - 1), np.arange(1, k)] = 1, -1
    result = scipy.optimize.linprog(
        cost,
        A_eq=sp.hstack([blocks, slack]),
        b_eq=np.tile(b, k),
        A_ub=sp.hstack([sp.kron(order, A), sp.csr_array(((k - 1) * n, 2 * n * k))]),
        b_ub=np.zeros((k - 1) * n),
        bounds=[(None, None)] * (k * d) + [(0, None)] * (2 * n * k),
    )
    assert result.status == 0
    return result.fun


LEVELS = [0.1, 0.15, 0.5, 0.55, 0.9]


@pytest.mark.parametrize("seed", range(4))
def test_non_crossing_fits_equal_the_joint_linear_program(seed):
    A, b = data(60, 4, seed)
    A = np.column_stack([A, np.ones(60)])
    free = rnla.quantile_regression(A, b, LEVELS)
    fit = rnla.quantile_regression(A, b, LEVELS, non_crossing=True)
    assert free.crossings > 0
    assert fit.crossings == 0
    assert np.diff(A @ fit.x, axis=1).min() >= -1e-8
    np.testing.assert_allclose(fit.objective, joint_least(A, b, LEVELS), rtol=1e-8)
    assert free.objective.sum() < fit.objective
    assert fit.gap <= 1e-8
    assert fit.status is rnla.Status.OK


def test_non_crossing_does_not_depend_on_the_order_of_quantiles_and_takes_bounds():
    A, b = data(60, 4, 0)
    fit = rnla.quantile_regression(A, b, LEVELS, non_crossing=True, intercept=True, bounds=(-1, 1))
    mixed = [3, 0, 4, 2, 1]
    levels = np.array(LEVELS)[mixed]
    again = rnla.quantile_regression(
        A, b, levels, non_crossing=True, intercept=True, bounds=(-1, 1)
    )
    np.testing.assert_allclose(again.x, fit.x[:, mixed], rtol=1e-9)
    np.testing.assert_allclose(again.intercept, fit.intercept[mixed], rtol=1e-9)
    assert np.abs(fit.x).max() <= 1.0
    assert fit.gap <= 1e-8
    fitted = A @ fit.x + fit.intercept
    assert np.diff(fitted, axis=1).min() >= -1e-8


def test_non_crossing_on_many_rows_is_globbed():
    rng = np.random.default_rng(0)
    A = rng.standard_t(3, (120_000, 9))
    b = A @ rng.random(9) + rng.standard_normal(120_000)
    levels = [0.5, 0.502, 0.504]
    free = rnla.quantile_regression(A, b, levels, intercept=True, rng=0)
    fit = rnla.quantile_regression(A, b, levels, intercept=True, non_crossing=True, rng=0)
    assert fit.method == "globbing"
    assert free.crossings > 0
    assert fit.crossings == 0
    assert fit.gap <= 1e-8
    assert free.lower.sum() <= fit.objective <= free.objective.sum() * (1 + 1e-3)


@pytest.mark.parametrize("non_crossing", [False, True])
def test_homes_give_the_same_bits(tmp_path, non_crossing):
    da = pytest.importorskip("dask.array")
    A, b = data(3000, 4)
    np.save(tmp_path / "A.npy", A)
    options = {"intercept": True, "non_crossing": non_crossing}
    levels = [0.3, 0.31, 0.32]
    expected = rnla.quantile_regression(A, b, levels, **options)
    for rows, target in (
        (tmp_path / "A.npy", b),
        ([A[:1000], A[1000:]], b),
        (da.from_array(A, chunks=(1024, 4)), da.from_array(b, chunks=1024)),
    ):
        fit = rnla.quantile_regression(rows, target, levels, **options)
        np.testing.assert_array_equal(fit.x, expected.x)
        np.testing.assert_array_equal(fit.objective, expected.objective)
        assert fit.crossings == expected.crossings


@pytest.mark.parametrize(
    "bounds",
    [
        (1.0, 1.0),
        ([0.0, 1.0, -np.inf, -np.inf], [0.5, 1.0, np.inf, np.inf]),
        (5.0, 6.0),
        (-1e-9, 1e-9),
        (-1e8, 1e8),
    ],
)
def test_fixed_far_narrow_and_wide_bounds(bounds):
    A, b = data(200)
    fit = rnla.quantile_regression(A, b, 0.3, bounds=bounds)
    lower, upper = (np.broadcast_to(side, 4) for side in bounds)
    assert np.all((fit.x >= lower) & (fit.x <= upper))
    assert fit.gap <= 1e-9
    if np.all(lower == upper):
        np.testing.assert_allclose(fit.objective, loss(A, b, 0.3, lower), rtol=1e-12)


def test_one_outlier_does_not_make_other_residuals_look_like_rounding():
    A, b = data(40, 2)
    b[0] = 1e18
    fit = rnla.quantile_regression(A, b, 0.5)
    assert fit.lower <= least(A[1:], b[1:], 0.5) + 0.5 * 1e18 * (1 + 1e-12)
    np.testing.assert_allclose(
        fit.x, rnla.quantile_regression(A, np.r_[1e6, b[1:]], 0.5).x, rtol=1e-6
    )


@pytest.mark.parametrize("offset", [1e3, 1e6])
def test_a_large_offset_costs_few_digits(offset):
    A, b = data()
    A[:, 0] = 2000 + 10 * A[:, 0]
    fit = rnla.quantile_regression(A, b + offset, [0.1, 0.5], intercept=True)
    plain = rnla.quantile_regression(A, b, [0.1, 0.5], intercept=True)
    np.testing.assert_allclose(fit.objective, plain.objective, rtol=1e-7)
    np.testing.assert_allclose(fit.x, plain.x, rtol=1e-5, atol=1e-6)
    assert fit.gap.max() <= 1e-8


def test_nothing_is_modified_and_floats_of_four_bytes_are_taken():
    A, b = data()
    before, responses = A.copy(), b.copy()
    rnla.quantile_regression(A, b, [0.2, 0.21], non_crossing=True)
    np.testing.assert_array_equal(A, before)
    np.testing.assert_array_equal(b, responses)
    single = rnla.quantile_regression(A.astype(np.float32), b, 0.4)
    assert single.x.dtype == np.float64
    assert single.gap <= 1e-10


def test_more_unknowns_than_rows_and_equal_responses():
    A = np.random.default_rng(0).standard_normal((3, 5))
    fit = rnla.quantile_regression(A, np.ones(3), 0.3)
    np.testing.assert_allclose(A @ fit.x, 1.0, rtol=1e-10)
    assert fit.gap == 0.0
    assert fit.rank == 3
    equal = rnla.quantile_regression(np.ones((7, 1)), np.full(7, 2.5), [0.1, 0.9])
    np.testing.assert_allclose(equal.x, 2.5)
    assert equal.crossings == 0


def test_rank_deficient_rows_within_bounds():
    A, b = data()
    double = np.column_stack([A, A[:, 0]])
    fit = rnla.quantile_regression(double, 3 * A[:, 0] + b, 0.5, bounds=(0, 1.5))
    best = least(double, 3 * A[:, 0] + b, 0.5, bounds=(0, 1.5))
    np.testing.assert_allclose(fit.objective, best, rtol=1e-8)
    assert fit.gap <= 1e-8
    assert fit.lower <= best * (1 + 1e-9)


@pytest.mark.slow
def test_check_36_coreset_losses_are_within_eps_at_three_quantiles(record_property):
    """SPEC check 36: the fit on a coreset loses at most eps, at the quantiles 0.05, 0.5 and 0.95.

    The failure probability of a sample is 1 %; with 3 losses on each of 2 (check) or 6 (full)
    samples, the test alarms falsely with probability at most 0.02 or 0.06.
    """
    eps, worst = 0.25, 0.0
    levels = [0.05, 0.5, 0.95]
    samples = count(full=6, check=2)
    A = families.student_t(20_000, 4, 0, dof=3)
    b = A @ np.ones(4) + np.random.default_rng(1).standard_t(3, 20_000)
    exact = rnla.quantile_regression(A, b, levels)
    for seed in range(samples):
        fit = rnla.quantile_regression(A, b, levels, polish=False, eps=eps, rng=seed)
        assert np.all(fit.lower <= exact.objective * (1 + 1e-12))
        worst = max(worst, float((fit.objective / exact.objective - 1).max()))
    record_property("check", 36)
    record_property("measured", worst)
    record_property("threshold", eps)
    record_property("count", samples)
    record_property("false_alarm_rate", 0.01 * samples)
    assert worst <= eps


def test_a_coreset_says_what_it_knows():
    A, b = data(2000, 3)
    fit = rnla.quantile_regression(A, b, 0.5, polish=False, eps=0.5, rng=0)
    best = rnla.quantile_regression(A, b, 0.5).objective
    assert fit.method == "coreset"
    assert fit.sample is not None
    np.testing.assert_allclose(fit.objective, loss(A, b, 0.5, fit.x), rtol=1e-12)
    assert fit.lower <= best <= fit.objective


@pytest.mark.parametrize(
    "arguments, name",
    [
        ({"q": 0.0}, "q"),
        ({"q": [0.5, 1.0]}, "q"),
        ({"q": []}, "q"),
        ({"q": "median"}, "q"),
        ({"q": [[0.5]]}, "q"),
        ({"b": np.ones(4)}, "b"),
        ({"b": np.ones((3, 2))}, "b"),
        ({"b": np.array([1.0, np.nan, 1.0])}, "b"),
        ({"weights": [1.0, -1.0, 1.0]}, "weights"),
        ({"weights": np.zeros(3)}, "weights"),
        ({"bounds": (1.0, 0.0)}, "bounds"),
        ({"tol": 0.0}, "tol"),
        ({"max_iter": 0}, "max_iter"),
        ({"polish": False, "eps": 1.5}, "eps"),
        ({"polish": False, "non_crossing": True}, "non_crossing"),
        ({"A": np.array([[1.0], [np.inf], [0.0]])}, "A"),
    ],
)
def test_bad_input_is_named(arguments, name):
    given = {"A": np.ones((3, 1)), "b": np.ones(3), "q": 0.5, **arguments}
    with pytest.raises(rnla.RnlaError, match=f"^{name}: got"):
        rnla.quantile_regression(given.pop("A"), given.pop("b"), given.pop("q"), **given)
