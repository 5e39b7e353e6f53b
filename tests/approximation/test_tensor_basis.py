"""Tensor bases against the plain product of one-dimensional values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnla import ArgumentError, ArgumentTypeError
from rnla.approximation import (
    Exponential,
    Gaussian,
    Product,
    TensorBasis,
    Uniform,
    hyperbolic_cross,
    tensor_product,
    total_degree,
    volume_design,
)

MIXED = Product([Uniform(0, 1), Gaussian(), Exponential()])


def plain_values(basis, x):
    """Plain reference: the product over every coordinate, index by index."""
    out = np.ones((len(x), basis.dimension))
    for r, index in enumerate(basis.indices):
        for l, degree in enumerate(index):
            out[:, r] *= basis.families[l].evaluate(x[:, l], int(degree))[:, degree]
    return out


@given(seed=st.integers(0, 10**6), p=st.integers(0, 5), kind=st.sampled_from(["td", "hc", "list"]))
def test_property_features_are_products(seed, p, kind):
    rng = np.random.default_rng(seed)
    if kind == "list":
        indices = np.unique(rng.integers(0, 6, (p + 1, 3)), axis=0)
        rng.shuffle(indices)
    else:
        indices = total_degree(3, p) if kind == "td" else hyperbolic_cross(3, p)
    basis = TensorBasis(MIXED, indices)
    x = MIXED.sample(7, rng=seed)
    expected = plain_values(basis, x)
    np.testing.assert_allclose(basis.evaluate(x), expected, rtol=1e-12, atol=1e-12)
    k = (expected**2).sum(axis=1)
    np.testing.assert_allclose(basis.christoffel(x), k, rtol=1e-12)
    np.testing.assert_allclose(
        basis.evaluate_normalised(x), expected / np.sqrt(k)[:, None], atol=1e-12
    )


def test_gradient_against_differences():
    basis = TensorBasis(MIXED, total_degree(3, 4))
    x = MIXED.sample(5, rng=3)
    gradient = basis.gradient(x)
    assert gradient.shape == (5, basis.dimension, 3)
    step = 1e-6
    for l in range(3):
        move = step * np.eye(3)[l]
        difference = (basis.evaluate(x + move) - basis.evaluate(x - move)) / (2 * step)
        np.testing.assert_allclose(gradient[:, :, l], difference, rtol=1e-5, atol=1e-5)


def test_normalised_rows_where_every_factor_overflows():
    d = 5
    basis = TensorBasis(Product([Gaussian()] * d), total_degree(d, 12))
    x = np.array([[1e40] * d, [1e40, 0.0, 0.0, 0.0, -1e40], [0.0] * d])
    rows = basis.evaluate_normalised(x)
    assert np.isfinite(rows).all()
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0)
    # Far out the leading forms remain: x^alpha / sqrt(alpha!) over total degree 12.
    from scipy.special import gammaln

    top = basis.indices.sum(axis=1) == 12
    leading = np.exp(-0.5 * gammaln(basis.indices[top] + 1.0).sum(axis=1))
    np.testing.assert_allclose(rows[0, top], leading / np.linalg.norm(leading), rtol=1e-12)


def test_an_integer_means_total_degree():
    a, b = TensorBasis(MIXED, 3), TensorBasis(MIXED, total_degree(3, 3))
    np.testing.assert_array_equal(a.indices, b.indices)
    assert len(a) == a.dimension == 20
    assert a.is_downward_closed
    assert not TensorBasis(Uniform(), [[0], [2]]).is_downward_closed


def test_points_of_one_dimension_may_be_a_vector():
    basis = TensorBasis(Uniform(), 3)
    x = np.linspace(-1, 1, 4)
    np.testing.assert_array_equal(basis.evaluate(x), basis.evaluate(x[:, None]))


def test_inputs_are_not_modified_and_the_index_set_is_frozen():
    x = np.full((2, 2), 0.5)
    basis = TensorBasis(Product([Uniform()] * 2), tensor_product(2, 2))
    basis.evaluate_normalised(x)
    basis.gradient(x)
    np.testing.assert_array_equal(x, 0.5)
    with pytest.raises(ValueError, match="read-only"):
        basis.indices[0, 0] = 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: TensorBasis(MIXED, total_degree(2, 2)), "2 columns; expected 3"),
        (lambda: TensorBasis(MIXED, 2).evaluate(np.ones((4, 2))), r"shape \(4, 2\)"),
        (lambda: TensorBasis(MIXED, 2).evaluate([[0.0, np.inf, 1.0]]), "inf in row 0"),
        (lambda: TensorBasis(MIXED, 2, families=[]), "families: got 0"),
        (
            lambda: TensorBasis(Uniform(), 2, families=[Gaussian().orthonormal_family()]),
            "orthonormal for Uniform",
        ),
        (lambda: TensorBasis(MIXED, 2).induced_sample(0), "n: got 0"),
    ],
)
def test_bad_values_are_named(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: TensorBasis("uniform", 2),
        lambda: TensorBasis(Uniform(), 2, families=["legendre"]),
        lambda: TensorBasis(Uniform(), 2, families=Uniform().orthonormal_family()),
        lambda: TensorBasis(Uniform(), 2, families=3),
        lambda: TensorBasis(Uniform(), 2).evaluate(np.ma.masked_array([[0.0], [9.0]], [[0], [1]])),
        lambda: TensorBasis(Uniform(), 2).evaluate(np.array([[0.5 + 1j]])),
        lambda: TensorBasis(Uniform(), 2).evaluate([["0.5"]]),
        lambda: TensorBasis(Uniform(), [[0.5]]),
        lambda: Product([Uniform(), 3]),
        lambda: Product(3),
    ],
)
def test_bad_types_are_named(call):
    with pytest.raises(ArgumentTypeError):
        call()


@pytest.mark.parametrize("measure", [Exponential(), Gaussian()])
def test_values_that_overflow_are_infinite_not_nan(measure):
    basis = TensorBasis(measure, 400)
    x = np.array([[0.5], [2000.0], [1e4]])
    values = basis.evaluate(x)
    assert not np.isnan(values).any()
    assert np.isinf(values[1:]).any(axis=1).all()
    # Up to where they overflow they are right.
    small = TensorBasis(measure, 60).evaluate(x)
    np.testing.assert_allclose(values[:, :61], small, rtol=1e-12)
    k = basis.christoffel(x)
    assert np.isfinite(k[0])
    assert np.isinf(k[1:]).all()
    assert not np.isnan(
        TensorBasis(Product([measure, measure]), [[0, 0], [400, 0], [400, 400]]).christoffel(
            [[900.0, 0.5], [900.0, 900.0]]
        )
    ).any()


@pytest.mark.parametrize("measure", [Exponential(), Gaussian()])
@pytest.mark.parametrize("reference", ["christoffel", "mixed"])
def test_designs_reach_where_functions_overflow(measure, reference):
    basis = TensorBasis(measure, 400)
    design = volume_design(basis, 500, reference=reference, rng=0)
    k = basis.christoffel(design.points)
    assert np.isinf(k).any()
    assert design.lambda_min > 0.0
    coefficients = 0.5 ** np.arange(401.0)
    with np.errstate(invalid="ignore"):
        values = basis.evaluate(design.points) @ coefficients
    assert np.isfinite(values).sum() > 300
