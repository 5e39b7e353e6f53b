"""Extended products: exact splitting, leading products without rounding, harmless cancellation."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from rnla.kernels.split_rows import split_csr, split_dense
from rnla.tall import as_tall
from rnla.tall.extended import Extended, leading_bits, significand_bits
from tests.scores.leverage_reference import rotated


def exact_product(A, M, low=None):
    """A (M + low) in rational arithmetic, rounded once."""
    total = [[Fraction(x) for x in row] for row in M]
    if low is not None:
        for j, row in enumerate(low):
            for k, x in enumerate(row):
                total[j][k + M.shape[1] - low.shape[1]] += Fraction(x)
    rows = [[Fraction(x) for x in row] for row in A]
    return np.array(
        [
            [float(sum(a * total[j][k] for j, a in enumerate(row))) for k in range(M.shape[1])]
            for row in rows
        ]
    )


def row_scaled(n, d, seed):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)) * 10.0 ** rng.uniform(-8, 8, (n, 1))


# --- splitting -----------------------------------------------------------------------------------


@pytest.mark.parametrize("d", [1, 2, 3, 64, 65, 1000])
def test_significand_bits_leave_room_for_the_sum(d):
    bits = significand_bits(d)
    assert d * 2 ** (2 * bits) <= 2**53
    assert 4 * d * 2 ** (2 * bits + 2) > 2**53  # and no more room than that


@given(seed=st.integers(0, 10**6), d=st.integers(1, 9), bits=st.integers(15, 26))
def test_rows_split_exactly(seed, d, bits):
    A = row_scaled(12, d, seed)
    A[3] = 0.0
    scale = 2.0 ** np.random.default_rng(seed).integers(-9, 9, d)
    parts = split_dense(A, scale, bits)
    high, low = parts[:, :d], parts[:, d:]
    np.testing.assert_array_equal(high + low, A * scale)
    unit = np.ldexp(1.0, np.frexp(np.abs(A * scale).max(axis=1))[1] - bits)[:, None]
    np.testing.assert_array_equal(high / unit, np.round(high / unit))
    assert np.all(np.abs(low) <= unit / 2)
    assert np.all(np.abs(high) <= unit * 2**bits)
    csr = sp.csr_array(A)
    leading, trailing = split_csr(csr.data, csr.indices, csr.indptr, scale, bits)
    np.testing.assert_array_equal(leading, high[A != 0])
    np.testing.assert_array_equal(trailing, low[A != 0])


@given(seed=st.integers(0, 10**6), d=st.integers(1, 40))
def test_leading_products_add_up_without_rounding(seed, d):
    rng = np.random.default_rng(seed)
    A, M = row_scaled(5, d, seed), rng.standard_normal((d, 4)) * 10.0 ** rng.uniform(-9, 9, 4)
    A1, M1 = leading_bits(A, d, axis=1), leading_bits(M, d, axis=0)
    np.testing.assert_array_equal(A1 @ M1, exact_product(A1, M1))


# --- products ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
@given(seed=st.integers(0, 10**6), extended=st.integers(1, 4))
def test_products_are_exact_to_seventy_bits(kind, seed, extended):
    rng = np.random.default_rng(seed)
    A = row_scaled(20, 6, seed)
    A[rng.uniform(size=A.shape) < 0.3] = 0.0
    M = rng.standard_normal((6, 4))
    low = 2.0**-53 * rng.uniform(-0.5, 0.5, (6, extended)) * M[:, 4 - extended :]
    scale = 2.0 ** -np.frexp(np.abs(A).max(axis=0))[1].astype(float)
    Y = Extended.prepare(M, low, scale).product(kind(A))
    size = np.linalg.norm(A * scale, axis=1)[:, None] * np.linalg.norm(M / scale[:, None], axis=0)
    error = np.abs(Y - exact_product(A, M, low))
    allowed = np.full(4, 2.0**-50)
    allowed[4 - extended :] = 2.0**-70
    # One rounding of the result itself is always there.
    assert np.all(error <= 2.0**-52 * np.abs(Y) + allowed * size)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("condition", [1e8, 1e12])
def test_cancellation_costs_plain_products_their_accuracy_but_not_extended_ones(kind, condition):
    """Companion included: the plain product is off by eps times the condition number."""
    A = rotated(60, 5, condition)
    M = np.linalg.inv(np.linalg.qr(A, mode="r"))
    exact = np.linalg.norm(exact_product(A, M), axis=1)
    tall = as_tall(kind(A))
    plain = np.max(np.abs(tall.row_norms(M) / exact - 1))
    extended = np.max(np.abs(tall.row_norms(M, low=np.zeros((5, 5))) / exact - 1))
    assert plain > 1e-18 * condition
    assert extended < 1e-14 + 1e-22 * condition


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array, np.float32])
def test_gram_of_extended_products(kind):
    A = kind(row_scaled(300, 5, 0))
    dense = A.toarray() if sp.issparse(A) else A.astype(float)
    rng = np.random.default_rng(1)
    M, s = rng.standard_normal((5, 4)), rng.uniform(size=300)
    G = as_tall(A).gram(M=M, low=np.zeros((5, 2)), row_scale=s)
    Y = s[:, None] * (dense @ M)
    np.testing.assert_allclose(G, Y.T @ Y, rtol=1e-12)


def test_an_empty_extension_is_no_extension():
    A, M = row_scaled(50, 4, 0), np.eye(4)
    tall = as_tall(A)
    np.testing.assert_array_equal(tall.row_norms(M, low=np.zeros((4, 0))), tall.row_norms(M))
