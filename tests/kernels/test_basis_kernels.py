"""Kernels under orthonormal bases against plain NumPy loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnla.kernels import gather_product, induced_cdf, three_term


def coefficients(seed, p):
    rng = np.random.default_rng(seed)
    return rng.normal(size=p), np.concatenate([[1.0], rng.uniform(0.5, 2.0, p)])


def plain_recurrence(x, a, b):
    rows = [np.ones_like(x)]
    for j in range(a.size):
        before = b[j] * rows[j - 1] if j else 0.0
        rows.append(((x - a[j]) * rows[j] - before) / b[j + 1])
    return np.array(rows).T


@given(seed=st.integers(0, 10**6), p=st.integers(0, 30), n=st.integers(0, 9))
def test_property_three_forms_of_the_recurrence_agree(seed, p, n):
    a, b = coefficients(seed, p)
    x = np.random.default_rng(seed).normal(size=n)
    expected = plain_recurrence(x, a, b)
    got = three_term.evaluate(x, a, b)
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)
    mantissas, exponents = three_term.evaluate_scaled(x, a, b)
    np.testing.assert_allclose(np.ldexp(mantissas, exponents), expected, rtol=1e-9, atol=1e-9)
    values, slopes = three_term.derivatives(x, a, b)
    np.testing.assert_array_equal(values, got)
    exact = np.zeros_like(slopes)
    for j in range(p):
        before = b[j] * exact[:, j - 1] if j else 0.0
        exact[:, j + 1] = (expected[:, j] + (x - a[j]) * exact[:, j] - before) / b[j + 1]
    np.testing.assert_allclose(
        slopes, exact, rtol=1e-8, atol=1e-8 * (1 + np.abs(exact).max(initial=0))
    )


def test_scaled_recurrence_far_outside_and_far_below():
    b = np.ones(200)
    huge, powers = three_term.evaluate_scaled(np.array([1e300]), np.zeros(199), b)
    assert np.isfinite(huge).all()
    assert powers[0, -1] > 150_000
    wide = np.concatenate([[1.0], np.full(199, 1e10)])
    small, powers = three_term.evaluate_scaled(np.array([1.0]), np.full(199, 1.0 - 1e-3), wide)
    assert np.isfinite(small).all()


@given(seed=st.integers(0, 10**6), n=st.integers(1, 6), m=st.integers(1, 12))
def test_property_gathered_products(seed, n, m):
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(n, 7))
    lists = [rng.integers(0, 7, rng.integers(0, 4)) for _ in range(m)]
    starts = np.concatenate([[0], np.cumsum([len(entry) for entry in lists])]).astype(np.int64)
    columns = np.concatenate(lists).astype(np.int64)
    expected = np.stack([table[:, entry].prod(axis=1) for entry in lists], axis=1)
    got = gather_product.gather_product(table, starts, columns)
    np.testing.assert_allclose(got, expected, rtol=1e-14)
    # The same values under exponents that would overflow, common to all tables.
    exponents = np.zeros(table.shape, dtype=np.int64)
    rows = gather_product.gather_product_scaled(table, exponents, starts, columns)
    lengths = np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(rows, expected / lengths, rtol=1e-12)


def test_gathered_rows_with_exponents_beyond_any_float():
    table = np.array([[1.0, 3.0, 4.0], [0.0, 0.0, 0.0]])
    exponents = np.array([[0, 50_000, 50_000], [0, 0, 0]])
    starts, columns = np.array([0, 1, 2, 3]), np.array([0, 1, 2])
    rows = gather_product.gather_product_scaled(table, exponents, starts, columns)
    np.testing.assert_allclose(rows, [[0.0, 0.6, 0.8], [0.0, 0.0, 0.0]])


def test_induced_distribution_of_degree_one_by_hand():
    """phi_1 = sqrt(3) x under dx / 2: F_1(x) = (1 + x^3) / 2."""
    t = np.linspace(-1.0, 1.0, 9)
    with np.errstate(divide="ignore"):
        flux = np.log(0.5 * (1 - t * t))
    j = np.arange(4.0)
    cdf, log_square = induced_cdf.induced_cdf(
        t,
        flux,
        (1 + t) / 2,
        np.ones(9, dtype=np.int64),
        np.zeros(2),
        np.concatenate([[1.0], j[1:3] / np.sqrt(4 * j[1:3] ** 2 - 1)]),
        j[:3] * (j[:3] + 1),
    )
    np.testing.assert_allclose(cdf, (1 + t**3) / 2, atol=1e-15)
    inner = t != 0.0
    np.testing.assert_allclose(np.exp(log_square[inner]), 3 * t[inner] ** 2, rtol=1e-13)
    assert log_square[4] == -np.inf


@pytest.mark.parametrize("n", [0, 1])
def test_empty_and_single_inputs(n):
    assert three_term.evaluate(np.ones(n), np.empty(0), np.ones(1)).shape == (n, 1)
