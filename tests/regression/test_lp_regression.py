"""The verb `rnla.lp_regression`: equivariances, oracles, constraints, extremes, bad input."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

import rnla
from rnla import ArgumentError, ArgumentTypeError, Status, lp_regression

POWERS = [1.0, 1.05, 1.5, 2.0, 3.0, 8.0, 50.0, math.inf]


def problem(n=150, d=4, seed=0):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n, d))
    return A, A @ np.arange(1.0, d + 1) + rng.standard_t(2, n)


def norm(A, b, x, p):
    return float(np.linalg.norm(b - A @ x, p))


def root(value, p):
    return value if math.isinf(p) else value ** (1.0 / p)


@given(
    st.sampled_from(POWERS),
    st.integers(0, 10**6),
    st.integers(-4, 4),
    st.booleans(),
)
def test_equivariant_under_scaling_of_b_and_shifts_by_the_column_space(p, seed, exponent, shift):
    A, b = problem(60, 3, seed)
    plain = lp_regression(A, b, p)
    c = -3.0 * 2.0**exponent
    move = np.array([5.0, -7.0, 0.5]) if shift else np.zeros(3)
    other = lp_regression(A, c * (b + A @ move), p)
    np.testing.assert_allclose(
        root(other.objective, p), abs(c) * root(plain.objective, p), rtol=2e-8
    )
    assert other.gap <= 1e-8
    if p > 1.0:  # the value of the other's answer here
        mapped = norm(A, b, other.x / c - move, p)
        np.testing.assert_allclose(mapped, root(plain.objective, p), rtol=2e-8)


@given(st.sampled_from(POWERS), st.integers(0, 10**6))
def test_value_does_not_depend_on_the_basis_of_the_columns(p, seed):
    A, b = problem(60, 3, seed)
    T = np.random.default_rng(seed).standard_normal((3, 3)) @ np.diag([1.0, 1e-5, 1e7])
    plain, other = lp_regression(A, b, p), lp_regression(A @ T, b, p)
    np.testing.assert_allclose(root(other.objective, p), root(plain.objective, p), rtol=2e-8)


@given(st.sampled_from(POWERS[:-1]), st.integers(0, 10**6))
def test_duplicated_rows_are_weights(p, seed):
    A, b = problem(40, 3, seed)
    times = np.random.default_rng(seed).integers(0, 4, 40)
    times[0] = 1
    if np.count_nonzero(times) < 5:
        times[:] = 2
    weighted = lp_regression(A, b, p, weights=times)
    repeated = lp_regression(np.repeat(A, times, axis=0), np.repeat(b, times), p)
    np.testing.assert_allclose(weighted.objective, repeated.objective, rtol=3e-8)


@given(st.sampled_from(POWERS[1:-1]), st.integers(0, 10**6))
def test_stationary_and_better_than_every_neighbour(p, seed):
    A, b = problem(50, 3, seed)
    fit = lp_regression(A, b, p)
    rng = np.random.default_rng(seed)
    for scale in (1e-6, 1e-3, 1.0):
        other = fit.x + scale * rng.standard_normal(3)
        assert norm(A, b, other, p) >= root(fit.lower, p) * (1 - 1e-12)
    assert fit.lower <= fit.objective
    assert fit.gap <= 1e-8


@pytest.mark.parametrize("p", POWERS)
def test_intercept_is_a_column_of_ones_that_no_bound_holds(p):
    A, b = problem()
    b = b - 40.0
    fit = lp_regression(A, b, p, intercept=True)
    wide = lp_regression(np.column_stack([A, np.ones(len(b))]), b, p)
    np.testing.assert_allclose(root(fit.objective, p), root(wide.objective, p), rtol=2e-8)
    assert fit.x.shape == (4,)
    assert np.isscalar(fit.intercept)
    np.testing.assert_allclose(
        norm(A, b - fit.intercept, fit.x, p), root(fit.objective, p), rtol=1e-8
    )
    boxed = lp_regression(A, b, p, intercept=True, bounds=(0.0, np.inf))
    assert boxed.intercept < -30.0
    assert np.all(boxed.x >= 0.0)


@pytest.mark.parametrize("p", POWERS)
def test_bounds_are_kept_and_inactive_ones_change_nothing(p):
    A, b = problem()
    free = lp_regression(A, b, p)
    loose = lp_regression(A, b, p, bounds=(-100.0, np.full(4, 100.0)))
    np.testing.assert_allclose(root(loose.objective, p), root(free.objective, p), rtol=2e-8)
    tight = lp_regression(A, b, p, bounds=([-1.0, 0.0, 0.5, 7.0], [0.0, 1.0, 2.5, 7.0]))
    assert tight.gap <= 1e-8
    assert tight.objective > free.objective
    assert tight.x[3] == 7.0
    assert np.all(tight.x >= [-1.0, 0.0, 0.5, 7.0])
    assert np.all(tight.x <= [0.0, 1.0, 2.5, 7.0])


@pytest.mark.parametrize("p", POWERS)
def test_many_responses_are_fitted_one_by_one(p):
    A, b = problem()
    B = np.column_stack([b, A[:, 0] ** 3, -2 * b])
    fit = lp_regression(A, B, p, intercept=True)
    assert fit.x.shape == (4, 3)
    assert fit.objective.shape == fit.lower.shape == fit.gap.shape == fit.intercept.shape == (3,)
    for j in range(3):
        single = lp_regression(A, B[:, j], p, intercept=True)
        np.testing.assert_allclose(root(fit.objective[j], p), root(single.objective, p), rtol=2e-8)


@pytest.mark.parametrize("p", POWERS)
def test_extreme_and_degenerate_data(p):
    A, b = problem()
    plain = lp_regression(A, b, p)
    reference = root(plain.objective, p)
    columns = lp_regression(A * [1e-150, 1.0, 1e-6, 1e150], b, p)
    np.testing.assert_allclose(root(columns.objective, p), reference, rtol=2e-8)
    deficient = lp_regression(np.column_stack([A, A[:, :2].sum(axis=1)]), b, p)
    np.testing.assert_allclose(root(deficient.objective, p), reference, rtol=2e-8)
    zero_rows = lp_regression(np.vstack([A, np.zeros((3, 4))]), np.append(b, np.zeros(3)), p)
    np.testing.assert_allclose(root(zero_rows.objective, p), reference, rtol=2e-8)
    sparse = lp_regression(sp.csr_array(A), b, p)
    np.testing.assert_allclose(root(sparse.objective, p), reference, rtol=2e-8)
    for fit in (plain, columns, deficient, zero_rows, sparse):
        assert fit.status is Status.OK
    big = lp_regression(A, 1e150 * b, p)  # powers above the floating-point range
    np.testing.assert_allclose(norm(A, b, big.x / 1e150, p), reference, rtol=2e-8)
    small = lp_regression(A, 1e-150 * b, p)
    np.testing.assert_allclose(norm(A, b, small.x * 1e150, p), reference, rtol=2e-8)


@pytest.mark.parametrize("p", POWERS)
def test_perfect_fits_trivial_sizes_and_nothing_to_fit(p):
    A, b = problem()
    perfect = lp_regression(A, A @ np.arange(4.0), p)
    assert perfect.gap == 0.0
    assert root(perfect.objective, p) <= 1e-11
    np.testing.assert_allclose(perfect.x, np.arange(4.0), atol=1e-12)
    level = lp_regression(A, np.full(len(b), 7.0), p, intercept=True)
    np.testing.assert_allclose(level.intercept, 7.0, rtol=1e-12)
    zero = lp_regression(A, np.zeros(len(b)), p)
    assert zero.objective == zero.gap == 0.0
    assert not zero.x.any()
    one = lp_regression([[2.0]], [3.0], p)
    np.testing.assert_allclose(one.x, [1.5])
    wide = lp_regression(A[:3], b[:3], p)
    assert root(wide.objective, p) <= 1e-12
    assert wide.status is Status.OK


def test_constant_responses_of_one_column_are_the_centres_of_the_data():
    b = np.random.default_rng(0).standard_normal(101)
    ones = np.ones((101, 1))
    centres = {1.0: np.median(b), 2.0: b.mean(), math.inf: (b.min() + b.max()) / 2}
    for p, centre in centres.items():
        np.testing.assert_allclose(lp_regression(ones, b, p).x, [centre], rtol=1e-9)


@pytest.mark.parametrize("p", [5.0, 20.0])
def test_start_from_a_sample_reaches_the_same_minimum(p, monkeypatch):
    A, b = problem(3000, 4)
    plain = lp_regression(A, b, p)
    own = sys.modules["rnla.regression.lp_regression"]
    monkeypatch.setattr(own, "_SAMPLE_LEAST", 200)
    monkeypatch.setattr(own, "_SAMPLE_ROWS", 10)
    sampled = lp_regression(A, b, p, rng=3)
    assert "sample" in sampled.reason
    assert sampled.seed == 3
    assert sampled.gap <= 1e-8
    np.testing.assert_allclose(sampled.objective, plain.objective, rtol=2e-8)
    assert sampled.iterations < plain.iterations


def test_coreset_without_polish_states_what_it_is_worth():
    A, b = problem(4000, 3)
    fit = lp_regression(A, b, 1.5, polish=False, eps=0.3, rng=0)
    best = lp_regression(A, b, 1.5)
    assert best.objective <= fit.objective <= 1.5 * best.objective
    assert fit.lower <= best.objective
    with pytest.raises(ArgumentError, match="polish: got False with p = inf"):
        lp_regression(A, b, np.inf, polish=False)


def test_wider_tolerance_takes_fewer_passes_and_says_so():
    A, b = problem(2000, 4)
    rough, fine = lp_regression(A, b, 1.05, tol=1e-2), lp_regression(A, b, 1.05, tol=1e-10)
    assert rough.passes < fine.passes
    assert fine.gap <= 1e-10
    stopped = lp_regression(A, b, 1.05, max_iter=3)
    assert stopped.status is Status.NOT_CONVERGED
    assert stopped.lower <= fine.objective


def test_starts_are_used():
    A, b = problem()
    fit = lp_regression(A, b, 8.0, intercept=True)
    again = lp_regression(A, b, 8.0, intercept=True, x0=np.append(fit.x, fit.intercept))
    assert again.iterations < fit.iterations
    assert again.gap <= 1e-8


@pytest.mark.parametrize(
    ("change", "kind", "text"),
    [
        ({"b": np.full(150, np.nan)}, ArgumentError, r"b: got b\[0\] = nan"),
        ({"b": np.ones(149)}, ArgumentError, "b: got shape"),
        ({"b": np.array(["x"] * 150)}, ArgumentTypeError, "b: got dtype"),
        ({"A": np.full((150, 4), np.inf)}, ArgumentError, "A: got 150 row"),
        ({"p": 0.5}, ArgumentError, "p: got 0.5"),
        ({"p": math.nan}, ArgumentError, "p: got nan"),
        ({"p": "2"}, ArgumentTypeError, "p: got '2'"),
        ({"weights": np.zeros(150)}, ArgumentError, "weights: got zeros only"),
        ({"weights": -np.ones(150)}, ArgumentError, "weights: got -1"),
        ({"bounds": (1.0, 0.0)}, ArgumentError, "bounds: got"),
        ({"bounds": 3.0}, ArgumentError, "bounds: got 3.0"),
        ({"tol": 0.0}, ArgumentError, "tol: got"),
        ({"method": "simplex"}, ArgumentError, "method: got 'simplex'"),
        ({"method": "minimax"}, ArgumentError, "method: got 'minimax'"),
        ({"x0": np.ones(3)}, ArgumentError, "x0: got shape"),
        ({"max_iter": 0}, ArgumentError, "max_iter: got 0"),
        ({"eps": 2.0, "polish": False}, ArgumentError, "eps: got 2"),
    ],
)
def test_bad_input_is_named(change, kind, text):
    A, b = problem()
    arguments = {"A": A, "b": b, "p": 1.5, **change}
    with pytest.raises(kind, match=text):
        lp_regression(arguments.pop("A"), arguments.pop("b"), arguments.pop("p"), **arguments)


def test_inputs_are_not_modified():
    A, b = problem()
    w = np.ones(150)
    copies = A.copy(), b.copy(), w.copy()
    for p in POWERS:
        lp_regression(A, b, p, weights=w)
    for left, right in zip((A, b, w), copies, strict=True):
        np.testing.assert_array_equal(left, right)


def test_dask_row_vectors_stay_where_they_are():
    import dask.array

    A, b = problem(3000, 3)
    lazy = dask.array.from_array(A, chunks=(1024, 3))
    for p in (1.5, 3.0, np.inf):
        here = lp_regression(A, b, p)
        there = lp_regression(lazy, dask.array.from_array(b, chunks=1024), p)
        np.testing.assert_allclose(there.objective, here.objective, rtol=1e-12)


def test_exported():
    assert rnla.lp_regression is lp_regression
