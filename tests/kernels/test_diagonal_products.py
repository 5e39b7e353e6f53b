"""Products with diagonals against NumPy, for every type and odd lengths."""

from __future__ import annotations

import numpy as np
import pytest

from rnla.kernels import diagonal_products

TYPES = (np.float32, np.float64, np.complex64, np.complex128)


def vectors(dtype, count, n):
    rng = np.random.default_rng(n)
    numbers = rng.standard_normal((count, n))
    if np.dtype(dtype).kind == "c":
        numbers = numbers + 1j * rng.standard_normal((count, n))
    return numbers.astype(dtype)


def close(found, expected):
    atol = 1e-4 if found.real.dtype == np.float32 else 1e-13
    np.testing.assert_allclose(found, expected, rtol=0, atol=atol)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("n", [1, 7, 64, 1021])
def test_matches_numpy(dtype, n):
    a, b, start = vectors(dtype, 3, n)
    out = np.full(n + 3, np.nan, dtype=dtype)
    diagonal_products.multiply_padded(a, b, out)
    close(out[:n], a * b)
    assert not out[n:].any()
    out = start.copy()
    diagonal_products.add_product(a, b, out)
    close(out, start + a.conj() * b)
    for weights in (None, np.abs(b)):
        total = np.ones(n, dtype=a.real.dtype)
        diagonal_products.squares(a, weights, total)
        close(total, 1 + (1 if weights is None else weights) * np.abs(a) ** 2)


@pytest.mark.parametrize("dtype", TYPES)
def test_real_signs_meet_complex_numbers(dtype):
    (v,) = vectors(dtype, 1, 33)
    signs = np.where(np.arange(33) % 3, 1, -1).astype(v.real.dtype)
    out = np.ones(40, dtype=dtype)
    diagonal_products.multiply_padded(signs, v, out)
    close(out[:33], signs * v)
    total = np.zeros(33, dtype=dtype)
    diagonal_products.add_product(signs, v, total)
    close(total, signs * v)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("n", [1, 7, 1021])
def test_cost_and_residual_of_a_sweep(dtype, n):
    y, v, d = vectors(dtype, 3, n)
    tolerance = 1e-5 if y.real.dtype == np.float32 else 1e-13
    found = diagonal_products.als_cost(y, v, d)
    assert found == pytest.approx(np.sum(np.abs(y - d * v) ** 2), rel=tolerance)
    expected = d.conj() * (y - d * v)
    diagonal_products.als_residual(y, v, d)
    close(v, expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_non_finite_numbers_are_not_lost(bad):
    one = np.ones(9, dtype=complex)
    broken = one.copy()
    broken[4] = bad
    assert not np.isfinite(diagonal_products.als_cost(broken, one, one))
    out = np.zeros(9, dtype=complex)
    diagonal_products.add_product(one, broken, out)
    assert np.isfinite(out).sum() == 8
