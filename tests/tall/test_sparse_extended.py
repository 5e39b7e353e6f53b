"""Sparse rows in extended precision: exact sums of products, exact products of small matrices."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from rnla.basis import orthonormal_basis
from rnla.kernels import csr_extended
from rnla.tall import TallMatrix, as_tall
from rnla.tall._parts import add_parts, congruence, multiply, outer_square
from tests.scores.leverage_reference import exact_leverage, largest_relative_error


def fractions(parts):
    """Exact value of a matrix in parts."""
    return [
        [sum(Fraction(float(part[i, j])) for part in parts) for j in range(parts.shape[2])]
        for i in range(parts.shape[1])
    ]


def exact_matmul(X, Y):
    return [
        [sum(a * b for a, b in zip(row, column, strict=True)) for column in zip(*Y, strict=True)]
        for row in X
    ]


def largest_difference(X, Y, scale):
    """max |X - Y| / scale over entries, exactly."""
    return max(
        float(abs(x - y) / Fraction(scale))
        for row, other in zip(X, Y, strict=True)
        for x, y in zip(row, other, strict=True)
    )


def graded_parts(rows, columns, seed):
    """Random matrix in parts with columns of very different size."""
    rng = np.random.default_rng(seed)
    first = rng.standard_normal((rows, columns)) * 10.0 ** rng.uniform(-6, 6, columns)
    return np.stack([first * 2.0 ** (-55.0 * k) for k in range(3)]) * rng.uniform(
        0.5, 1, (3, rows, columns)
    )


def nearly_dependent(n, d, condition, seed=0, density=0.3):
    """Sparse, its last column almost equal to its first."""
    A = sp.random_array((n, d), density=density, rng=np.random.default_rng(seed), format="csc")
    return sp.csr_array(sp.hstack([A[:, : d - 1], A[:, [0]] + A[:, [d - 1]] / condition]))


@pytest.fixture
def pairs(monkeypatch):
    """Let matrices of any size take the path of very sparse large ones."""
    monkeypatch.setattr(TallMatrix, "_prefers_pairs", lambda self, k: self.is_sparse)


# --- small matrices in parts ---------------------------------------------------------------------


@given(seed=st.integers(0, 10**6), n=st.integers(1, 5), k=st.integers(1, 5), m=st.integers(1, 5))
def test_products_of_parts_keep_120_bits(seed, n, k, m):
    A = graded_parts(k, n, seed).transpose(0, 2, 1)  # rows of very different size
    B = graded_parts(k, m, seed + 1)
    P = fractions(multiply(A, B))
    exact = exact_matmul(fractions(A), fractions(B))
    size = np.outer(np.abs(A[0]).max(axis=1), np.abs(B[0]).max(axis=0)) * k
    for i in range(n):
        for j in range(m):
            assert abs(P[i][j] - exact[i][j]) <= Fraction(2) ** -120 * Fraction(size[i, j])


@given(seed=st.integers(0, 10**6))
def test_sums_of_parts_keep_150_bits(seed):
    A, B = graded_parts(3, 3, seed), graded_parts(3, 3, seed + 1)
    size = np.abs(A[0]).max() + np.abs(B[0]).max()
    exact = [
        [x + y for x, y in zip(r, s, strict=True)]
        for r, s in zip(fractions(A), fractions(B), strict=True)
    ]
    assert largest_difference(fractions(add_parts(A, B)), exact, size) <= 2.0**-150


def test_outer_square_is_symmetric_to_the_last_part():
    P = outer_square(graded_parts(6, 4, 0))
    np.testing.assert_array_equal(P, P.transpose(0, 2, 1))


def test_congruence_survives_condition_numbers_beyond_float64():
    """M^T G M = I for G = M^-T M^-1 of condition 1e24, by exact inversion of unit triangles."""
    rng = np.random.default_rng(0)
    T = np.triu(rng.integers(-3, 4, (6, 6)), 1) + np.diag(10.0 ** np.arange(0, -12, -2))
    G = np.zeros((3, 6, 6))
    exact = exact_matmul(
        [[Fraction(float(x)) for x in row] for row in T.T],
        [[Fraction(float(x)) for x in row] for row in T],
    )
    for i in range(6):
        for j in range(6):
            rest = exact[i][j]
            for part in range(3):
                G[part, i, j] = float(rest)
                rest -= Fraction(G[part, i, j])
    M = np.zeros((3, 6, 6))
    M[0] = np.linalg.inv(T)
    identity = congruence(G, M)
    Y = np.array(
        exact_matmul(
            [[Fraction(float(x)) for x in row] for row in T],
            [[Fraction(float(x)) for x in row] for row in M[0]],
        ),
        dtype=float,
    )
    np.testing.assert_allclose(identity, Y.T @ Y, atol=1e-9)
    plain = M[0].T @ G[0] @ M[0]
    assert np.abs(plain - Y.T @ Y).max() > 1e-3  # companion: float64 cannot do this


# --- kernels -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("weighted", [False, True])
def test_gram_kernel_adds_exactly(dtype, weighted):
    A = nearly_dependent(40, 5, 1e3).astype(dtype)
    rng = np.random.default_rng(1)
    D = 2.0 ** rng.integers(-3, 3, 5)
    w = rng.uniform(0.0, 2.0, 40)
    out = np.zeros((3, 5, 5))
    csr_extended.add_gram(A.data, A.indices, A.indptr, D, w if weighted else None, out)
    rows = [[Fraction(float(x)) for x in row] for row in A.toarray() * D]
    weight = [Fraction(x) if weighted else Fraction(1) for x in w]
    exact = [
        [sum(v * r[i] * r[j] for v, r in zip(weight, rows, strict=True)) for j in range(5)]
        for i in range(5)
    ]
    upper = [[x if i <= j else Fraction(0) for j, x in enumerate(r)] for i, r in enumerate(exact)]
    assert largest_difference(fractions(out), upper, np.abs(out[0]).max()) <= 2.0**-145


def test_quadratic_kernel_survives_cancellation():
    """a^T P a with P of size 1e24 and result of size 1: 60 digits decide."""
    A = nearly_dependent(30, 4, 1e12, density=0.8)
    M = np.zeros((3, 4, 4))
    M[0] = np.linalg.inv(np.linalg.qr(A.toarray(), mode="r"))
    values = csr_extended.quadratic(A.data, A.indices, A.indptr, np.ones(4), outer_square(M))
    rows = [[Fraction(float(x)) for x in row] for row in A.toarray()]
    Y = exact_matmul(rows, [[Fraction(float(x)) for x in row] for row in M[0]])
    exact = [float(sum(y * y for y in row)) for row in Y]
    np.testing.assert_allclose(values, exact, rtol=1e-12, atol=1e-300)
    P = M[0] @ M[0].T
    plain = np.einsum("ij,jk,ik->i", A.toarray(), P, A.toarray())
    assert np.max(np.abs(plain - exact) / np.maximum(exact, 1e-12)) > 1e-3  # companion


# --- passes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("extended", [None, 0, 2, 5])
def test_gram_and_row_norms_through_pairs(pairs, scaled, extended):
    A = nearly_dependent(400, 5, 10.0)
    rng = np.random.default_rng(0)
    M, s = rng.standard_normal((5, 5)), rng.uniform(0.1, 2.0, 400)
    low = None if extended is None else np.zeros((5, extended))
    Y = A.toarray() @ M
    tall = as_tall(A)
    G = tall.gram(M=M, low=low, row_scale=s if scaled else None)
    weighted = Y * s[:, None] if scaled else Y
    np.testing.assert_allclose(G, weighted.T @ weighted, rtol=1e-12)
    np.testing.assert_allclose(tall.row_norms(M, low=low), np.linalg.norm(Y, axis=1), rtol=1e-12)


@pytest.mark.parametrize("path", ["auto", "sketch", "gram"])
@pytest.mark.parametrize("condition", [1e0, 1e5, 1e8, 1e11, 1e13])
def test_condition_sweep_through_pairs(pairs, path, condition):
    A = nearly_dependent(400, 5, condition)
    tall = as_tall(A)
    basis = orthonormal_basis(tall, path=path)
    assert basis.rank == 5
    exact = exact_leverage(A.toarray())
    assert largest_relative_error(basis.leverage(tall), exact) <= 1e-9


@pytest.mark.parametrize("scale", [2.0**-500, 2.0**500])
def test_extreme_scales_through_pairs(pairs, scale):
    A = nearly_dependent(400, 5, 1e8)
    plain, scaled = as_tall(A), as_tall(sp.csr_array(A * scale))
    result = orthonormal_basis(scaled, path="sketch").leverage(scaled)
    expected = orthonormal_basis(plain, path="sketch").leverage(plain)
    np.testing.assert_allclose(result, expected, rtol=1e-10)


def test_only_very_sparse_tall_matrices_go_through_pairs():
    def chooses(n, d, density):
        A = sp.random_array((n, d), density=density, rng=np.random.default_rng(0), format="csr")
        return as_tall(A)._prefers_pairs(d)

    assert chooses(30_000, 200, 0.02)
    assert not chooses(30_000, 200, 0.2)  # rows too full
    assert not chooses(10_000, 200, 0.02)  # too few rows to pay for d x d work
    assert not as_tall(np.ones((30_000, 10)))._prefers_pairs(10)
