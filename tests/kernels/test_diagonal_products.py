"""Products with diagonals against NumPy, for every type, on rows with memory behind them."""

from __future__ import annotations

import numpy as np
import pytest

from rnla.kernels import diagonal_products

TYPES = (np.float32, np.float64, np.complex64, np.complex128)
SHAPES = [(1, 1), (1, 7), (3, 64), (5, 33)]
GAP = 3


def rows(dtype, count, shape):
    rng = np.random.default_rng(shape[1])
    numbers = rng.standard_normal((count, *shape))
    if np.dtype(dtype).kind == "c":
        numbers = numbers + 1j * rng.standard_normal((count, *shape))
    return numbers.astype(dtype)


def padded(a):
    """The same rows with memory behind each, of which nothing may be read or written."""
    return np.pad(a, ((0, 0), (0, GAP)), constant_values=np.nan)


def close(found, expected):
    atol = 1e-4 if found.real.dtype == np.float32 else 1e-13
    np.testing.assert_allclose(found, expected, rtol=0, atol=atol)


def unpadded(v):
    assert np.isnan(v[:, -GAP:]).all()
    return v[:, :-GAP]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_products_of_rows(dtype, shape):
    a, b, c = rows(dtype, 3, shape)
    v = padded(c)
    diagonal_products.multiply(a, b, v)
    close(unpadded(v), a * b)
    for one, start in ((diagonal_products.set_product, 0), (diagonal_products.add_product, c)):
        out = c.copy()
        one(a, padded(b), out)
        close(out, start + a.conj() * b)
    v = padded(b)
    diagonal_products.scale(np.abs(a), v)
    close(unpadded(v), np.abs(a) * b)
    out = np.full((shape[1], shape[0] + 1), np.nan, dtype=dtype)
    diagonal_products.transpose(a, 0, 1, out)
    diagonal_products.transpose(a, 1, shape[0], out)
    np.testing.assert_array_equal(out[:, :-1], a.T)
    assert np.isnan(out[:, -1]).all()


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("n", [1, 10, 29, 35])
@pytest.mark.parametrize("real", [False, True])
def test_strips_of_a_grid_that_is_not_full(dtype, n, real):
    """n numbers in a grid of 5 x 7."""
    a, x, start = rows(dtype, 3, (1, n))[:, 0]
    a = a.real.copy() if real else a
    v = padded(rows(dtype, 1, (5, 7))[0])
    for first, last in ((0, 3), (3, 7)):
        diagonal_products.multiply_strip(a, x, 7, first, last, v)
    grid = unpadded(v).ravel()
    close(grid[:n], a * x)
    assert not grid[n:].any()
    (v,) = rows(dtype, 1, (5, 7))
    out = start.copy()
    for first, last in ((0, 2), (2, 7)):
        diagonal_products.add_strip(a, padded(v), 7, first, last, out)
    close(out, start + a.conj() * v.ravel()[:n])


@pytest.mark.parametrize("dtype", TYPES[2:])
@pytest.mark.parametrize("columns", [1, 4, 11])
@pytest.mark.parametrize("conjugate", [False, True])
def test_twiddles_are_products_of_two(dtype, columns, conjugate):
    (low,), (high,) = rows(dtype, 1, (3, 4)), rows(dtype, 1, (3, -(-columns // 4)))
    (start,) = rows(dtype, 1, (3, columns))
    v = padded(start)
    diagonal_products.twiddle(low, high, columns, v, conjugate)
    factor = (high[:, :, None] * low[:, None, :]).reshape(3, -1)[:, :columns]
    close(unpadded(v), start * (factor.conj() if conjugate else factor))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_sums_and_residuals_of_a_sweep(dtype, shape):
    y, d, v, top = rows(dtype, 4, shape)
    below = np.abs(top)
    tolerance = 1e-5 if y.real.dtype == np.float32 else 1e-13
    above, under = top.copy(), below.copy()
    cost = diagonal_products.add_gain_sums(y, d, padded(v), above, under)
    assert cost == pytest.approx(np.sum(np.abs(y - d * v) ** 2), rel=tolerance)
    close(above, top + v.conj() * y)
    close(under, below + np.abs(v) ** 2)
    left = padded(v)
    diagonal_products.als_residual(y, d, left)
    close(unpadded(left), d.conj() * (y - d * v))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_non_finite_numbers_are_not_lost(bad):
    one = np.ones((1, 9), dtype=complex)
    broken = one.copy()
    broken[0, 4] = bad
    sums = np.zeros((1, 9), dtype=complex), np.zeros((1, 9))
    assert not np.isfinite(diagonal_products.add_gain_sums(broken, one, one, *sums))
    out = np.zeros((1, 9), dtype=complex)
    diagonal_products.add_product(one, broken, out)
    assert np.isfinite(out).sum() == 8
