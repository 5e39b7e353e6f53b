"""Lanczos iteration for many small problems against the eigenvalues of LAPACK."""

from __future__ import annotations

import numpy as np
import pytest

from rnla.kernels.lanczos_pairs import hermitian_sums, lanczos_pairs


def numbers(rng, kind, *shape):
    real = rng.standard_normal(shape)
    return real + 1j * rng.standard_normal(shape) if kind is complex else real


def matrices(kind, m, r, square, count=7):
    """Singular values of 1 and at most 0.9, or a Hermitian product with these eigenvalues."""
    rng = np.random.default_rng(m + r)
    A = numbers(rng, kind, count, m, r)
    U, _, V = np.linalg.svd(A, full_matrices=False)
    values = np.linspace(0.9, 0.1, min(m, r)) ** 2
    values[0] = 1.0
    A = (U * values) @ V
    return A @ A.conj().swapaxes(-1, -2) if square else A


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize(
    "m,r,square", [(1, 1, False), (2, 5, False), (31, 9, False), (40, 40, True)]
)
def test_pairs_are_those_of_lapack(kind, m, r, square):
    A = matrices(kind, m, r, square)
    H = A if square else A @ A.conj().swapaxes(-1, -2)
    rng = np.random.default_rng(0)
    start = numbers(rng, kind, 7, m)
    found = lanczos_pairs(A, start, None, square=square, tol=1e-13, max_iter=100)
    values, vectors = np.linalg.eigh(H)
    np.testing.assert_allclose(found.value, values[:, -1], rtol=1e-12)
    if m > 1:
        np.testing.assert_allclose(found.second, values[:, -2], rtol=0, atol=1e-3)
        assert (found.second <= values[:, -2] + 1e-12).all()
    overlap = np.abs((vectors[..., -1].conj() * found.vector).sum(axis=-1))
    np.testing.assert_allclose(overlap, 1.0, rtol=1e-11)
    residual = (H @ found.vector[..., None])[..., 0] - found.value[:, None] * found.vector
    assert (np.linalg.norm(residual, axis=-1) <= found.residual + 1e-13).all()
    assert found.converged.all()
    assert (found.steps <= m).all()


@pytest.mark.parametrize("kind", [float, complex])
def test_locked_vectors_are_kept_out(kind):
    A = matrices(kind, 31, 12, False)
    H = A @ A.conj().swapaxes(-1, -2)
    values, vectors = np.linalg.eigh(H)
    start = numbers(np.random.default_rng(1), kind, 7, 31)
    top = np.ascontiguousarray(vectors[..., -1])
    found = lanczos_pairs(A, start, top, square=False, tol=1e-12, max_iter=60)
    np.testing.assert_allclose(found.value, values[:, -2], rtol=1e-11)
    assert np.abs((top.conj() * found.vector).sum(axis=-1)).max() < 1e-13


def test_each_problem_ends_by_itself():
    """And what it finds does not depend on the others."""
    A = matrices(complex, 31, 12, False)
    A[3] = np.ones((31, 12)) / np.sqrt(31 * 12)
    start = numbers(np.random.default_rng(2), complex, 7, 31)
    limits = np.full(7, 50)
    limits[5] = 3
    found = lanczos_pairs(A, start, None, square=False, tol=1e-12, max_iter=limits)
    assert found.steps[3] <= 3
    assert found.steps[5] == 3
    assert not found.converged[5]
    for k in range(7):
        one = lanczos_pairs(
            A[k : k + 1], start[k : k + 1], None, square=False, tol=1e-12, max_iter=limits[k]
        )
        for name in found._fields:
            np.testing.assert_array_equal(getattr(one, name)[0], getattr(found, name)[k])


def test_stagnation_ends_the_search():
    A = matrices(float, 60, 50, False)
    start = numbers(np.random.default_rng(3), float, 7, 60)
    exact = lanczos_pairs(A, start, None, square=False, tol=1e-12, max_iter=60)
    rough = lanczos_pairs(A, start, None, square=False, tol=1e-12, max_iter=60, stagnation=1e-3)
    assert (rough.steps < exact.steps).all()
    np.testing.assert_allclose(rough.value, exact.value, rtol=1e-2)


@pytest.mark.parametrize("kind", [float, complex])
def test_zero_and_identity(kind):
    """Invariant subspaces of dimension one."""
    A = np.stack([np.zeros((6, 6)), np.eye(6), np.diag([1.0, 1, 0, 0, 0, 0])]).astype(kind)
    start = numbers(np.random.default_rng(4), kind, 3, 6)
    found = lanczos_pairs(A, start, None, square=True, tol=1e-12, max_iter=6)
    np.testing.assert_allclose(found.value, [0.0, 1.0, 1.0], atol=1e-15)
    assert found.converged.all()


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("maps", [1, 3])
def test_sums_of_hermitian_products(kind, maps):
    rng = np.random.default_rng(5)
    y, scale = numbers(rng, kind, 4, 3, 9), rng.random((4, 9))
    Q = numbers(rng, kind, maps, 9, 5)
    P = Q @ Q.conj().swapaxes(-1, -2)
    z = y * scale[:, None, :]
    expected = (z.conj()[..., :, None] * P * z[..., None, :]).sum(axis=1)
    found = hermitian_sums(y, P, scale)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(found, found.conj().swapaxes(-1, -2))
