"""Measures: distribution functions, samples and what users pass."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rnla import ArgumentError, ArgumentTypeError
from rnla.approximation import (
    Chebyshev,
    Discrete,
    Exponential,
    Gamma,
    Gaussian,
    Jacobi,
    OrthogonalPolynomials,
    Product,
    TensorBasis,
    Uniform,
)
from tests.approximation.laws import MEASURES


def scipy_law(measure):
    name = type(measure).__name__
    if name == "Gaussian":
        return stats.norm(measure.mean, measure.std)
    if name in ("Gamma", "Exponential"):
        return stats.gamma(measure.alpha + 1, scale=measure.scale)
    low, high = measure.support[0]
    return stats.beta(measure.b + 1, measure.a + 1, low, high - low)


@pytest.mark.parametrize("measure", MEASURES, ids=repr)
def test_law_is_that_of_scipy(measure):
    law = scipy_law(measure)
    u = np.linspace(0.02, 0.98, 25)
    x = law.ppf(u)
    np.testing.assert_allclose(measure.cdf(x), law.cdf(x), atol=1e-10)
    np.testing.assert_allclose(measure.quantile(u), x, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(measure.pdf(x), law.pdf(x), rtol=1e-8)
    assert measure.quantile(u).shape == u.shape
    assert measure.contains(x).all()


@pytest.mark.parametrize("measure", MEASURES, ids=repr)
def test_samples_follow_the_law(measure, record_property):
    """Kolmogorov's test at level 1e-4; twelve measures, so alarms below 1.2e-3 in all."""
    p = stats.kstest(measure.sample(3000, rng=1)[:, 0], scipy_law(measure).cdf).pvalue
    record_property("check", "measures")
    record_property("measured", p)
    record_property("threshold", 1e-4)
    record_property("count", 3000)
    record_property("false_alarm_rate", 1e-4)
    assert p > 1e-4


def test_samples_of_another_law_are_caught():
    """The must-fail companion: exponents of the two ends exchanged."""
    x = Jacobi(0.3, -0.2).sample(3000, rng=1)[:, 0]
    assert stats.kstest(x, scipy_law(Jacobi(-0.2, 0.3)).cdf).pvalue < 1e-8


def test_coordinates_of_a_product_are_independent():
    """Kendall's test at level 1e-4; the companion tests a coordinate against the sum of both."""
    x = Product([Uniform(), Uniform()]).sample(4000, rng=2)
    assert stats.kendalltau(x[:, 0], x[:, 1]).pvalue > 1e-4
    assert stats.kendalltau(x[:, 0], x[:, 0] + x[:, 1]).pvalue < 1e-8


@given(first=st.integers(0, 10**12), n=st.integers(1, 20), draw=st.integers(0, 1000))
def test_property_point_depends_on_seed_draw_and_number_only(first, n, draw):
    mu = Product([Gaussian(), Exponential()])
    whole = mu.sample(n + 3, rng=5, first=first, draw=draw)
    np.testing.assert_array_equal(whole[3:], mu.sample(n, rng=5, first=first + 3, draw=draw))


def test_products_are_taken_apart():
    inner = Product([Uniform(), Gaussian()])
    outer = Product([inner, Exponential()])
    assert outer.dimension == 3
    assert outer == Product([Uniform(), Gaussian(), Exponential()])
    assert hash(outer) == hash(Product([Uniform(), Gaussian(), Exponential()]))
    np.testing.assert_array_equal(outer.support[2], [0.0, np.inf])


# --- discrete measures --------------------------------------------------------------------------


@given(seed=st.integers(0, 10**6), n=st.integers(2, 40), uneven=st.booleans())
def test_property_discrete_polynomials_are_orthonormal_to_the_last_degree(seed, n, uneven):
    rng = np.random.default_rng(seed)
    points = np.sort(rng.uniform(-3.0, 5.0, n)) if uneven else np.arange(n) * 1.0
    weights = rng.uniform(0.2, 1.0, n)
    mu = Discrete(points, weights)
    family = mu.marginals[0].orthonormal_family()
    degree = min(n - 1, 12)
    values = family.evaluate(points, degree)
    gram = (values * mu.weights[:, None]).T @ values
    np.testing.assert_allclose(gram, np.eye(degree + 1), atol=1e-7)


def test_discrete_recurrence_of_a_gauss_rule_is_that_of_its_measure():
    x, w = Uniform().orthonormal_family().gauss(20)
    line = Discrete(x, w).marginals[0]
    for got, expected in zip(line.recurrence(15), Uniform().recurrence(15), strict=True):
        # Its standard variable is scaled to the outermost nodes.
        np.testing.assert_allclose(got[1:] * line.scale, expected[1:], atol=1e-13)


def test_discrete_induced_law_by_enumeration():
    mu = Discrete([3.0, 0.0, 1.0, 1.0], [1, 2, 1, 1])
    family = mu.marginals[0].orthonormal_family()
    atoms, masses = np.array([0.0, 1.0, 3.0]), np.array([0.4, 0.4, 0.2])
    for j in range(3):
        law = masses * family.evaluate(atoms, j)[:, j] ** 2
        np.testing.assert_allclose(law.sum(), 1.0, atol=1e-12)
        np.testing.assert_allclose(family.induced_cdf(atoms, j), np.cumsum(law), atol=1e-12)
        u = (np.arange(2000) + 0.5) / 2000
        counts = [(family.induced_quantile(u, j) == atom).mean() for atom in atoms]
        np.testing.assert_allclose(counts, law, atol=1e-3)


