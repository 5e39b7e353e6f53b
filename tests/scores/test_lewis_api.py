"""Lewis weights as users meet them: kinds, edge inputs, cost, and refusals."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import scipy.sparse

import rnla
from rnla import Status
from rnla.scores import lewis_weights
from rnla.scores._reweighted import ReweightedLeverage
from rnla.scores.lewis_damped import damped
from rnla.tall import as_tall
from tests import families
from tests.counts import count

DENSE = [name for name in families.FAMILIES if name not in ("augmentation", "road_network")]


def test_record_says_what_it_is():
    A = families.gaussian(200, 5)
    exact = lewis_weights(A, 3.0, rng=7)
    assert (exact.kind, exact.method, exact.seed, exact.status) == (
        "estimate",
        "damped",
        7,
        Status.OK,
    )
    assert exact.residual <= 1e-8
    assert exact.estimate_error < 1e-6
    assert exact.passes <= 2 * exact.iterations + 3
    assert len(exact) == 200
    assert np.asarray(exact) is not exact
    assert np.asarray(exact).shape == (200,)
    scale = exact.values[:, None] ** (0.5 - 1 / 3.0)
    Q = scale * A @ exact.basis
    assert np.allclose(Q.T @ Q, np.eye(5), atol=1e-12)

    rough = lewis_weights(A, 8.0, method="potential", max_iter=2, rng=0)
    assert (rough.kind, rough.status) == ("two_sided", Status.NOT_CONVERGED)
    assert rough.estimate_error is None

    one = lewis_weights(A, 8.0, method="one_sided", rng=0)
    assert (one.kind, one.estimate_error, one.gamma) == ("one_sided", None, 1.0)
    scale = one.values[:, None] ** (0.5 - 1 / 8.0)
    assert np.allclose((scale * A @ one.basis).T @ (scale * A @ one.basis), np.eye(5), atol=1e-12)


@pytest.mark.parametrize(
    "p, method", [(1, "damped"), (2, "leverage"), (20, "damped"), (np.inf, "active_set")]
)
def test_auto_follows_its_table(p, method):
    assert lewis_weights(families.gaussian(60, 3), p, rng=0).method == method


def test_potential_takes_over_when_the_damped_iteration_is_cut_off():
    w = lewis_weights(families.gaussian(60, 3), 6.0, max_iter=3, rng=0)
    assert w.method == "potential"
    assert w.residual <= 1e-8


def test_two_is_leverage():
    A = families.coherent(100, 4)
    w = lewis_weights(A, 2, rng=0)
    assert np.allclose(w.values, rnla.scores.leverage_scores(A, rng=0).values, rtol=1e-12)


@pytest.mark.parametrize("p", [1.0, 4.0, np.inf])
def test_float32_in_float32_out(p):
    A = families.gaussian(300, 5).astype(np.float32)
    w = lewis_weights(A, p, rng=0)
    assert w.values.dtype == np.float32
    double = lewis_weights(A.astype(np.float64), p, rng=0)
    assert np.allclose(w.values, double.values, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("p", [1.0, 3.0, 8.0, np.inf])
def test_sparse_is_dense(p):
    S = families.sparse_power_law(400, 12, 1)
    sparse, dense = (lewis_weights(X, p, rng=0, tol=1e-9) for X in (S, S.toarray()))
    if np.isinf(p):  # equal rows may share their weight differently; the quadratic is unique
        assert np.allclose(
            sparse.basis @ sparse.basis.T, dense.basis @ dense.basis.T, rtol=1e-6, atol=1e-6
        )
    else:
        assert np.allclose(sparse.values, dense.values, rtol=1e-7, atol=1e-14)


@pytest.mark.parametrize("kind", [scipy.sparse.csc_array, scipy.sparse.coo_array])
def test_other_sparse_formats(kind):
    S = families.sparse_power_law(60, 5, 1)
    assert np.allclose(lewis_weights(kind(S), 1.0, rng=0), lewis_weights(S, 1.0, rng=0))


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, 8.0, 20.0, np.inf])
def test_zero_and_duplicated_and_dependent(p):
    base = families.gaussian(60, 4, 3)
    w = lewis_weights(base, p, tol=1e-10, rng=0)
    padded = np.vstack([np.zeros((3, 4)), base, np.zeros((2, 4))])
    got = lewis_weights(padded, p, tol=1e-10, rng=0)
    assert (got.values[:3] == 0).all()
    assert (got.values[-2:] == 0).all()
    assert np.allclose(got.values[3:-2], w.values, rtol=1e-8, atol=1e-8)
    dependent = lewis_weights(np.hstack([base, base[:, :2] @ np.ones((2, 3))]), p, rng=0)
    assert dependent.rank == 4
    assert dependent.status is Status.RANK_DEFICIENT
    assert dependent.basis.shape == (7, 4)
    assert np.allclose(dependent.values, w.values, rtol=1e-6, atol=1e-6)
    if np.isfinite(p):
        twice = lewis_weights(np.vstack([base, base]), p, tol=1e-10, rng=0)
        assert np.allclose(twice.values[:60], twice.values[60:], rtol=1e-9)


@pytest.mark.parametrize("p", [1.0, 3.0, np.inf])
def test_zero_matrix_has_zero_weights(p):
    w = lewis_weights(np.zeros((5, 2)), p, rng=0)
    assert (w.values == 0).all()
    assert (w.rank, w.status) == (0, Status.RANK_DEFICIENT)


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 4.0, 20.0, np.inf])
@pytest.mark.parametrize("scale", [2.0**500, 2.0**-500])
def test_extreme_scales_change_nothing(p, scale):
    A = families.gaussian(80, 4, 4)
    base = lewis_weights(A, p, rng=0).values
    assert np.allclose(lewis_weights(A * scale, p, rng=0).values, base, rtol=1e-9, atol=1e-9)
    columns = A * np.array([scale, 1.0, 1.0 / scale, 1.0])
    assert np.allclose(lewis_weights(columns, p, rng=0).values, base, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("p", [1.0, 1.5, 4.0, 8.0])
def test_rows_of_extreme_scale(p):
    """At p = 1, n rows cut down by 2^-500 carry no weight to speak of, but the right one."""
    A = families.gaussian(80, 3, 5)
    small = families.gaussian(40, 3, 6) * 2.0**-480
    w = lewis_weights(np.vstack([A, small]), p, tol=1e-10, rng=0)
    alone = lewis_weights(A, p, tol=1e-10, rng=0)
    assert np.allclose(w.values[:80], alone.values, rtol=1e-8)
    h = np.log(np.linalg.norm(small * 2.0**480 @ alone.basis, axis=1)) - 480 * np.log(2.0)
    expected = np.exp(p * h)  # the fixed-point map with the quadratic of the large rows
    assert np.allclose(w.values[80:], expected, rtol=1e-7, atol=0)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_row_scales_over_three_hundred_decades(p):
    rng = np.random.default_rng(0)
    A = families.gaussian(300, 3) * 10.0 ** rng.uniform(-150, 150, (300, 1))
    w = lewis_weights(A, p, rng=0)
    assert w.status is Status.OK
    assert abs(w.total - 3) < 1e-7


def test_wide_problem_of_n_equal_to_rank():
    w = lewis_weights(families.gaussian(6, 6), 5.0, rng=0)
    assert np.allclose(w.values, 1.0, atol=1e-10)


def test_input_is_not_modified_and_read_only_is_accepted():
    A = families.gaussian(50, 3)
    before = A.copy()
    A.flags.writeable = False
    lewis_weights(A, 1.0, rng=0)
    assert (before == A).all()


def test_seed_moves_results_by_rounding_only():
    A = families.gaussian(300, 4)
    one, two = (lewis_weights(A, 3.0, rng=seed).values for seed in (1, 2))
    assert np.allclose(one, two, rtol=1e-7)


def test_memory_stays_far_below_a_second_copy():
    A = families.gaussian(20_000, 100)
    lewis_weights(A[:2000], 1.0, rng=0)
    tracemalloc.start()
    lewis_weights(A, 1.0, tol=1e-3, rng=0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.6 * A.nbytes


def test_tolerance_below_rounding_is_told_quickly():
    for p in (1.0, 8.0, np.inf):
        w = lewis_weights(families.near_deficient(300, 6), p, tol=1e-12, rng=0)
        assert w.status is Status.ROUNDING_LIMITED
        assert w.iterations < 40
        assert w.residual < 4 * np.finfo(float).eps * w.condition
    w = lewis_weights(families.near_deficient(300, 6), 8.0, tol=1e-12, method="potential", rng=0)
    assert w.status is Status.ROUNDING_LIMITED


def stress(cases, seed):
    """Random families, shapes and starts; returns the failures and most iterations per p."""
    rng = np.random.default_rng(seed)
    names = ("gaussian", "cauchy", "coherent", "scaled_rows", "legendre", "spiky_hadamard",
             "block_identity", "random_graph")  # fmt: skip
    failures, most = [], {}
    for case in range(cases):
        name = names[case % len(names)]
        d = int(rng.integers(2, 9))
        n = int(rng.integers(max(d + 1, 8), 150))
        leverage = ReweightedLeverage(as_tall(families.FAMILIES[name](n, d, case)))
        start = rng.uniform(-12, 0, leverage.A.shape[0])
        for p in (1.0, 1.5, 3.0, 4.0, 8.0, 16.0, 20.0):
            found = damped(leverage, p, tol=1e-9, max_iter=70, start=start)
            most[p] = max(most.get(p, 0), found.iterations)
            if not found.converged:
                failures.append((name, n, d, p, found.residual))
    return failures, most


def test_random_starts_converge():
    failures, most = stress(24, 0)
    assert not failures
    assert most[1.0] <= 30


@pytest.mark.slow
def test_random_starts_converge_in_bulk():
    """SPEC's stress test: no failure in 600 cases (150 in the reduced run); nothing is assumed."""
    failures, _ = stress(count(full=600, check=150), 1)
    assert not failures


