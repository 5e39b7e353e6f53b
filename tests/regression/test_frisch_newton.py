"""The interior point and the vertex: against HiGHS, closed forms, and hard cases."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from rnla.regression.polyhedral.check_rows import CheckRows
from rnla.regression.polyhedral.frisch_newton import frisch_newton
from rnla.regression.polyhedral.vertex import vertex_descent
from tests import families
from tests.regression.check_loss import least, loss, subgradient_distance

NAMES = ["gaussian", "student_t", "cauchy", "coherent", "rank_deficient", "zero_rows", "one_hot"]
QUANTILES = [0.5, 0.05, 0.9]


def gap(fit):
    return (fit.value - fit.lower) / fit.value if fit.value else 0.0


@given(st.sampled_from(NAMES), st.sampled_from(QUANTILES), st.integers(0, 2**16))
def test_value_equals_the_linear_program_and_the_bound_stays_below(name, q, seed):
    A = families.dense(families.FAMILIES[name](40, 4, seed))
    rng = np.random.default_rng(seed)
    b, w = rng.standard_cauchy(len(A)), rng.exponential(size=len(A))
    fit = frisch_newton(A, b, q, weights=w)
    best = least(A, b, q, w)
    np.testing.assert_allclose(fit.value, loss(A, b, q, fit.x, w), rtol=1e-12)
    np.testing.assert_allclose(fit.value, best, rtol=1e-7)
    assert fit.lower <= best * (1 + 1e-9)
    assert gap(fit) <= 1e-10


@given(st.sampled_from(NAMES), st.sampled_from(QUANTILES), st.integers(0, 2**16))
def test_multipliers_are_dual_feasible(name, q, seed):
    A = families.dense(families.FAMILIES[name](40, 4, seed))
    b = np.random.default_rng(seed).standard_normal(len(A))
    fit = frisch_newton(A, b, q)
    assert np.all(fit.u <= q * (1 + 1e-12))
    assert np.all(fit.u >= (q - 1) * (1 + 1e-12))
    np.testing.assert_allclose(A.T @ fit.u, 0.0, atol=1e-10 * np.abs(A).sum())
    np.testing.assert_allclose(b @ fit.u, fit.lower, rtol=1e-8)


@given(st.sampled_from(NAMES), st.sampled_from(QUANTILES), st.integers(0, 2**16))
def test_zero_is_a_subgradient_at_the_fit(name, q, seed):
    A = families.dense(families.FAMILIES[name](40, 4, seed))
    b = np.random.default_rng(seed).standard_normal(len(A))
    # The reference solves a bounded least-squares problem, to about 1e-7.
    assert subgradient_distance(A, b, q, frisch_newton(A, b, q).x) <= 1e-6


@given(st.sampled_from(QUANTILES), st.integers(0, 2**16))
def test_equivariance(q, seed):
    rng = np.random.default_rng(seed)
    A, b = rng.standard_normal((30, 3)), rng.standard_normal(30)
    x = frisch_newton(A, b, q).x
    z, T = rng.standard_normal(3), rng.standard_normal((3, 3)) + 3 * np.eye(3)
    same = {"rtol": 1e-8, "atol": 1e-9}
    np.testing.assert_allclose(frisch_newton(A, 7.5 * b, q).x, 7.5 * x, **same)
    np.testing.assert_allclose(frisch_newton(A, b + A @ z, q).x, x + z, **same)
    np.testing.assert_allclose(T @ frisch_newton(A @ T, b, q).x, x, **same)
    np.testing.assert_allclose(frisch_newton(A, -b, 1 - q).x, -x, **same)


@given(st.integers(0, 2**16))
def test_duplicated_rows_are_integer_weights(seed):
    rng = np.random.default_rng(seed)
    A, b = rng.standard_normal((20, 3)), rng.standard_normal(20)
    times = rng.integers(1, 5, 20)
    weighted = frisch_newton(A, b, 0.3, weights=times.astype(float))
    repeated = frisch_newton(np.repeat(A, times, axis=0), np.repeat(b, times), 0.3)
    np.testing.assert_allclose(weighted.value, repeated.value, rtol=1e-10)
    np.testing.assert_allclose(weighted.lower, repeated.lower, rtol=1e-10)


@given(st.sampled_from(QUANTILES), st.integers(0, 2**16))
def test_nonnegative_fits_equal_the_linear_program(q, seed):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((30, 4))
    b = A @ np.array([1.0, -1.0, 0.0, 2.0]) + rng.standard_normal(30)
    fit = frisch_newton(A, b, q, constraints=(np.eye(4), np.zeros(4)))
    best = least(A, b, q, bounds=(0, None))
    np.testing.assert_allclose(fit.value, best, rtol=1e-8)
    assert fit.x.min() >= -1e-10
    assert fit.lower <= best * (1 + 1e-9)
    assert gap(fit) <= 1e-9
    assert fit.v.min() >= 0.0
    np.testing.assert_allclose(A.T @ fit.u + fit.v, 0.0, atol=1e-9)


def test_a_column_of_ones_gives_the_weighted_quantile():
    b = np.array([5.0, -2.0, 7.0, 100.0, 6.0])
    ones = np.ones((5, 1))
    assert frisch_newton(ones, b, 0.5).x[0] == pytest.approx(6.0, abs=1e-13)
    assert frisch_newton(ones, b, 0.1).x[0] == pytest.approx(-2.0, abs=1e-13)
    weights = np.array([1.0, 1.0, 1.0, 10.0, 1.0])
    assert frisch_newton(ones, b, 0.5, weights=weights).x[0] == pytest.approx(100.0, abs=1e-12)


@pytest.mark.parametrize("q", QUANTILES)
def test_heavy_ties(q):
    rng = np.random.default_rng(0)
    A = rng.integers(-1, 2, (300, 4)).astype(float)
    b = rng.integers(0, 3, 300).astype(float)
    fit = frisch_newton(A, b, q)
    np.testing.assert_allclose(fit.value, least(A, b, q), rtol=1e-9)
    assert gap(fit) <= 1e-10


def test_perfect_fits():
    A = families.rank_deficient(50, 4, 0)
    fit = frisch_newton(A, A @ np.ones(4), 0.2)
    assert fit.value <= 1e-12
    assert gap(fit) == 0.0
    np.testing.assert_allclose(A @ fit.x, A @ np.ones(4), rtol=1e-10, atol=1e-12)
    few = np.random.default_rng(0).standard_normal((3, 5))
    assert frisch_newton(few, np.ones(3), 0.5).value <= 1e-12
    assert frisch_newton(few, np.zeros(3), 0.5).value == 0.0
    single = frisch_newton(np.array([[2.0]]), np.array([3.0]), 0.5)
    assert single.x[0] == pytest.approx(1.5)


def test_equal_responses():
    A = np.random.default_rng(0).standard_normal((60, 3))
    b = np.full(60, 4.0)
    fit = frisch_newton(A, b, 0.7)
    np.testing.assert_allclose(fit.value, least(A, b, 0.7), rtol=1e-9)
    assert gap(fit) <= 1e-10


def test_a_matrix_of_zeros():
    b = np.array([1.0, -2.0])
    fit = frisch_newton(np.zeros((2, 2)), b, 0.5)
    np.testing.assert_array_equal(fit.x, 0.0)
    assert fit.value == pytest.approx(1.5)
    assert gap(fit) <= 1e-10


@pytest.mark.parametrize("columns", [1e-150, 1e150, 1e12])
@pytest.mark.parametrize("unit", [1e-150, 1.0, 1e150])
def test_units_do_not_matter(columns, unit):
    rng = np.random.default_rng(1)
    A, b = rng.standard_normal((60, 3)), rng.standard_normal(60)
    scale = np.array([1.0, columns, 1 / columns])
    expected = frisch_newton(A, b, 0.3)
    with np.errstate(all="raise", under="ignore"):
        fit = frisch_newton(A * scale, b * unit, 0.3)
    np.testing.assert_allclose(fit.value, expected.value * unit, rtol=1e-10)
    assert gap(fit) <= 1e-10


def test_nearly_dependent_columns():
    t = np.linspace(-1, 1, 400)
    A = np.vander(t, 12) @ np.diag(10.0 ** np.arange(12))
    b = np.abs(t) + 0.1 * np.random.default_rng(0).standard_cauchy(400)
    fit = frisch_newton(A, b, 0.5)
    assert gap(fit) <= 1e-9
    np.testing.assert_allclose(fit.value, loss(A, b, 0.5, fit.x), rtol=1e-9)


def test_gross_outliers_do_not_blunt_the_vertex():
    A = families.gaussian(400, 5, 1)
    rng = np.random.default_rng(2)
    b = A @ rng.standard_normal(5) + rng.standard_normal(400)
    b[:40] += 1e9 * rng.standard_cauchy(40)
    fit = frisch_newton(A, b, 0.5)
    assert np.count_nonzero(np.abs(A @ fit.x - b) < 1e-7) == 5
    assert subgradient_distance(A, b, 0.5, fit.x) <= 1e-9


def test_sparse_rows_give_the_same_minimum():
    A = sp.csr_array(families.sparse_power_law(300, 6, 0))
    b = np.random.default_rng(0).standard_normal(300)
    before = A.copy()
    sparse, dense = frisch_newton(A, b, 0.4), frisch_newton(A.toarray(), b, 0.4)
    np.testing.assert_allclose(sparse.value, dense.value, rtol=1e-12)
    assert gap(sparse) <= 1e-10
    assert (before != A).nnz == 0


def test_many_sparse_columns():
    A = sp.csr_array(sp.random_array((1500, 80), density=0.05, rng=np.random.default_rng(0)))
    b = A @ np.ones(80) + np.random.default_rng(1).standard_cauchy(1500)
    fit, dense = frisch_newton(A, b, 0.5), frisch_newton(A.toarray(), b, 0.5)
    np.testing.assert_allclose(fit.value, dense.value, rtol=1e-11)
    assert gap(fit) <= 1e-10


def test_a_guess_and_quantiles_by_row():
    rng = np.random.default_rng(3)
    A, b = rng.standard_normal((80, 3)), rng.standard_normal(80)
    q = rng.uniform(0.2, 0.8, 80)
    plain = frisch_newton(A, b, q)
    np.testing.assert_allclose(plain.value, least(A, b, q), rtol=1e-8)
    guess = frisch_newton(A, b, q, start=plain.x + 1e-3)
    np.testing.assert_allclose(guess.value, plain.value, rtol=1e-12)
    near = frisch_newton(A, b, q, start=plain.x, near=plain.u)
    np.testing.assert_allclose(near.value, plain.value, rtol=1e-12)
    assert near.iterations <= 1


def test_edges_lead_from_a_wrong_vertex_to_the_best():
    rng = np.random.default_rng(4)
    A, b = rng.standard_normal((200, 4)), rng.standard_normal(200)
    data = CheckRows(A, b, np.full(200, 0.5), np.ones(200), None)
    weights = np.zeros(200)
    weights[:4] = 1.0  # any four rows
    far = vertex_descent(data, np.zeros(4), np.zeros(200), weights, max_pivots=200)
    assert far is not None
    assert far.pivots > 2
    np.testing.assert_allclose(data.value(far.z) * data.unit, least(A, b, 0.5), rtol=1e-9)


def test_without_a_vertex_the_gap_is_small_but_the_fit_interpolates_nothing():
    rng = np.random.default_rng(5)
    A, b = rng.standard_normal((300, 4)), rng.standard_normal(300)
    inside = frisch_newton(A, b, 0.5, vertex=False, tol=1e-6)
    assert 0.0 < gap(inside) <= 1e-5
    assert np.abs(A @ inside.x - b).min() > 1e-13
    best = frisch_newton(A, b, 0.5)
    assert inside.lower <= best.value <= inside.value


def test_the_bound_exposes_an_iteration_that_was_stopped():
    rng = np.random.default_rng(6)
    A, b = rng.standard_normal((300, 4)), rng.standard_cauchy(300)
    early = frisch_newton(A, b, 0.5, vertex=False, max_iter=3)
    best = least(A, b, 0.5)
    assert early.lower <= best <= early.value
    assert gap(early) > 1e-4
