"""Sobol indices: closed forms, identities, quadrature, and any family of functions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnla
from rnla.approximation import (
    BSplines,
    Discrete,
    Fourier,
    Gaussian,
    Haar,
    NumericalBasis,
    PiecewiseLegendre,
    Product,
    TensorBasis,
    Uniform,
    sobol_indices,
    tensor_product,
    total_degree,
)
from rnla.approximation.sobol import without_mean

UNIT = Uniform(0.0, 1.0)


def projection(basis, function, nodes=24):
    """Coefficients of a product-space projection by a tensor Gauss rule."""
    rules = [marginal.orthonormal_family().gauss(nodes) for marginal in basis.measure.marginals]
    points = np.array(list(itertools.product(*(x for x, _ in rules))))
    weights = np.prod(list(itertools.product(*(w for _, w in rules))), axis=1)
    return basis.evaluate(points).T @ (weights * function(points))


def test_g_function_has_its_closed_form():
    # |4 x - 2| is orthogonal to all Legendre polynomials of odd degree, and local polynomials of
    # degree 1 on two cells hold it exactly.
    a = np.array([0.0, 1.0, 4.5])
    family = PiecewiseLegendre(UNIT, 2, degree=1)
    basis = TensorBasis(Product([UNIT] * 3), tensor_product(3, 3), families=[family] * 3)
    points = np.random.default_rng(0).random((2000, 3))
    values = np.prod((np.abs(4.0 * points - 2.0) + a) / (1.0 + a), axis=1)
    coefficients = np.linalg.lstsq(basis.evaluate(points), values, rcond=None)[0]
    sobol = sobol_indices(basis, coefficients)
    parts = 1.0 / (3.0 * (1.0 + a) ** 2)
    variance = np.prod(1.0 + parts) - 1.0
    assert sobol.variance == pytest.approx(variance, rel=1e-10)
    np.testing.assert_allclose(sobol.first_order, parts / variance, rtol=1e-10)
    for size in (1, 2, 3):
        for subset in itertools.combinations(range(3), size):
            expected = np.prod(parts[list(subset)]) / variance
            assert sobol.index(subset) == pytest.approx(expected, rel=1e-9)
    rest = np.array([np.prod(np.delete(1.0 + parts, l)) for l in range(3)])
    np.testing.assert_allclose(sobol.total, parts * rest / variance, rtol=1e-9)


def test_ishigami_has_its_closed_form():
    a, b = 7.0, 0.1
    measure = Product([Uniform(-math.pi, math.pi)] * 3)

    def ishigami(x):
        return np.sin(x[:, 0]) * (1.0 + b * x[:, 2] ** 4) + a * np.sin(x[:, 1]) ** 2

    basis = TensorBasis(measure, tensor_product(3, [17, 20, 4]))
    sobol = sobol_indices(basis, projection(basis, ishigami))
    first = 0.5 * (1.0 + b * math.pi**4 / 5.0) ** 2
    second, both = a**2 / 8.0, b**2 * math.pi**8 * 8.0 / 225.0
    variance = first + second + both
    assert sobol.variance == pytest.approx(variance, rel=1e-8)
    expected = np.array([first, second, 0.0]) / variance
    np.testing.assert_allclose(sobol.first_order, expected, rtol=1e-8, atol=1e-12)
    assert sobol.index((0, 2)) == pytest.approx(both / variance, rel=1e-8)
    assert sobol.total_of(2) == pytest.approx(both / variance, rel=1e-8)
    assert sobol.closed((0, 2)) == pytest.approx((first + both) / variance, rel=1e-8)
    assert max(sobol.interactions(2), key=sobol.interactions(2).get) == (0, 2)
    assert sobol.mean_dimension == pytest.approx(1.0 + both / variance, rel=1e-8)


def families_of(name):
    return {
        "polynomials": (UNIT.orthonormal_family(), 5),
        "fourier": (Fourier(UNIT), 4),
        "haar": (Haar(UNIT), 7),
        "local": (PiecewiseLegendre(UNIT, 3, degree=1), 5),
        "part of local": (PiecewiseLegendre(UNIT, 3, degree=1), 3),
        "splines": (BSplines(UNIT, 3, degree=2), 4),
    }[name]


@settings(max_examples=40, deadline=None)
@given(
    names=st.lists(
        st.sampled_from(["polynomials", "haar", "local", "part of local", "splines"]),
        min_size=1,
        max_size=3,
    ),
    outputs=st.integers(0, 2),
    share=st.floats(0.2, 1.0),
    imaginary=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_shares_are_those_of_conditional_means(names, outputs, share, imaginary, seed):
    """For any families and index set: Var E[f | x_u] / Var f by exact quadrature."""
    generator = np.random.default_rng(seed)
    chosen = [families_of(name) for name in names]
    d = len(chosen)
    box = tensor_product(d, [degree for _, degree in chosen])
    kept = np.flatnonzero(generator.random(len(box)) < share)
    indices = box[kept] if kept.size else box[:1]
    basis = TensorBasis(Product([UNIT] * d), indices, families=[family for family, _ in chosen])
    shape = (basis.dimension, outputs) if outputs else (basis.dimension,)
    coefficients = generator.standard_normal(shape)
    if imaginary:
        coefficients = coefficients + 1j * generator.standard_normal(shape)
    sobol = sobol_indices(basis, coefficients)
    # 3 nodes in 24 equal cells integrate the squares of all these pieces of degree 2 exactly;
    # polynomials of degree 5 need 6 in one.
    x, w = UNIT.orthonormal_family().gauss(6)
    cells = 24
    line = ((np.arange(cells)[:, None] + x) / cells).ravel()
    mass = np.tile(w / cells, cells)
    tables = [family.evaluate(line, degree) for family, degree in chosen]
    means = [mass @ table for table in tables]
    variance = _variance_of_closed(basis.indices, coefficients, tables, means, mass, range(d))
    np.testing.assert_allclose(sobol.variance, variance, rtol=1e-9, atol=1e-12)
    scale = np.maximum(variance, 1e-12)
    for size in range(1, d + 1):
        for subset in itertools.combinations(range(d), size):
            closed = _variance_of_closed(basis.indices, coefficients, tables, means, mass, subset)
            got = np.nan_to_num(np.asarray(sobol.closed(subset)))
            np.testing.assert_allclose(got * variance / scale, closed / scale, atol=1e-8)


def _variance_of_closed(indices, coefficients, tables, means, mass, subset):
    """Variance of E[f | x_u] from Gram matrices by quadrature, without orthonormality."""
    m, d = indices.shape
    gram = np.ones((m, m))
    rank_one = np.ones(m)
    for l in range(d):
        mean = means[l][indices[:, l]]
        rank_one = rank_one * mean
        if l in subset:
            table = tables[l][:, indices[:, l]]
            gram = gram * (table.T @ (mass[:, None] * table))
        else:
            gram = gram * np.outer(mean, mean)
    gram -= np.outer(rank_one, rank_one)
    return np.einsum("i...,ij,j...->...", coefficients.conj(), gram, coefficients).real


@settings(max_examples=40, deadline=None)
@given(d=st.integers(1, 4), degree=st.integers(0, 4), seed=st.integers(0, 2**32 - 1))
def test_shares_sum_to_one_and_totals_are_sums_over_subsets(d, degree, seed):
    basis = TensorBasis(Product([Gaussian()] * d), total_degree(d, degree))
    coefficients = np.random.default_rng(seed).standard_normal((basis.dimension, 2))
    sobol = sobol_indices(basis, coefficients)
    everything = [u for size in range(1, d + 1) for u in itertools.combinations(range(d), size)]
    shares = np.array([sobol.index(u) for u in everything])
    if degree == 0:
        assert np.isnan(shares).all()
        assert (sobol.variance == 0.0).all()
        return
    np.testing.assert_allclose(shares.sum(axis=0), 1.0, rtol=1e-12)
    np.testing.assert_allclose(sobol.closed(range(d)), 1.0, rtol=1e-12)
    for l in range(d):
        holding = sum(share for u, share in zip(everything, shares, strict=True) if l in u)
        np.testing.assert_allclose(sobol.total[l], holding, rtol=1e-12)
        rest = [k for k in range(d) if k != l]
        if rest:
            np.testing.assert_allclose(sobol.total[l], 1.0 - sobol.closed(rest), atol=1e-12)
    assert (sobol.first_order <= sobol.total * (1 + 1e-12)).all()
    pairs = sobol.interactions(2)
    assert set(pairs) <= set(everything)
    for u, share in pairs.items():
        np.testing.assert_array_equal(share, sobol.index(u))


def test_outputs_are_columns_and_one_output_is_plain_numbers():
    basis = TensorBasis(Product([UNIT] * 2), 2)
    coefficients = np.random.default_rng(0).standard_normal((6, 3))
    both = sobol_indices(basis, coefficients)
    assert both.first_order.shape == both.total.shape == (2, 3)
    for k in range(3):
        one = sobol_indices(basis, coefficients[:, k])
        np.testing.assert_allclose(one.total, both.total[:, k], rtol=1e-14)
        assert isinstance(one.variance, float)
        assert isinstance(one.index(0), float)
        assert isinstance(one.mean_dimension, float)


def test_a_large_mean_costs_no_digits_of_the_variance():
    family = BSplines(UNIT, 4)
    basis = TensorBasis(UNIT, range(family.max_degree + 1), families=[family])
    ones = basis.integrals()  # the coefficients of the constant 1
    ripple = np.random.default_rng(0).standard_normal(basis.dimension)
    ripple -= ones * (ones @ ripple)
    large = sobol_indices(basis, 1e6 * ones + ripple)
    assert large.variance == pytest.approx(ripple @ ripple, rel=1e-8)
    # The way that squares and subtracts is left with few digits.
    c = 1e6 * ones + ripple
    assert abs((c @ c) - (ones @ c) ** 2 - ripple @ ripple) > 1e-7 * (ripple @ ripple)


def test_without_mean_is_an_isometry_of_what_is_left():
    generator = np.random.default_rng(0)
    v = generator.standard_normal(5)
    v *= 0.7 / np.linalg.norm(v)
    gram = np.eye(5) - np.outer(v, v)
    C = generator.standard_normal((5, 3))
    D = without_mean(v, C)
    np.testing.assert_allclose(D.T @ D, C.T @ gram @ C, atol=1e-13)
    np.testing.assert_array_equal(without_mean(np.zeros(5), C), C)


def test_a_discrete_measure_is_averaged_exactly():
    mu = Product([Discrete([0.0, 1.0, 2.0, 5.0], [1, 2, 3, 4]), Discrete([-1.0, 1.0])])
    basis = TensorBasis(mu, tensor_product(2, [3, 1]))
    points = np.array(list(itertools.product([0.0, 1.0, 2.0, 5.0], [-1.0, 1.0])))
    values = np.random.default_rng(0).standard_normal(8)
    coefficients = np.linalg.solve(basis.evaluate(points), values)
    sobol = sobol_indices(basis, coefficients)
    table, p = values.reshape(4, 2), np.array([0.1, 0.2, 0.3, 0.4])
    mean = p @ table.mean(axis=1)
    variance = p @ ((table - mean) ** 2).mean(axis=1)
    assert sobol.variance == pytest.approx(variance, rel=1e-12)
    first = [p @ (table.mean(axis=1) - mean) ** 2, np.mean((p @ table - mean) ** 2)]
    np.testing.assert_allclose(sobol.first_order, np.array(first) / variance, rtol=1e-11)


@pytest.mark.parametrize("bad", [2, -1, (0, 0), (), (0, 5)])
def test_bad_subsets_are_refused(bad):
    sobol = sobol_indices(TensorBasis(Product([UNIT] * 2), 1), [0.0, 1.0, 1.0])
    for method in (sobol.index, sobol.closed, sobol.total_of):
        with pytest.raises(rnla.ArgumentError, match=r"^subset: got"):
            method(bad)
    for wrong in ("ab", 0.5, None):
        with pytest.raises(rnla.ArgumentTypeError, match=r"^subset: got"):
            sobol.index(wrong)


def test_bad_bases_and_coefficients_are_refused():
    basis = TensorBasis(UNIT, 2)
    for wrong in (np.ones(2), np.ones((3, 1, 1)), 1.0):
        with pytest.raises(rnla.ArgumentError, match=r"^coefficients: got shape"):
            sobol_indices(basis, wrong)
    features = NumericalBasis(lambda x: np.hstack([x**0, x]), Discrete(np.arange(9.0)))
    with pytest.raises(rnla.ArgumentTypeError, match=r"^basis: got NumericalBasis"):
        sobol_indices(features, np.ones(2))
    with pytest.raises(rnla.ArgumentError, match=r"^order: got 0"):
        sobol_indices(basis, np.ones(3)).interactions(0)


@pytest.mark.parametrize("exponent", [-300, 0, 300])
def test_shares_have_no_units(exponent):
    basis = TensorBasis(Product([UNIT] * 2), 2)
    coefficients = np.array([5.0, 2.0, 1.0, 0.5, 1.0, 0.25])
    plain = sobol_indices(basis, coefficients)
    scaled = sobol_indices(basis, np.ldexp(coefficients, exponent))
    np.testing.assert_array_equal(scaled.total, plain.total)
    assert scaled.variance == plain.variance * 4.0**exponent
    assert np.isinf(sobol_indices(basis, np.ldexp(coefficients, 900)).variance)
