"""Measurement operators: adjoints, batch axes, dtypes, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from rnla._errors import ArgumentError, ArgumentTypeError
from rnla.calibration.operators import (
    DenseOperators,
    MaskedFourier,
    PartialFourier,
    PartialHadamard,
    SparseOperators,
    UserOperators,
    as_operators,
)


def gaussian(rng, *shape):
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def signs(rng, *shape):
    return rng.choice([-1.0, 1.0], size=shape)


def sparse(rng, m, n):
    return scipy.sparse.random_array((m, n), density=0.5, rng=rng)


FAMILIES = {
    "dense": lambda rng: DenseOperators(gaussian(rng, 3, 8, 5)),
    "dense, real": lambda rng: DenseOperators(rng.standard_normal((3, 8, 5))),
    "dense, shared": lambda rng: DenseOperators(gaussian(rng, 8, 5)),
    "sparse": lambda rng: SparseOperators([sparse(rng, 8, 5) * (1 + 2j) for _ in range(3)]),
    "sparse, shared": lambda rng: SparseOperators(sparse(rng, 8, 5)),
    "fourier": lambda rng: PartialFourier(9, signs(rng, 3, 5)),
    "fourier, shared": lambda rng: PartialFourier(9, np.exp(1j * rng.standard_normal(5))),
    "hadamard": lambda rng: PartialHadamard(8, signs(rng, 3, 5)),
    "masked": lambda rng: MaskedFourier(signs(rng, 3, 4, 6)),
    "masked, complex": lambda rng: MaskedFourier(gaussian(rng, 3, 2, 3, 2)),
    "user": lambda rng: UserOperators([aslinearoperator(gaussian(rng, 8, 5)) for _ in range(3)]),
    "user, shared": lambda rng: UserOperators(aslinearoperator(gaussian(rng, 8, 5))),
}


def reference(name, operators):
    """The maps as an array, from their definitions."""
    p, m, n = operators.shape
    if name.startswith("dense"):
        return operators.A
    if name.startswith("sparse"):
        return np.array([A.toarray() for A in operators.matrices])
    if name.startswith("fourier"):
        return scipy.linalg.dft(m)[:, :n] * operators.signs[:, None, :]
    if name.startswith("hadamard"):
        return scipy.linalg.hadamard(m)[:, :n] * operators.signs[:, None, :]
    if name.startswith("masked"):
        images = np.eye(n).reshape(n, 1, *operators.image_shape) * operators.masks
        axes = tuple(range(2, images.ndim))
        return np.fft.fftn(images, axes=axes).reshape(n, p, m).transpose(1, 2, 0) / np.sqrt(m)
    return np.array([A @ np.eye(n) for A in operators.operators])


@pytest.mark.parametrize("name", list(FAMILIES))
@pytest.mark.parametrize("batch", [(), (4,), (2, 3)])
@pytest.mark.parametrize("each", [False, True])
def test_products_are_those_of_the_definition(name, batch, each):
    rng = np.random.default_rng(0)
    operators = FAMILIES[name](rng)
    A = reference(name, operators)
    p, m, n = operators.shape
    q = 3 if each else 1
    X, U = gaussian(rng, *batch, q, n), gaussian(rng, *batch, q, m)
    before = X.copy(), U.copy()
    forward = np.einsum("lij,...lj->...li", np.broadcast_to(A, (max(p, q), m, n)), X + 0 * X)
    back = np.einsum("lij,...li->...lj", np.broadcast_to(A.conj(), (max(p, q), m, n)), U)
    np.testing.assert_allclose(operators.apply(X), forward, atol=1e-12)
    np.testing.assert_allclose(operators.adjoint(U), back, atol=1e-12)
    np.testing.assert_allclose(operators.dense(), A, atol=1e-13)
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(U, before[1])


@pytest.mark.parametrize("name", list(FAMILIES))
@given(seed=st.integers(0, 10**6))
def test_adjoint_identity(name, seed):
    rng = np.random.default_rng(seed)
    operators = FAMILIES[name](rng)
    _, m, n = operators.shape
    x, u = gaussian(rng, 3, n), gaussian(rng, 3, m)
    left = np.vdot(u, operators.apply(x))
    right = np.vdot(operators.adjoint(u), x)
    assert abs(left - right) <= 1e-12 * (1 + abs(left)) * m


def test_adjoint_identity_catches_a_transpose():
    rng = np.random.default_rng(1)
    operators = DenseOperators(gaussian(rng, 3, 8, 5))
    x, u = gaussian(rng, 3, 5), gaussian(rng, 3, 8)
    transposed = np.einsum("lij,li->lj", operators.A, u)
    assert abs(np.vdot(u, operators.apply(x)) - np.vdot(transposed, x)) > 1e-3


@pytest.mark.parametrize("name", list(FAMILIES))
def test_scalar_gram_is_the_gram_matrix(name):
    operators = FAMILIES[name](np.random.default_rng(2))
    A = operators.dense()
    grams = A.conj().swapaxes(1, 2) @ A
    if operators.scalar_gram is None:
        assert name.split(",")[0] in {"dense", "sparse", "masked", "user"}
    else:
        expected = np.broadcast_to(operators.scalar_gram * np.eye(operators.shape[2]), grams.shape)
        np.testing.assert_allclose(grams, expected, atol=1e-12)


@pytest.mark.parametrize("name", list(FAMILIES))
def test_single_precision_stays_single_and_real_stays_real(name):
    operators = FAMILIES[name](np.random.default_rng(3))
    single = operators.astype(np.result_type(operators.real_dtype, operators.dtype, np.float32))
    narrow = operators.astype(np.complex64 if operators.dtype.kind == "c" else np.float32)
    assert single.dtype == operators.dtype
    x = np.ones(operators.shape[2], dtype=np.float32)
    u = np.ones(operators.shape[1], dtype=narrow.dtype)
    assert narrow.dtype in (np.float32, np.complex64)
    assert narrow.apply(x).dtype == narrow.dtype
    assert narrow.adjoint(u).dtype == narrow.dtype
    assert operators.apply(x).dtype == operators.dtype
    real = name in {"dense, real", "sparse, shared", "hadamard"}
    assert (operators.dtype == np.float64) == real
    np.testing.assert_allclose(narrow.apply(x), operators.apply(x), atol=1e-5)


def test_dense_maps_may_differ_within_the_batch():
    rng = np.random.default_rng(4)
    A = gaussian(rng, 2, 3, 8, 5)
    x = gaussian(rng, 2, 1, 5)
    operators = DenseOperators(A)
    assert operators.shape == (3, 8, 5)
    np.testing.assert_allclose(operators.apply(x), np.einsum("blij,bkj->bli", A, x), atol=1e-12)


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda: DenseOperators(np.ones(3)), "shape"),
        (lambda: DenseOperators([[np.inf, 1.0]]), "finite"),
        (lambda: DenseOperators([["a"]]), "dtype"),
        (lambda: DenseOperators(np.empty((0, 3))), "shape"),
        (lambda: SparseOperators([np.ones((2, 2))]), "SciPy sparse"),
        (lambda: SparseOperators([]), "SciPy sparse"),
        (lambda: SparseOperators([sparse_eye(2), sparse_eye(3)]), "equal shapes"),
        (lambda: PartialFourier(4, np.ones((2, 5))), "at most m = 4"),
        (lambda: PartialFourier(0, np.ones((2, 1))), "at least 1"),
        (lambda: PartialHadamard(6, np.ones((2, 3))), "power of two"),
        (lambda: MaskedFourier(np.ones(4)), "image"),
        (lambda: UserOperators([np.ones((2, 2))]), "LinearOperator"),
        (lambda: UserOperators([aslinearoperator(np.eye(k)) for k in (2, 3)]), "equal shapes"),
        (lambda: DenseOperators(np.ones((3, 4, 2))).apply(np.ones((2, 2))), "with q in"),
        (lambda: DenseOperators(np.ones((3, 4, 2))).adjoint(np.ones(3)), "shape"),
    ],
)
def test_bad_input(build, message):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
        build()


def sparse_eye(k):
    return scipy.sparse.eye_array(k)


def linear_operator(matvec, rmatvec=None, dtype=complex):
    return LinearOperator((4, 2), matvec=matvec, rmatvec=rmatvec, dtype=dtype)


A = np.arange(8).reshape(4, 2) + 1j * np.eye(4, 2)


@pytest.mark.parametrize(
    "operator, message",
    [
        (linear_operator(lambda x: A @ x), "rmatvec"),
        (linear_operator(lambda x: A @ x, lambda u: A.T @ u), "rmatvec"),
        (linear_operator(lambda x: A @ x, lambda u: 2 * A.conj().T @ u), "rmatvec"),
        (linear_operator(lambda x: A @ x, lambda u: (A.conj().T @ u)[:1]), "rmatvec"),
        (linear_operator(lambda x: (A @ x)[:3], lambda u: A.conj().T @ u), "matvec"),
        (linear_operator(lambda x: A @ x, lambda u: A.conj().T @ u, float), "complex"),
        (linear_operator(lambda x: A @ x * np.nan, lambda u: A.conj().T @ u), "NaN"),
    ],
)
def test_products_of_user_operators_are_checked(operator, message):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
        UserOperators([operator]).adjoint(np.ones(4))


def test_adjoints_and_gram_matrices_that_are_right_pass():
    """Must pass; with a wrong constant the same operator must not."""
    Q = np.linalg.qr(A)[0] * 3.0
    for dtype in (complex, np.complex64):
        operators = UserOperators(aslinearoperator(Q.astype(dtype)), scalar_gram=9.0)
        assert operators.adjoint(np.ones(4)).shape == (1, 2)
    with pytest.raises(ArgumentError, match=r"scalar_gram: got 9\.1"):
        UserOperators(aslinearoperator(Q), scalar_gram=9.1).adjoint(np.ones(4))


def test_anything_that_is_a_matrix_becomes_operators():
    assert isinstance(as_operators(np.ones((2, 2))), DenseOperators)
    assert isinstance(as_operators([sparse_eye(2)]), SparseOperators)
    assert isinstance(as_operators(aslinearoperator(np.eye(2))), UserOperators)
    kept = PartialFourier(4, np.ones(2))
    assert as_operators(kept) is kept
