"""Orthonormal bases at CuPy points: the values of the host, on the GPU."""

from __future__ import annotations

import numpy as np
import pytest

import rnla
from rnla.approximation import (
    Fourier,
    Gamma,
    Gaussian,
    OrthogonalPolynomials,
    Product,
    TensorBasis,
    Uniform,
    tensor_product,
    total_degree,
)

from .backends import Backend, host

pytestmark = pytest.mark.usefixtures("cupy")
DEVICE = Backend("device")
BASES = {
    "Legendre": TensorBasis(Uniform(), 6),
    "constant": TensorBasis(Uniform(2.0, 5.0), 0),
    "Hermite": TensorBasis(Gaussian(1.0, 2.0), 9),
    "products": TensorBasis(Product([Uniform(), Gaussian(), Gamma(2.0)]), total_degree(3, 4)),
    "boxes": TensorBasis(Product([Uniform(), Uniform()]), tensor_product(2, 2)),
}


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_values_and_christoffel_functions(name, dtype):
    """Values to the last bit; sums of squares and lengths to rounding."""
    basis = BASES[name]
    d = basis.measure.dimension
    for n in (0, 1, 65):
        x = np.random.default_rng(0).uniform(0.0, 3.0, (n, d)).astype(dtype)
        there = DEVICE.put(x)
        values = basis.evaluate(there)
        assert DEVICE.is_home_of(values)
        np.testing.assert_array_equal(host(values), basis.evaluate(x))
        for function in (basis.christoffel, basis.evaluate_normalised):
            found = function(there)
            assert DEVICE.is_home_of(found)
            np.testing.assert_allclose(host(found), function(x), rtol=1e-13, atol=1e-15)


def test_points_on_the_line_may_be_a_vector():
    x = np.linspace(-1.0, 1.0, 9)
    basis, family = BASES["Legendre"], OrthogonalPolynomials(Uniform())
    np.testing.assert_array_equal(host(basis.evaluate(DEVICE.put(x))), basis.evaluate(x))
    for function in (family.evaluate, family.derivative):
        np.testing.assert_array_equal(host(function(DEVICE.put(x), 5)), function(x, 5))
    for function in (family.christoffel, family.evaluate_normalised):
        np.testing.assert_allclose(host(function(DEVICE.put(x), 5)), function(x, 5), rtol=1e-13)


def test_far_outside_nothing_is_lost():
    """Where the recurrence overflows and a value does not, and where the value does."""
    basis = TensorBasis(Gaussian(), 60)
    x = np.array([0.5, 1e4, -3e5, 1e200, 7.0])
    np.testing.assert_array_equal(host(basis.evaluate(DEVICE.put(x))), basis.evaluate(x))
    np.testing.assert_allclose(
        host(basis.evaluate_normalised(DEVICE.put(x))), basis.evaluate_normalised(x), rtol=1e-12
    )
    k = host(basis.christoffel(DEVICE.put(x)))
    np.testing.assert_allclose(k, basis.christoffel(x), rtol=1e-12)
    assert np.isinf(k[3])


def test_only_the_recurrence_travels(cupy):
    x = DEVICE.put(np.linspace(-1.0, 1.0, 5000))
    cupy.copies.clear()
    BASES["Legendre"].christoffel(x)
    assert cupy.copies["to host"] <= 8
    assert cupy.copies["to device"] <= 100


@pytest.mark.parametrize(
    ("x", "match"),
    [
        (np.array([0.0, np.nan, 1.0]), "nan in row 1"),
        (np.zeros((4, 2)), r"shape \(4, 2\)"),
        (np.array([1.0 + 1.0j]), "dtype complex128"),
    ],
)
def test_bad_points(x, match):
    with pytest.raises((rnla.ArgumentError, rnla.ArgumentTypeError), match=match):
        BASES["Legendre"].evaluate(DEVICE.put(x))


REFUSED = {
    "Fourier": lambda x: TensorBasis(
        Uniform(0.0, 1.0), 4, families=[Fourier(Uniform(0.0, 1.0))]).evaluate(x),
    "gradient": lambda x: BASES["Legendre"].gradient(x),
    "pdf": lambda x: Uniform().pdf(x),
    "cdf": lambda x: Uniform().cdf(x),
    "induced cdf": lambda x: OrthogonalPolynomials(Uniform()).induced_cdf(x, 2),
    "induced quantile": lambda x: OrthogonalPolynomials(Uniform()).induced_quantile(x, 2),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_needs_the_host_says_how_to_convert(name):
    x = np.array([0.25, 0.5])
    REFUSED[name](x)
    with pytest.raises(rnla.ArgumentTypeError, match=r"GPU.*cupy\.asnumpy\("):
        REFUSED[name](DEVICE.put(x))
