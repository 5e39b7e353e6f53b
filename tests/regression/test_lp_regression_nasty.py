"""`lp_regression` on instances that break solvers: a proved gap, or nothing but rounding."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnla
from rnla import Status, lp_regression
from tests.regression import nasty_instances as nasty

# Seeds that have failed: not converged, a warning, a gap that is no number, an objective that is
# not that of x.
# fmt: off
FAILED = [
    41, 144, 194, 198, 238, 252, 280, 295, 358, 417, 420, 545, 577, 677, 750, 773, 1024, 1150,
    1508, 1633, 1776, 1800, 1810, 1824, 1977, 2060, 2141, 2184, 2253, 2284, 2412, 2435, 2478, 2489,
    2604, 2729, 2748, 2791, 2866, 3217, 3219, 3337, 3431, 3465, 3470, 3529, 3631, 3693, 3896, 3943,
    3973, 3988, 4037, 4084, 4118, 4307, 4362, 4434, 4558, 4927, 5205, 5667, 6233, 6529, 7098,
    7678, 7717, 7753, 8269, 8430,
]
# fmt: on


def check(problem, p):
    fit = lp_regression(problem.A, problem.b, p, rng=0, **problem.options)
    x = np.append(fit.x, fit.intercept) if problem.options["intercept"] else fit.x
    assert np.all(np.isfinite(x))
    if "bounds" in problem.options:
        assert np.all(fit.x >= 0.0)
    least, most = nasty.value_between(problem, x, p)
    tiny = 1e-306  # sums of powers below the normal numbers are not known to many digits
    assert least * (1 - 1e-9) - tiny <= fit.objective <= most * (1 + 1e-9) + tiny
    assert fit.lower <= fit.objective
    assert 0.0 <= fit.gap <= 1.0
    if fit.status is Status.ROUNDING_LIMITED:
        assert fit.objective - fit.lower <= 2.0 * (most - min(least, fit.objective)) + tiny
    else:
        assert fit.status is Status.OK
        assert fit.gap <= 1e-8


@pytest.mark.parametrize("seed", FAILED)
def test_instances_that_have_failed(seed):
    problem = nasty.draw(seed)
    check(problem, problem.p)


@settings(max_examples=150)
@given(st.sampled_from(nasty.POWERS[1:]), st.integers(0, 10**6))
def test_a_proved_gap_or_nothing_but_rounding(p, seed):
    check(nasty.draw(seed), p)


@pytest.mark.parametrize("p", [1.5, 2.0, 3.0, 8.0, math.inf])
def test_a_constant_is_fitted_perfectly_by_the_intercept(p):
    A = np.random.default_rng(0).standard_normal((40, 3))
    for bounds in ((-np.inf, np.inf), (0.0, np.inf)):
        fit = lp_regression(A, np.full(40, 0.3), p, intercept=True, bounds=bounds)
        assert fit.status is Status.OK
        assert fit.gap == 0.0
        np.testing.assert_allclose(fit.intercept, 0.3, rtol=1e-14)
        np.testing.assert_allclose(fit.x, 0.0, atol=1e-15)


@pytest.mark.parametrize("p", [1.5, 3.0])
def test_small_noise_is_no_perfect_fit(p):
    """Residuals a thousand times rounding are minimised on."""
    rng = np.random.default_rng(0)
    A = rng.standard_normal((50, 3))
    b = A @ np.ones(3) + 1e-12 * rng.standard_normal(50)
    fit = lp_regression(A, b, p)
    assert fit.iterations >= 4
    exact = lp_regression(A * 1e12, (b - A @ np.ones(3)) * 1e12, p)
    np.testing.assert_allclose(fit.objective * 1e12**p, exact.objective, rtol=1e-3)


@pytest.mark.parametrize("p", [1.5, 3.0, math.inf])
def test_large_responses_do_not_make_other_rows_perfect(p):
    A = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    fit = lp_regression(A, [1.0, 2.0, 3.0, 1e17], p)
    np.testing.assert_allclose(fit.x, [2.0, 1e17], rtol=1e-4)
    np.testing.assert_allclose(fit.objective, 1.0 if math.isinf(p) else 2.0, rtol=1e-6)
    assert fit.gap <= 1e-8


@pytest.mark.parametrize("p", [8.0, 20.0])
def test_the_gap_is_a_number_where_powers_overflow_or_vanish(p):
    rng = np.random.default_rng(1)
    A = rng.standard_normal((30, 3))
    b = rng.standard_normal(30)
    plain = lp_regression(A, b, p)
    for scale in (2.0**200, 2.0**-200):
        fit = lp_regression(A, scale * b, p)
        assert fit.status is Status.OK
        assert 0.0 <= fit.gap <= 1e-8
        np.testing.assert_allclose(fit.x / scale, plain.x, rtol=1e-12)
    assert fit.lower <= fit.objective


@pytest.mark.parametrize("p", [1.1, 1.5, 3.0, 8.0, math.inf])
@pytest.mark.parametrize("d", [6, 12])
def test_polynomials_and_hilbert_matrices(p, d):
    t = np.linspace(0.0, 1.0, 60)
    b = np.abs(t - 0.4) + 0.01 * np.cos(40 * t)
    hilbert = 1.0 / (np.arange(60)[:, None] + np.arange(d) + 1.0)
    for A in (np.vander(t, d), hilbert):
        fit = lp_regression(A, b, p)
        assert fit.status in (Status.OK, Status.ROUNDING_LIMITED)
        assert fit.gap <= (1e-8 if fit.status is Status.OK else 1e-4)
        r = b - A @ fit.x
        own = np.abs(r).max() if math.isinf(p) else np.sum(np.abs(r) ** p)
        np.testing.assert_allclose(fit.objective, own, rtol=1e-6)


def test_many_responses_have_the_status_of_the_worst():
    A = np.random.default_rng(0).standard_normal((30, 2))
    B = np.column_stack([A @ [1.0, 2.0], np.arange(30.0)])
    fit = rnla.lp_regression(A, B, 1.5)
    assert fit.status is Status.OK
    assert fit.gap.shape == (2,)
    assert np.all(fit.gap <= 1e-8)
    stopped = rnla.lp_regression(A, B, 1.5, max_iter=1)
    assert stopped.status is Status.NOT_CONVERGED