def test_discrete_samples_have_the_frequencies_of_the_weights():
    """Chi-square at level 1e-4; the companion tests uniform frequencies."""
    mu = Discrete([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]], [5, 3, 2])
    x = mu.sample(5000, rng=4)
    counts = [(x == atom).all(axis=1).sum() for atom in mu.points]
    assert stats.chisquare(counts, 5000 * mu.weights).pvalue > 1e-4
    assert stats.chisquare(counts).pvalue < 1e-8


def test_discrete_measures_enter_products():
    mu = Product([Discrete([0.0, 1.0, 2.0]), Uniform()])
    basis = TensorBasis(mu, [[0, 0], [2, 0], [1, 3]])
    assert basis.induced_sample(10, rng=0).shape == (10, 2)
    with pytest.raises(ArgumentError, match="degree: got 3; expected at most 2"):
        TensorBasis(mu, [[3, 0]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Uniform(1.0, 1.0), "low, high"),
        (lambda: Chebyshev(0.0, np.inf), "high: got inf"),
        (lambda: Jacobi(-1.0, 0.0), "a: got -1.0"),
        (lambda: Jacobi(0.0, np.nan), "b: got nan"),
        (lambda: Gaussian(std=0.0), "std"),
        (lambda: Gaussian(mean=np.inf), "mean"),
        (lambda: Gamma(-1.0), "alpha"),
        (lambda: Exponential(-2.0), "scale"),
        (lambda: Product([]), "an empty sequence"),
        (lambda: Discrete([]), "points"),
        (lambda: Discrete([1.0, np.nan]), "points: got nan or inf"),
        (lambda: Discrete([1.0, 2.0], [0.0, 0.0]), "weights"),
        (lambda: Discrete([1.0, 2.0], [1.0, -1.0]), "weights"),
        (lambda: Discrete([1.0, 2.0], [1.0]), "weights: got shape"),
        (lambda: Uniform().sample(0), "n: got 0"),
        (lambda: Uniform().sample(3, first=-1), "first: got -1"),
        (lambda: Uniform().sample(3, draw=-1), "draw: got -1"),
        (lambda: TensorBasis(Uniform(), 2).induced_sample(3, draw=-1), "draw: got -1"),
        (lambda: Uniform().quantile(1.5), "u: got 1.5"),
        (lambda: Gaussian().quantile([0.5, -1.0]), "u: got"),
        (lambda: Discrete([0.0, 1.0]).marginals[0].quantile(2.0), "u: got"),
        (lambda: Uniform().quantile(np.nan), "u: got nan"),
        (
            lambda: Discrete([0.0, 1.0]).marginals[0].orthonormal_family().evaluate([0.0], 2),
            "at most 1",
        ),
    ],
)
def test_bad_values_are_named(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: OrthogonalPolynomials(Product([Uniform()])),
        lambda: Product([Discrete([[0.0, 1.0]])]),
        lambda: Discrete("points"),
        lambda: Discrete([0.0]).marginals[0].pdf(0.0),
        lambda: Uniform().cdf("a"),
        lambda: Uniform().pdf([1j]),
        lambda: Uniform().quantile("a"),
        lambda: Uniform().sample(3, first=1.5),
        lambda: Uniform().sample(3, draw=None),
        lambda: TensorBasis(Uniform(), 2).induced_sample(3, first="a"),
        lambda: Uniform().orthonormal_family().induced_quantile("a", 2),
        lambda: Uniform("a", 1),
        lambda: Uniform(None, 1),
        lambda: Uniform([0], [1]),
        lambda: Gaussian("a"),
        lambda: Gamma("a"),
        lambda: Jacobi("a", 0),
    ],
)
def test_bad_types_are_named(call):
    with pytest.raises(ArgumentTypeError):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: Uniform(1.0, 1.0 + 1e-15),
        lambda: Uniform(-1.7e308, 1.7e308),
        lambda: Uniform(0.0, 5e-324),
        lambda: Gaussian(1e8, 1e-8),
        lambda: Gamma(0.0, 1e-310),
    ],
)
def test_scales_that_float64_cannot_resolve_are_refused(call):
    with pytest.raises(ArgumentError, match="measure: got scale"):
        call()


@pytest.mark.parametrize("scale", [1e-290, 1e290])
def test_scales_that_float64_resolves_are_no_trouble(scale):
    for measure in (Uniform(scale, 3.0 * scale), Gaussian(scale, scale), Gamma(1.0, scale)):
        basis = TensorBasis(measure, 3)
        points, weights = measure.orthonormal_family().gauss(4)
        features = basis.evaluate(points)
        np.testing.assert_allclose((features.T * weights) @ features, np.eye(4), atol=1e-12)


def test_quantiles_at_the_ends():
    for measure in (Uniform(), Gaussian(), Exponential(2.0), Gamma(1.5), Chebyshev()):
        np.testing.assert_allclose(measure.quantile([0.0, 1.0]), measure.support[0], atol=1e-15)
