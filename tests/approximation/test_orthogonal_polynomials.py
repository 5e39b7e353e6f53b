"""Orthonormal polynomials: recurrences, Gauss rules, derivatives, and points far outside."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from rnla import ArgumentError, ArgumentTypeError
from rnla.approximation import (
    Chebyshev,
    Exponential,
    Gamma,
    Gaussian,
    Jacobi,
    OrthogonalPolynomials,
    Product,
    TensorBasis,
    Uniform,
    total_degree,
)
from tests.approximation.laws import MEASURES, quadrature

STANDARD = [Uniform(), Chebyshev(), Gaussian(), Exponential(), Jacobi(0.3, -0.2)]


@pytest.mark.parametrize("measure", STANDARD, ids=repr)
def test_check_01_gauss_gram_is_the_identity_up_to_degree_100(measure):
    family = measure.orthonormal_family()
    x, w = family.gauss(101)
    values = family.evaluate(x, 100)
    assert np.abs((values * w[:, None]).T @ values - np.eye(101)).max() <= 1e-12


def test_check_01_total_degree_of_dimension_990():
    mu = Product([Uniform(), Uniform()])
    basis = TensorBasis(mu, total_degree(2, 43))
    x, w = mu.marginals[0].orthonormal_family().gauss(44)
    grid = np.stack(np.meshgrid(x, x, indexing="ij"), axis=-1).reshape(-1, 2)
    values = basis.evaluate(grid) * np.sqrt(np.outer(w, w).ravel())[:, None]
    assert basis.dimension == 990
    assert np.abs(values.T @ values - np.eye(990)).max() <= 1e-11


@pytest.mark.parametrize("measure", MEASURES, ids=repr)
def test_orthonormal_under_an_independent_rule(measure):
    x, w = quadrature(measure, 12)
    values = measure.orthonormal_family().evaluate(x, 12)
    np.testing.assert_allclose((values * w[:, None]).T @ values, np.eye(13), atol=1e-10)


@pytest.mark.parametrize("m", [1, 2, 17, 100, 500])
def test_check_02_legendre_christoffel_is_m_squared_at_the_ends(m):
    k = Uniform().orthonormal_family().christoffel([-1.0, 1.0], m - 1)
    np.testing.assert_allclose(k, m**2, rtol=1e-12)


@pytest.mark.parametrize("measure", MEASURES, ids=repr)
def test_check_02_mean_of_christoffel_is_m(measure):
    family = measure.orthonormal_family()
    x, w = family.gauss(40)
    assert w @ family.christoffel(x, 29) == pytest.approx(30.0, abs=1e-11)


def scipy_values(measure, x, degree):
    """The classical polynomials of SciPy, scaled to norm 1 and positive leading coefficient."""
    j = np.arange(degree + 1)
    t = measure.standardise(x)[:, None]
    name = type(measure).__name__
    if name == "Uniform":
        return np.sqrt(2.0 * j + 1.0) * special.eval_legendre(j, t)
    if name == "Chebyshev":
        return np.where(j == 0, 1.0, math.sqrt(2.0)) * special.eval_chebyt(j, t)
    if name == "Gaussian":
        return special.eval_hermitenorm(j, t) / np.sqrt(special.factorial(j))
    if name in ("Gamma", "Exponential"):
        norm = np.sqrt(special.binom(j + measure.alpha, j))
        return (-1.0) ** j * special.eval_genlaguerre(j, measure.alpha, t) / norm
    values = special.eval_jacobi(j, measure.a, measure.b, t)
    nodes, weights = special.roots_jacobi(degree + 1, measure.a, measure.b)
    at_nodes = special.eval_jacobi(j, measure.a, measure.b, nodes[:, None])
    return values / np.sqrt((weights / weights.sum()) @ at_nodes**2)


@pytest.mark.parametrize("measure", MEASURES, ids=repr)
def test_values_are_the_classical_polynomials(measure):
    x = measure.quantile(np.linspace(0.01, 0.99, 37))
    np.testing.assert_allclose(
        measure.orthonormal_family().evaluate(x, 15),
        scipy_values(measure, x, 15),
        rtol=1e-9,
        atol=1e-10,
    )


@given(
    a=st.floats(-0.95, 6.0),
    b=st.floats(-0.95, 6.0),
    low=st.floats(-100.0, 100.0),
    width=st.floats(1e-3, 1e3),
    degree=st.integers(0, 40),
)
def test_property_jacobi_orthonormal_for_any_exponents(a, b, low, width, degree):
    measure = Jacobi(a, b, low=low, high=low + width)
    family = measure.orthonormal_family()
    t, w = special.roots_jacobi(degree + 1, a, b)
    values = family.evaluate(measure.location + measure.scale * t, degree)
    gram = (values * (w / w.sum())[:, None]).T @ values
    # Moving the interval away from zero costs the digits of location / scale.
    loss = 1.0 + abs(measure.location) / measure.scale
    np.testing.assert_allclose(gram, np.eye(degree + 1), atol=1e-9 * loss)


@given(alpha=st.floats(-0.95, 10.0), degree=st.integers(0, 40))
def test_property_laguerre_orthonormal_for_any_exponent(alpha, degree):
    t, w = special.roots_genlaguerre(degree + 1, alpha)
    values = Gamma(alpha).orthonormal_family().evaluate(t, degree)
    gram = (values * (w / w.sum())[:, None]).T @ values
    np.testing.assert_allclose(gram, np.eye(degree + 1), atol=1e-8)


@pytest.mark.parametrize("measure", MEASURES, ids=repr)
def test_gauss_rule_agrees_with_scipy_and_is_exact(measure):
    x, w = measure.orthonormal_family().gauss(20)
    expected_x, expected_w = quadrature(measure, 19)
    np.testing.assert_allclose(x, expected_x, rtol=1e-9, atol=1e-11 * measure.scale)
    np.testing.assert_allclose(w, expected_w, rtol=1e-7, atol=1e-14)
    assert w.sum() == pytest.approx(1.0, abs=1e-14)
    assert (np.diff(x) > 0).all()


@pytest.mark.parametrize("measure", MEASURES, ids=repr)
def test_derivative_in_the_span_and_against_differences(measure):
    family = measure.orthonormal_family()
    x = measure.quantile(np.linspace(0.1, 0.9, 9))
    step = 1e-6 * measure.scale
    difference = (family.evaluate(x + step, 8) - family.evaluate(x - step, 8)) / (2 * step)
    slope = family.derivative(x, 8)
    np.testing.assert_allclose(slope, difference, rtol=1e-6, atol=1e-6 * np.abs(slope).max())


@pytest.mark.parametrize(
    ("measure", "x", "degree"),
    [(Gaussian(), 60.0, 1000), (Gaussian(), 1e6, 80), (Exponential(), 5000.0, 400)],
)
def test_normalised_values_far_outside_agree_with_high_precision(measure, x, degree):
    a, b = measure.recurrence(degree)
    with mpmath.workdps(60):
        values = [mpmath.mpf(1)]
        before = mpmath.mpf(0)
        beside = (
            [mpmath.sqrt(j) for j in range(degree + 1)]
            if isinstance(measure, Gaussian)
            else [mpmath.mpf(j) for j in range(degree + 1)]
        )
        for j in range(degree):
            new = ((mpmath.mpf(x) - a[j]) * values[-1] - beside[j] * before) / beside[j + 1]
            before = values[-1]
            values.append(new)
        length = mpmath.sqrt(sum(v * v for v in values))
        expected = np.array([float(v / length) for v in values])
    got = measure.orthonormal_family().evaluate_normalised([x], degree)[0]
    np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-290)
    assert b[0] == 1.0


def test_scaled_values_are_the_values():
    x = np.array([-3.0, 0.0, 0.7, 12.0])
    family = Gaussian().orthonormal_family()
    mantissas, exponents = family.evaluate_scaled(x, 60)
    np.testing.assert_allclose(np.ldexp(mantissas, exponents), family.evaluate(x, 60), rtol=1e-12)


def test_plain_values_overflow_where_normalised_ones_do_not():
    family = Gaussian().orthonormal_family()
    with np.errstate(over="ignore", invalid="ignore"):
        assert not np.isfinite(family.evaluate([1e6], 100)).all()
    assert np.linalg.norm(family.evaluate_normalised([1e6], 100)) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Uniform().orthonormal_family().evaluate([0.5], -1), "degree: got -1"),
        (lambda: Uniform().orthonormal_family().evaluate([np.nan], 2), "x: got nan in row 0"),
        (lambda: Uniform().orthonormal_family().evaluate([[0.5, 0.5]], 2), "x: got shape"),
        (lambda: Uniform().orthonormal_family().gauss(0), "n: got 0"),
    ],
)
def test_bad_values_are_named(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: OrthogonalPolynomials("legendre"),
        lambda: Uniform().orthonormal_family().evaluate([0.5], 1.5),
        lambda: Uniform().orthonormal_family().evaluate([0.5], True),
        lambda: Uniform().orthonormal_family().evaluate(["a"], 1),
    ],
)
def test_bad_types_are_named(call):
    with pytest.raises(ArgumentTypeError):
        call()
