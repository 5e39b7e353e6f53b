"""Trigonometric, wavelet, piecewise and spline families: one set of properties for all."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rnla import ArgumentError, ArgumentTypeError
from rnla.approximation import (
    BSplines,
    Fourier,
    Gaussian,
    Haar,
    PiecewiseLegendre,
    Product,
    TensorBasis,
    Uniform,
    tensor_product,
)

# Family, number of the last function tested, points where pieces meet.
CASES = [
    (Fourier(Uniform(0.0, 1.0)), 12, np.linspace(0.0, 1.0, 33)),
    (Fourier(Uniform(-2.0, 3.0)), 7, np.linspace(-2.0, 3.0, 33)),
    (Haar(Uniform(0.0, 1.0)), 21, np.linspace(0.0, 1.0, 33)),
    (Haar(Uniform(-1.0, 3.0)), 8, np.linspace(-1.0, 3.0, 33)),
    (PiecewiseLegendre(Uniform(-1.0, 1.0), 5, degree=2), 14, np.linspace(-1.0, 1.0, 6)),
    (PiecewiseLegendre(Uniform(0.0, 2.0), 7), 6, np.linspace(0.0, 2.0, 8)),
    (BSplines(Uniform(-1.0, 1.0), 6), 8, np.linspace(-1.0, 1.0, 7)),
    (BSplines(Uniform(0.0, 2.0), [0.3, 1.1], degree=2), 4, np.array([0.0, 0.3, 1.1, 2.0])),
    (BSplines(Uniform(0.0, 1.0), 5, degree=0), 4, np.linspace(0.0, 1.0, 6)),
    (BSplines(Uniform(0.0, 1.0), 4, degree=1), 4, np.linspace(0.0, 1.0, 5)),
]
NAMES = [repr(case[0]) for case in CASES]


def rule(edges, nodes=12):
    """Composite Gauss rule for the uniform measure, cell by cell: (cells, nodes) each."""
    t, w = np.polynomial.legendre.leggauss(nodes)
    widths = np.diff(edges)
    x = edges[:-1, None] + widths[:, None] * (t + 1.0) / 2.0
    return x, widths[:, None] * w / 2.0 / (edges[-1] - edges[0])


@pytest.mark.parametrize(("family", "degree", "edges"), CASES, ids=NAMES)
def test_orthonormal(family, degree, edges):
    x, w = rule(edges)
    values = family.evaluate(x.ravel(), degree)
    gram = (values * w.ravel()[:, None]).T @ values
    np.testing.assert_allclose(family.integrals(degree), w.ravel() @ values, atol=1e-12)
    np.testing.assert_allclose(gram, np.eye(degree + 1), atol=1e-12)
    if family.starts_with_one:
        np.testing.assert_array_equal(values[:, 0], 1.0)


@pytest.mark.parametrize(("family", "degree", "edges"), CASES, ids=NAMES)
def test_fewer_functions_are_the_first_of_more(family, degree, edges):
    x = edges[:-1] + 0.37 * np.diff(edges)
    every = family.evaluate(x, degree)
    for fewer in range(degree):
        np.testing.assert_allclose(
            family.evaluate(x, fewer), every[:, : fewer + 1], rtol=1e-13, atol=1e-13
        )


@pytest.mark.parametrize(("family", "degree", "edges"), CASES, ids=NAMES)
def test_derivatives_against_differences(family, degree, edges):
    x = edges[:-1] + 0.37 * np.diff(edges)
    step = 1e-6 * (edges[-1] - edges[0])
    difference = (family.evaluate(x + step, degree) - family.evaluate(x - step, degree)) / (
        2 * step
    )
    slope = family.derivative(x, degree)
    np.testing.assert_allclose(slope, difference, atol=1e-6 * (1.0 + np.abs(slope).max()))


@pytest.mark.parametrize(("family", "degree", "edges"), CASES, ids=NAMES)
def test_induced_distribution_by_quadrature_and_its_inverse(family, degree, edges):
    x, w = rule(edges)
    values = family.evaluate(x.ravel(), degree)
    masses = (values**2 * w.ravel()[:, None]).reshape(*x.shape, -1).sum(axis=1)
    u = np.concatenate([np.linspace(0.003, 0.997, 41), [1e-9, 1 - 1e-9]])
    for j in range(degree + 1):
        expected = np.concatenate([[0.0], np.cumsum(masses[:, j])])
        np.testing.assert_allclose(family.induced_cdf(edges, j), expected, atol=1e-12)
        points = family.induced_quantile(u, j)
        assert ((points >= edges[0]) & (points <= edges[-1])).all()
        np.testing.assert_allclose(family.induced_cdf(points, j), u, atol=1e-11)
    degrees = np.arange(u.size) % (degree + 1)
    mixed = family.induced_quantile(u, degrees)
    single = [family.induced_quantile([v], int(j))[0] for v, j in zip(u, degrees, strict=True)]
    np.testing.assert_array_equal(mixed, single)


@pytest.mark.parametrize("m", [1, 3, 21])
def test_check_02_fourier_christoffel_is_m(m):
    x = np.linspace(0.0, 1.0, 57)
    k = Fourier(Uniform(0.0, 1.0)).christoffel(x, m - 1)
    np.testing.assert_allclose(k, m, rtol=1e-12)


def test_step_functions_and_full_levels_of_haar_span_the_same_space():
    mu = Uniform(0.0, 1.0)
    x = (np.arange(64) + 0.5) / 64
    haar = Haar(mu).evaluate(x, 7)
    steps = PiecewiseLegendre(mu, 8).evaluate(x, 7)
    np.testing.assert_allclose(haar @ haar.T, steps @ steps.T, atol=1e-12)


def test_splines_without_breaks_are_the_polynomials():
    mu = Uniform(-1.0, 2.0)
    x = np.linspace(-1.0, 2.0, 11)
    spline = BSplines(mu, 1, degree=4).evaluate(x, 4)
    legendre = mu.orthonormal_family().evaluate(x, 4)
    np.testing.assert_allclose(spline @ spline.T, legendre @ legendre.T, atol=1e-11)


def test_families_in_a_tensor_basis():
    mu = Product([Uniform(0.0, 1.0), Uniform(-1.0, 1.0), Uniform(0.0, 1.0)])
    cells = PiecewiseLegendre(mu.marginals[2], 2)
    families = [Fourier(mu.marginals[0]), mu.marginals[1].orthonormal_family(), cells]
    basis = TensorBasis(mu, tensor_product(3, [2, 2, 1]), families=families)
    nodes = [rule(np.linspace(*measure.support[0], 9)) for measure in mu.marginals]
    grid = np.stack(np.meshgrid(*[x.ravel()[::4] for x, _ in nodes], indexing="ij"), axis=-1)
    x = grid.reshape(-1, 3)
    tables = [
        f.evaluate(x[:, l], d) for l, (f, d) in enumerate(zip(families, (2, 2, 1), strict=True))
    ]
    expected = np.stack(
        [
            np.prod([t[:, a] for t, a in zip(tables, index, strict=True)], axis=0)
            for index in basis.indices
        ],
        axis=1,
    )
    np.testing.assert_allclose(basis.evaluate(x), expected, atol=1e-13)
    step = 1e-6
    for l in range(3):
        move = step * np.eye(3)[l]
        difference = (basis.evaluate(x + move) - basis.evaluate(x - move)) / (2 * step)
        np.testing.assert_allclose(basis.gradient(x)[:, :, l], difference, atol=1e-6)


def test_fourier_draws_are_uniform():
    """The optimal measure of an odd Fourier space is uniform: Kolmogorov's test at level 1e-4.

    The companion draws from one squared sine, which is not.
    """
    mu = Uniform(0.0, 1.0)
    family = Fourier(mu)
    basis = TensorBasis(mu, 6, families=[family])
    x = basis.induced_sample(4000, rng=8)[:, 0]
    assert stats.kstest(x, "uniform").pvalue > 1e-4
    wrong = family.induced_quantile(mu.sample(4000, rng=8)[:, 0], 2)
    assert stats.kstest(wrong, "uniform").pvalue < 1e-8


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: BSplines(Uniform(), 0), "breaks: got 0"),
        (lambda: BSplines(Uniform(), [0.5, 0.2]), "breaks"),
        (lambda: BSplines(Uniform(), [2.0]), "breaks"),
        (lambda: PiecewiseLegendre(Uniform(), 0), "cells: got 0"),
        (lambda: PiecewiseLegendre(Uniform(), 2).evaluate([0.0], 2), "at most 1"),
        (lambda: PiecewiseLegendre(Uniform(), 2).induced_cdf([0.0], 2), "at most 1"),
        (lambda: BSplines(Uniform(), 2).induced_quantile([0.5], 9), "at most 4"),
    ],
)
def test_bad_values_are_named(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()


@pytest.mark.parametrize("family", [Fourier, Haar, lambda mu: BSplines(mu, 2)])
def test_other_measures_are_refused(family):
    with pytest.raises(ArgumentTypeError, match="expected a Uniform measure"):
        family(Gaussian())