@pytest.mark.parametrize(
    "p, options, argument",
    [
        (0.5, {}, "p"),
        (float("nan"), {}, "p"),
        (25.0, {}, "p"),
        ("2", {}, "p"),
        (3.0, {"method": "magic"}, "method"),
        (4.0, {"method": "fixed_point"}, "method"),
        (1.0, {"method": "potential"}, "method"),
        (3.0, {"method": "leverage"}, "method"),
        (np.inf, {"method": "damped"}, "method"),
        (3.0, {"method": "active_set"}, "method"),
        (3.0, {"tol": 0.0}, "tol"),
        (3.0, {"tol": np.inf}, "tol"),
        (3.0, {"max_iter": 0}, "max_iter"),
        (3.0, {"rng": -1}, "rng"),
    ],
)
def test_bad_arguments_are_named(p, options, argument):
    with pytest.raises(rnla.RnlaError, match=f"^{argument}: got .*; expected .*"):
        lewis_weights(families.gaussian(20, 2), p, **options)


def test_nan_is_refused():
    A = families.gaussian(20, 2)
    A[3, 1] = np.nan
    with pytest.raises(rnla.ArgumentError, match="row 3"):
        lewis_weights(A, 1.0)


@pytest.mark.parametrize("name", DENSE)
def test_check_30_cost_in_leverage_evaluations(name):
    """Lewis weights at p = 1 to 1e-3 cost at most 12 leverage evaluations, one-sided ones 5.

    An evaluation is one Gram and one norm pass, less than exact leverage scores; times are in
    bench/scores.py.
    """
    A = families.FAMILIES[name](1000, 8, 2)
    w = lewis_weights(A, 1.0, tol=1e-3, rng=0)
    assert w.residual <= 1e-3
    assert w.iterations <= 12
    assert w.passes <= 2 * 12 + 5
    one = lewis_weights(A, 1.0, method="one_sided", rng=0)
    assert one.iterations <= 5
    assert one.total <= 1.1 * one.rank
