"""Newton in passes: other solvers, high precision, certificates, boxes, ridges, homes of rows."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

import rnla
from rnla.constrained import ConstrainedProblem
from rnla.regression import Huber, Logistic, Power
from rnla.regression.smooth.newton import minimise
from rnla.tall import as_tall
from tests import families

POWERS = [1.01, 1.1, 1.5, 2.0, 3.0, 8.0, 50.0]


def value(A, b, x, p, w=1.0):
    return float(np.sum(w * np.abs(b - A @ x) ** p))


def problem(n=200, d=5, seed=0, noise=2.0):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n, d))
    return A, A @ rng.standard_normal(d) + rng.standard_t(noise, n)


@pytest.mark.parametrize("p", POWERS)
@pytest.mark.parametrize("family", ["gaussian", "student_t", "polynomial"])
def test_gap_closes_and_agrees_with_the_constrained_kernel(p, family):
    rng = np.random.default_rng(3)
    A = {
        "gaussian": lambda: rng.standard_normal((300, 6)),
        "student_t": lambda: families.student_t(300, 6, 1),
        "polynomial": lambda: np.vander(np.linspace(-1, 1, 300), 8),
    }[family]()
    b = A.sum(axis=1) + rng.standard_t(3, 300)
    found = minimise(as_tall(A), b, Power(p), tol=1e-9)
    assert found.status is rnla.Status.OK
    assert found.lower <= found.objective
    assert found.objective - found.lower <= 1e-9 * found.objective
    np.testing.assert_allclose(found.objective, value(A, b, found.x, p), rtol=1e-9)
    e = np.zeros(A.shape[1] + 1)
    e[-1] = 1.0
    other = ConstrainedProblem(np.column_stack([A, -b]), p).minimise(e, tol=1e-9)
    np.testing.assert_allclose(found.objective, other.value, rtol=5e-9)


@pytest.mark.parametrize("p", [1.1, 1.5, 3.0, 20.0])
def test_one_column_against_forty_digits(p):
    rng = np.random.default_rng(5)
    a, b = rng.standard_normal(15), rng.standard_normal(15)
    with mpmath.workdps(40):

        def slope(x):
            r = [mpmath.mpf(bi) - mpmath.mpf(ai) * x for ai, bi in zip(a, b, strict=True)]
            return sum(
                ai * mpmath.sign(v) * abs(v) ** (mpmath.mpf(p) - 1)
                for ai, v in zip(a, r, strict=True)
            )

        low, high = mpmath.mpf(-100), mpmath.mpf(100)
        for _ in range(120):
            middle = (low + high) / 2
            low, high = (middle, high) if slope(middle) > 0 else (low, middle)
        exact = sum(
            abs(mpmath.mpf(bi) - mpmath.mpf(ai) * low) ** mpmath.mpf(p)
            for ai, bi in zip(a, b, strict=True)
        )
        exact = float(exact)
    found = minimise(as_tall(a[:, None]), b, Power(p), tol=1e-11)
    assert found.lower <= exact * (1 + 1e-14)
    np.testing.assert_allclose(found.objective, exact, rtol=1e-11)
    np.testing.assert_allclose(found.x[0], float(low), rtol=1e-4)  # the square root of the gap


@given(
    st.sampled_from([1.05, 1.3, 1.7, 2.5, 4.0, 12.0]),
    st.integers(0, 10**6),
    st.integers(1, 40),
    st.integers(1, 6),
)
def test_lower_bound_is_below_every_value(p, seed, n, d):
    rng = np.random.default_rng(seed)
    A, b = rng.standard_normal((n, d)), rng.standard_t(1.5, n)
    w = rng.uniform(0.1, 5.0, n)
    for limit in (3, 200):  # a bound does not rest on convergence
        found = minimise(
            as_tall(A, require_tall=False), b, Power(p), weights=w, max_iter=limit, tol=1e-9
        )
        for scale in (0.0, 1e-6, 1e-3, 1.0):
            x = found.x + scale * rng.standard_normal(d)
            assert found.lower <= value(A, b, x, p, w) * (1 + 1e-12) + 1e-13


def test_lower_bound_of_an_infeasible_dual_is_caught(monkeypatch):
    """Must fail: without A^T u = 0 the dual value exceeds the minimum."""
    from rnla.regression.smooth import newton

    A, b = problem(noise=1.2)
    good = minimise(as_tall(A), b, Power(1.5))
    honest = newton.lower_bound

    def careless(loss, found, leak, y, **rest):
        return honest(loss, found, 0.0 * leak, y, **rest) * 1.2

    monkeypatch.setattr(newton, "lower_bound", careless)
    wrong = minimise(as_tall(A), b, Power(1.5), tol=1e-12)
    with pytest.raises(AssertionError):
        assert wrong.lower <= good.objective * (1 - 1e-9)


@pytest.mark.parametrize("p", [1.2, 2.0, 3.0, 10.0])
def test_equal_for_dense_sparse_and_ill_conditioned_coordinates(p):
    rng = np.random.default_rng(2)
    A = rng.standard_normal((400, 6)) * (rng.random((400, 6)) < 0.5)
    b = rng.standard_t(3, 400)
    plain = minimise(as_tall(A), b, Power(p), tol=1e-10)
    sparse = minimise(as_tall(sp.csr_array(A)), b, Power(p), tol=1e-10)
    np.testing.assert_allclose(sparse.objective, plain.objective, rtol=1e-9)
    T = rng.standard_normal((6, 6)) @ np.diag(10.0 ** np.arange(0, 12, 2))
    turned = minimise(as_tall(A @ T), b, Power(p), tol=1e-9)
    np.testing.assert_allclose(turned.objective, plain.objective, rtol=1e-7)
    assert turned.status is rnla.Status.OK


@pytest.mark.parametrize("p", [1.2, 3.0])
def test_same_answer_from_every_home(p, tmp_path):
    import dask.array

    A, b = problem(5000, 4)
    w = np.random.default_rng(1).uniform(0.5, 2.0, 5000)
    np.save(tmp_path / "A.npy", A)
    reference = minimise(as_tall(A), b, Power(p), weights=w)
    file = minimise(as_tall(tmp_path / "A.npy"), b, Power(p), weights=w)
    np.testing.assert_array_equal(file.x, reference.x)
    lazy = dask.array.from_array(A, chunks=(2048, 4))
    kept = minimise(as_tall(lazy), b, Power(p), weights=w)
    np.testing.assert_array_equal(kept.x, reference.x)


@pytest.mark.parametrize("p", [1.1, 2.0, 3.0, 8.0])
@pytest.mark.parametrize("box", [(0.0, np.inf), (-0.3, 0.4), (-np.inf, 0.1)])
def test_box_satisfies_the_optimality_conditions(p, box):
    A, b = problem(noise=4.0)
    d = A.shape[1]
    low, high = np.full(d, box[0]), np.full(d, box[1])
    found = minimise(as_tall(A), b, Power(p), lower=low, upper=high, tol=1e-10)
    assert found.status is rnla.Status.OK
    assert np.all(found.x >= low)
    assert np.all(found.x <= high)
    r = b - A @ found.x
    gradient = -A.T @ (np.sign(r) * np.abs(r) ** (p - 1))
    size = np.abs(A.T) @ np.abs(r) ** (p - 1)
    inner = (found.x > low) & (found.x < high)
    assert np.all(np.abs(gradient[inner]) <= 3e-4 * size[inner])
    assert np.all(gradient[found.x == low] >= -1e-9 * size[found.x == low])
    assert np.all(gradient[found.x == high] <= 1e-9 * size[found.x == high])


def test_box_at_two_is_bounded_least_squares():
    rng = np.random.default_rng(0)
    for seed in range(5):
        A, b = problem(60, 8, seed)
        low = rng.uniform(-1, 0, 8)
        high = low + rng.uniform(0, 1, 8)
        low[0] = high[0]
        found = minimise(as_tall(A), b, Power(2.0), lower=low, upper=high, tol=1e-12)
        reference = scipy.optimize.lsq_linear(A, b, (low - 1e-300, high + 1e-12), tol=1e-15)
        np.testing.assert_allclose(found.objective, 2 * reference.cost, rtol=1e-9)


@pytest.mark.parametrize("p", [1.3, 4.0])
def test_weights_are_multiplicities_and_zeros_leave_rows_out(p):
    A, b = problem(50, 3)
    times = np.random.default_rng(0).integers(0, 4, 50)
    weighted = minimise(as_tall(A), b, Power(p), weights=times.astype(float), tol=1e-10)
    repeated = minimise(
        as_tall(np.repeat(A, times, axis=0)), np.repeat(b, times), Power(p), tol=1e-10
    )
    np.testing.assert_allclose(weighted.objective, repeated.objective, rtol=1e-9)


@pytest.mark.parametrize("loss", [Huber(0.7), Logistic()], ids=lambda loss: loss.name)
@pytest.mark.parametrize("ridge", [0.0, 2.5])
def test_other_losses_against_a_general_optimiser(loss, ridge):
    A, b = problem(300, 4, noise=1.5)
    if loss.name == "logistic":
        y = np.sign(A @ [1.0, -1.0, 0.5, 0.0] + np.random.default_rng(0).standard_normal(300))
        A, b = y[:, None] * -A, np.zeros(300)

    def objective(x):
        return loss.value(b - A @ x).sum() + 0.5 * ridge * x @ x

    def gradient(x):
        return -A.T @ loss.expand(b - A @ x)[1] + ridge * x

    found = minimise(as_tall(A), b, loss, ridge=ridge, tol=1e-10)
    reference = scipy.optimize.minimize(
        objective, np.zeros(4), jac=gradient, method="BFGS", options={"gtol": 1e-9}
    )
    assert found.status is rnla.Status.OK
    np.testing.assert_allclose(found.objective, reference.fun, rtol=1e-9)
    np.testing.assert_allclose(found.objective, objective(found.x), rtol=1e-12)


def test_huber_from_a_start_where_every_row_is_an_outlier():
    A, b = problem(100, 3, noise=1.1)
    found = minimise(as_tall(A), b, Huber(0.1), start=np.full(3, 1e6), tol=1e-9)
    near = minimise(as_tall(A), b, Huber(0.1), tol=1e-9)
    assert found.status is rnla.Status.OK
    np.testing.assert_allclose(found.objective, near.objective, rtol=1e-8)


@pytest.mark.parametrize("p", [1.5, 6.0])
def test_a_start_far_away_costs_iterations_but_no_accuracy(p):
    A, b = problem()
    found = minimise(as_tall(A), b, Power(p), start=np.full(5, 1e5), tol=1e-9)
    near = minimise(as_tall(A), b, Power(p), tol=1e-9)
    np.testing.assert_allclose(found.objective, near.objective, rtol=2e-9)
    again = minimise(as_tall(A), b, Power(p), start=near.x, tol=1e-8)
    assert again.iterations <= 4


def test_check_38_p_8_to_1e_8_within_80_linear_solves():
    rng = np.random.default_rng(0)
    A, b = rng.random((1000, 800)), rng.random(1000)
    found = minimise(as_tall(A), b, Power(8.0), tol=1e-8)
    assert found.status is rnla.Status.OK
    assert found.objective - found.lower <= 1e-8 * found.objective
    assert found.iterations <= 80
