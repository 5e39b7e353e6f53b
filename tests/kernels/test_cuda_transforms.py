"""Hadamard transforms, recurrences and gathered products on the emulated GPU: bits of the CPU."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from rnla.approximation import Gaussian, Uniform
from rnla.kernels import fwht, gather_product, induced_cdf, three_term


@pytest.mark.parametrize("k", [0, 1, 2, 3, 5, 8, 13])
@pytest.mark.parametrize("width", [1, 5, 16])
def test_transforms(gpu, k, width):
    """Sums and differences in the order of the CPU; against the matrix for small orders."""
    x = np.random.default_rng(k).standard_normal((2**k, width))
    found = gpu.put(x)
    fwht.transform(found)
    if k <= 8:
        np.testing.assert_allclose(found, scipy.linalg.hadamard(2**k) @ x, atol=1e-12)
    fwht.transform(x)
    np.testing.assert_array_equal(found, x)
    assert len(gpu.launches) == (
        0 if k == 0 else 1 if k <= 8 else -(-k // (12 if width == 1 else 9))
    )


def test_transforms_of_nothing(gpu):
    fwht.transform(gpu.zeros((8, 0), np.float64))
    assert not gpu.launches


@pytest.mark.parametrize("d", [0, 1, 3])
def test_chosen_rows_of_parts(gpu, d):
    x = np.random.default_rng(0).standard_normal((64, d))
    chosen = np.array([0, 5, 17, 63, 40])
    expected = np.zeros((5, d))
    found = gpu.zeros((5, d), np.float64)
    for offset in range(0, 64, 16):
        part = x[offset : offset + 16].copy()
        there = gpu.put(part)
        fwht.transform(part)
        fwht.add_signed_rows(part, offset, chosen, 0.5, expected)
        fwht.transform(there)
        fwht.add_signed_rows(there, offset, gpu.put(chosen), 0.5, found)
    np.testing.assert_array_equal(found, expected)


def legendre(degree):
    j = np.arange(1, degree + 1)
    return np.zeros(degree), np.concatenate([[0.0], j / np.sqrt(4.0 * j**2 - 1.0)])


@pytest.mark.parametrize("degree", [0, 1, 2, 30])
@pytest.mark.parametrize("count", [0, 1, 600])
def test_recurrences(gpu, degree, count):
    a, b = legendre(degree)
    with np.errstate(divide="ignore"):
        b[0] = 1.0  # unused
    x = np.random.default_rng(1).uniform(-1.2, 1.2, count)
    x[:3] = [1.0, 1e200, -3.0][:count]
    if count > 4:
        x[4] = np.nan
    arrays = [gpu.put(array) for array in (x, a, b)]
    with np.errstate(over="ignore", invalid="ignore"):
        for function in (three_term.evaluate, three_term.evaluate_scaled, three_term.derivatives):
            found, expected = function(*arrays), function(x, a, b)
            if function is three_term.evaluate:
                found, expected = [found], [expected]
            for one, other in zip(found, expected, strict=True):
                np.testing.assert_array_equal(one, other)


def lists(m, width, seed=0):
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 4, m)
    starts = np.concatenate([[0], np.cumsum(counts)])
    return starts, rng.integers(0, max(width, 1), starts[-1])


@pytest.mark.parametrize("points", [0, 1, 70])
@pytest.mark.parametrize("m", [0, 1, 33, 100])
def test_gathered_products(gpu, points, m):
    rng = np.random.default_rng(2)
    table = rng.standard_normal((points, 12))
    starts, columns = lists(m, 12)
    found = gather_product.gather_product(*map(gpu.put, (table, starts, columns)))
    np.testing.assert_array_equal(found, gather_product.gather_product(table, starts, columns))
    exponents = rng.integers(-3000, 3000, (points, 12))
    table[:, 3] = 0.0
    found = gather_product.gather_product_scaled(*map(gpu.put, (table, exponents, starts, columns)))
    expected = gather_product.gather_product_scaled(table, exponents, starts, columns)
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=0.0)


@pytest.mark.parametrize("measure", [Uniform(), Gaussian()], ids=["Legendre", "Hermite"])
@pytest.mark.parametrize("count", [0, 1, 300])
def test_induced_distributions(gpu, measure, count):
    """The CPU's operations; degrees up to 400 let values outgrow floats and exponents come in."""
    degrees = np.random.default_rng(0).integers(0, 401, count)
    t = measure.quantile(np.random.default_rng(1).uniform(0.001, 0.999, count))
    t[:1] = 0.0
    a, b = measure.recurrence(401)
    points = (t, measure._log_flux(t), measure._standard_cdf(t), degrees)
    arguments = (*points, a, b, measure.eigenvalues(402))
    expected = induced_cdf.induced_cdf(*arguments)
    found = induced_cdf.induced_cdf(*(gpu.put(x) for x in arguments))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-12, atol=1e-12)
