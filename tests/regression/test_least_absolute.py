"""Least absolute deviations: the primal program, the median, certificates, scales, bad input."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

import rnla
from rnla.regression import lp_regression
from tests import families


def primal_value(A, b, w):
    """Reference: min sum w_i t_i with -t <= A x - b <= t, 2 n rows."""
    n, d = A.shape
    above = np.hstack([A, -np.eye(n)])
    below = np.hstack([-A, -np.eye(n)])
    result = scipy.optimize.linprog(
        np.append(np.zeros(d), w),
        A_ub=np.vstack([above, below]),
        b_ub=np.append(b, -b),
        bounds=[(None, None)] * d + [(0, None)] * n,
        method="highs",
    )
    return result.fun


def value(A, b, w, x):
    return float(np.sum(w * np.abs(A @ x - b)))


@given(
    st.sampled_from(
        ["gaussian", "student_t", "coherent", "rank_deficient", "zero_rows", "one_hot"]
    ),
    st.integers(0, 2**16),
)
def test_value_equals_the_primal_program(name, seed):
    A = families.dense(families.FAMILIES[name](40, 4, seed))
    rng = np.random.default_rng(seed)
    b, w = rng.standard_cauchy(len(A)), rng.exponential(size=len(A))
    fit = lp_regression(A, b, 1, weights=w)
    assert fit.status is rnla.Status.OK
    np.testing.assert_allclose(fit.objective, value(A, b, w, fit.x), rtol=1e-12)
    np.testing.assert_allclose(fit.objective, primal_value(A, b, w), rtol=1e-7)
    assert 0.0 <= fit.lower <= fit.objective
    assert fit.gap <= 1e-9


def test_one_column_of_ones_gives_the_weighted_median():
    b = np.array([5.0, -2.0, 7.0, 100.0, 6.0])
    w = np.array([1.0, 1.0, 1.0, 10.0, 1.0])
    assert lp_regression(np.ones((5, 1)), b, 1).x[0] == pytest.approx(6.0, abs=1e-12)
    fit = lp_regression(np.ones((5, 1)), b, 1, weights=w)
    assert fit.x[0] == pytest.approx(100.0, abs=1e-12)


def test_gross_outliers_do_not_blunt_the_solver():
    A = families.gaussian(400, 5, 1)
    rng = np.random.default_rng(2)
    b = A @ rng.standard_normal(5) + rng.standard_normal(400)
    b[:40] += 1e9 * rng.standard_cauchy(40)
    fit = lp_regression(A, b, 1)
    residual = np.abs(A @ fit.x - b)
    assert np.count_nonzero(residual < 1e-7) == 5  # a vertex
    # Optimality at the vertex: multipliers of the five rows stay within [-1, 1].
    basic = residual < 1e-7
    pull = np.sign(b - A @ fit.x)[~basic] @ A[~basic]
    assert np.abs(np.linalg.solve(A[basic].T, pull)).max() <= 1.0 + 1e-9


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_extreme_scales(scale):
    A = families.gaussian(60, 3, 1)
    b = np.random.default_rng(0).standard_normal(60)
    expected = lp_regression(A, b, 1)
    fit = lp_regression(A, b * scale, 1)
    np.testing.assert_allclose(fit.x, expected.x * scale, rtol=1e-9)
    np.testing.assert_allclose(fit.objective, expected.objective * scale, rtol=1e-12)
    columns = np.array([1.0, scale, 1 / scale])
    np.testing.assert_allclose(lp_regression(A * columns, b, 1).x * columns, expected.x, rtol=1e-9)


def test_perfect_fits_zero_labels_and_zero_weights():
    A = families.rank_deficient(50, 4, 0)
    fit = lp_regression(A, A @ np.ones(4), 1)
    np.testing.assert_allclose(A @ fit.x, A @ np.ones(4), rtol=1e-10, atol=1e-12)
    assert fit.status is rnla.Status.OK
    assert fit.gap <= 1e-6
    for b, w in ((np.zeros(50), None), (np.zeros(50), np.ones(50))):
        fit = lp_regression(A, b, 1, weights=w)
        assert (fit.objective, fit.gap, fit.status) == (0.0, 0.0, rnla.Status.OK)


def test_sparse_rows_give_the_same_value_and_nothing_is_modified():
    A = sp.csr_array(families.sparse_power_law(300, 6, 0))
    b = np.random.default_rng(0).standard_normal(300)
    before, labels = A.copy(), b.copy()
    fit = lp_regression(A, b, 1)
    dense = lp_regression(A.toarray(), b, 1)
    np.testing.assert_allclose(fit.objective, dense.objective, rtol=1e-12)
    assert (before != A).nnz == 0
    np.testing.assert_array_equal(b, labels)


@pytest.mark.parametrize(
    "arguments, name",
    [
        ({"b": np.ones(4)}, "b"),
        ({"b": np.array([1.0, np.nan, 1.0])}, "b"),
        ({"b": np.array(["a", "b", "c"])}, "b"),
        ({"b": np.ones(3), "weights": [1.0, -1.0, 1.0]}, "weights"),
        ({"b": np.ones(3), "weights": [0.0, 0.0, 0.0]}, "weights"),
        ({"b": np.ones(3), "weights": [1.0, np.inf, 1.0]}, "weights"),
        ({"b": np.ones(3), "A": np.array([[1.0], [np.inf], [0.0]])}, "A"),
    ],
)
def test_bad_input_is_named(arguments, name):
    A = arguments.pop("A", np.ones((3, 1)))
    with pytest.raises(rnla.RnlaError, match=f"^{name}: got"):
        lp_regression(A, p=1, **arguments)
