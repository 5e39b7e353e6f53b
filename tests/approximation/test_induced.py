"""Induced distributions: closed forms, their inverses, envelopes, and draws of nu_m."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, special, stats

from rnla import ArgumentError
from rnla.approximation import (
    Chebyshev,
    Exponential,
    Gamma,
    Gaussian,
    Jacobi,
    Product,
    TensorBasis,
    Uniform,
    total_degree,
)
from tests.approximation.laws import MEASURES


def classical_form(measure, x, j):
    """The closed forms of the literature for Legendre, Hermite, Laguerre and Chebyshev."""
    name = type(measure).__name__
    i = np.arange(1, j + 1)
    if name == "Uniform":
        P = special.eval_legendre(np.arange(j + 1), x[:, None])
        now, old = P[:, 1:], P[:, :-1]
        total = (x[:, None] * (now**2 + old**2) - 2 * now * old).sum(axis=1)
        return (1 + x) / 2 + total / 2
    if name == "Gaussian":
        h = measure.orthonormal_family().evaluate(x, j)
        return stats.norm.cdf(x) - stats.norm.pdf(x) * (h[:, 1:] * h[:, :-1] / np.sqrt(i)).sum(1)
    if name == "Exponential":
        L = special.eval_laguerre(np.arange(j + 1), x[:, None])
        return 1 - np.exp(-x) - np.exp(-x) * ((L[:, 1:] - L[:, :-1]) ** 2).sum(axis=1)
    theta = np.arccos(-x)
    return (theta + np.sin(2 * j * theta) / (2 * j)) / np.pi


@pytest.mark.parametrize("measure", MEASURES, ids=repr)
@pytest.mark.parametrize("j", [1, 2, 5, 12])
def test_check_03_closed_form_agrees_with_adaptive_quadrature(measure, j):
    family = measure.orthonormal_family()
    levels = np.array([0.04, 0.5, 0.93])
    got = family.induced_cdf(measure.quantile(levels), j)
    for level, value in zip(levels, got, strict=True):

        def density(u):
            return family.evaluate(measure.quantile([u]), j)[0, j] ** 2

        # In the variable u = F(x) the integrand has no weight, hence no endpoint singularity.
        expected = integrate.quad(density, 0.0, level, epsabs=1e-11, limit=200)[0]
        assert value == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("measure", [Uniform(), Gaussian(), Exponential(), Chebyshev()], ids=repr)
@pytest.mark.parametrize("j", [1, 7, 100])
def test_check_03_one_formula_for_all_agrees_with_the_classical_ones(measure, j):
    x = measure.quantile(np.linspace(0.001, 0.999, 101))
    got = measure.orthonormal_family().induced_cdf(x, j)
    np.testing.assert_allclose(got, classical_form(measure, x, j), atol=2e-11)


def test_check_03_monotone_and_exact_at_the_ends_at_degree_5000():
    family = Uniform().orthonormal_family()
    assert family.induced_cdf([-1.0, 1.0], 5000).tolist() == [0.0, 1.0]
    values = family.induced_cdf(np.linspace(-1.0, 1.0, 20_001), 5000)
    assert (np.diff(values) >= 0.0).all()


@pytest.mark.parametrize("measure", MEASURES, ids=repr)
def test_check_03_inverse_round_trip(measure):
    family = measure.orthonormal_family()
    u = np.concatenate([np.linspace(0.01, 0.99, 99), [1e-6, 1 - 1e-6]])
    for degree in (0, 1, 6, 50):
        x = family.induced_quantile(u, degree)
        # What a few units in the last place of x mean for u, with points near singular ends.
        ulp = np.spacing(np.maximum(np.abs(x), abs(measure.location)))
        blur = np.abs(
            family.induced_cdf(np.clip(x + 8 * ulp, *measure.support[0]), degree)
            - family.induced_cdf(np.clip(x - 8 * ulp, *measure.support[0]), degree)
        )
        error = np.abs(family.induced_cdf(x, degree) - u)
        assert (error <= 1e-12 + blur).all()
        # Without the blur unless the density at an end is as large as that of the arcsine law.
        if min(getattr(measure, "a", 0.0), getattr(measure, "b", 0.0)) > -0.5:
            assert (error <= 1e-12).all()


@given(
    seed=st.integers(0, 10**6),
    kind=st.sampled_from(["jacobi", "gamma", "gaussian"]),
    alpha=st.floats(-0.5, 5.0),
    beta=st.floats(-0.5, 5.0),
)
def test_property_quantile_inverts_cdf_with_a_degree_for_every_level(seed, kind, alpha, beta):
    measure = {"jacobi": Jacobi(alpha, beta), "gamma": Gamma(alpha), "gaussian": Gaussian()}[kind]
    rng = np.random.default_rng(seed)
    u = rng.uniform(0.001, 0.999, 30)
    degrees = rng.integers(0, 60, 30)
    family = measure.orthonormal_family()
    x = family.induced_quantile(u, degrees)
    np.testing.assert_allclose(family.induced_cdf(x, degrees), u, atol=1e-8)
    one = family.induced_quantile(u[3:4], degrees[3:4])
    assert one[0] == x[3]


def test_far_tails_saturate_without_overflow():
    family = Gaussian().orthonormal_family()
    np.testing.assert_array_equal(family.induced_cdf([-1e3, 1e3], 2000), [0.0, 1.0])
    assert family.induced_cdf([0.0], 2000)[0] == pytest.approx(0.5, abs=1e-12)
    x = Exponential().orthonormal_family().induced_quantile([0.5], 3000)
    assert 3000 < x[0] < 12_000


@pytest.mark.parametrize(("m", "ratio"), [(1, 1.571), (2, 1.396), (3, 1.372), (4, 1.364)])
def test_check_04_arcsine_envelope_of_the_mixture(m, ratio):
    x = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 20_001)[1:-1])
    density = Uniform().orthonormal_family().christoffel(x, m - 1) / m * Uniform().pdf(x)
    assert (density / Chebyshev().pdf(x)).max() == pytest.approx(ratio, abs=1e-3)


def test_check_04_arcsine_envelope_of_each_function():
    x = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 4001)[1:-1])
    values = Uniform().orthonormal_family().evaluate(x, 1000)
    ratios = ((values**2) * (Uniform().pdf(x) / Chebyshev().pdf(x))[:, None]).max(axis=0)
    np.testing.assert_allclose(ratios[[1, 2, 10]], [1.814, 1.963, 1.998], atol=1e-3)
    assert (ratios < 2.0).all()


def mixture_cdf(basis, l):
    """Distribution function of coordinate l under nu_m: the mean of F over the index set."""
    degrees, counts = np.unique(basis.indices[:, l], return_counts=True)

    def value(x):
        parts = [basis.families[l].induced_cdf(np.atleast_1d(x), int(j)) for j in degrees]
        return np.tensordot(counts / counts.sum(), np.array(parts), axes=1)

    return value


MIXED = Product([Uniform(0, 1), Gaussian(), Gamma(0.5), Jacobi(0.5, 2.0)])


def test_coordinates_of_induced_draws_follow_nu_m(record_property):
    """False alarm below 4e-4: four Kolmogorov tests at level 1e-4."""
    basis = TensorBasis(MIXED, total_degree(4, 4))
    x = basis.induced_sample(4000, rng=11)
    p = min(stats.kstest(x[:, l], mixture_cdf(basis, l)).pvalue for l in range(4))
    for key, value in {
        "check": "A1",
        "measured": p,
        "threshold": 1e-4,
        "count": 4000,
        "false_alarm_rate": 4e-4,
    }.items():
        record_property(key, value)
    assert p > 1e-4


def test_drawing_from_mu_instead_is_caught():
    """The must-fail companion: plain draws of mu are not draws of nu_m."""
    basis = TensorBasis(MIXED, total_degree(4, 4))
    x = MIXED.sample(4000, rng=11)
    assert min(stats.kstest(x[:, l], mixture_cdf(basis, l)).pvalue for l in range(4)) < 1e-8


def test_draws_are_dependent_across_coordinates_as_the_mixture_says():
    """E[x_1^2 x_2^2] within four standard errors: false alarm 6e-5.

    The mean of x^2 is 1/3 under mu and 3/5 under phi_1^2 dmu. Coordinates drawn with independent
    indices have the right marginals, and fail this.
    """
    basis = TensorBasis(Product([Uniform()] * 2), [[0, 0], [1, 1]])
    x = basis.induced_sample(20_000, rng=5)
    square = x[:, 0] ** 2 * x[:, 1] ** 2
    error = square.std() / np.sqrt(len(x))
    expected = 0.5 * (1 / 9 + 9 / 25)
    assert abs(square.mean() - expected) < 4 * error
    wrong = x[:, 0] ** 2 * np.roll(x[:, 1], 1) ** 2
    assert abs(wrong.mean() - expected) > 4 * error


def test_draws_depend_on_seed_and_number_only():
    basis = TensorBasis(MIXED, total_degree(4, 3))
    whole = basis.induced_sample(50, rng=3)
    np.testing.assert_array_equal(whole[20:30], basis.induced_sample(10, rng=3, first=20))
    assert (whole != basis.induced_sample(50, rng=3, draw=1)).any()
    assert (whole != basis.induced_sample(50, rng=4)).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: f.induced_quantile([0.0], 2), "u: got"),
        (lambda f: f.induced_quantile([0.5, 1.0], 2), "u: got"),
        (lambda f: f.induced_quantile([np.nan], 2), "u: got"),
        (lambda f: f.induced_cdf([0.5], -1), "degree: got -1"),
        (lambda f: f.induced_cdf([0.5], 1.5), "degree: got"),
        (lambda f: f.induced_cdf([0.5, 0.6], np.array([1, 2, 3])), "degree: got"),
    ],
)
def test_bad_values_are_named(call, message):
    with pytest.raises(ArgumentError, match=message):
        call(Uniform().orthonormal_family())
