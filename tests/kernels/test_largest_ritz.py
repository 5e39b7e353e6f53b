"""Largest eigenvalue and last component of its vector against LAPACK and multiple precision."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from rnla.kernels import largest_ritz


def dense(a, b):
    return np.diag(a) + np.diag(b, 1) + np.diag(b, -1)


@pytest.mark.parametrize("size", [1, 2, 3, 10, 60])
@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e120])
def test_largest_eigenvalue_and_last_component(size, scale):
    rng = np.random.default_rng(size)
    a, b = rng.standard_normal((50, size)), rng.standard_normal((50, size - 1))
    value, tail = largest_ritz.largest_ritz(scale * a, scale * b)
    for k in range(50):
        values, vectors = np.linalg.eigh(dense(a[k], b[k]))
        norm = np.abs(values).max()
        np.testing.assert_allclose(value[k] / scale, values[-1], atol=1e-14 * norm * size)
        apart = 1.0 if size == 1 else (values[-1] - values[-2]) / norm
        np.testing.assert_allclose(tail[k], abs(vectors[-1, -1]), atol=1e-13 / apart)


def lanczos_numbers(steps):
    """Of a positive operator with one eigenvalue at one and the others below 0.2."""
    rng = np.random.default_rng(0)
    values = np.append(0.2 * rng.random(199), 1.0)
    v = rng.standard_normal(200)
    v /= np.linalg.norm(v)
    basis, a, b = [v], [], []
    for _ in range(steps):
        w = values * basis[-1]
        a.append(basis[-1] @ w)
        for _ in range(2):
            w -= np.array(basis).T @ (np.array(basis) @ w)
        b.append(np.linalg.norm(w))
        basis.append(w / b[-1])
    return np.array(a), np.array(b[:-1])


@pytest.mark.parametrize(("steps", "below"), [(4, 1.0), (8, 1e-4), (18, 1e-15)])
def test_a_small_last_component_keeps_its_digits(steps, below):
    """Down to where that of a dense eigenvector is noise."""
    a, b = lanczos_numbers(steps)
    (value,), (tail,) = largest_ritz.largest_ritz(a[None], b[None])
    with mpmath.workdps(60):
        matrix = mpmath.matrix(dense(a, b).tolist())
        values, vectors = mpmath.eigsy(matrix)
        exact, last = float(values[steps - 1]), float(abs(vectors[steps - 1, steps - 1]))
    assert abs(value - exact) < 1e-14
    assert abs(tail - last) < 1e-8 * last
    assert last < below


def test_what_falls_apart():
    value, tail = largest_ritz.largest_ritz(
        np.array([[3.0, 1.0, 2.0], [1.0, 2.0, 3.0], [0.0, 0.0, 0.0], [-2.0, -3.0, -4.0]]),
        np.zeros((4, 2)),
    )
    np.testing.assert_allclose(value, [3.0, 3.0, 0.0, -2.0], atol=1e-14)
    np.testing.assert_allclose(tail[[0, 1, 3]], [0.0, 1.0, 0.0], atol=1e-14)
    assert np.isfinite(tail).all()
    assert largest_ritz.largest_ritz(np.ones((0, 2)), np.ones((0, 1)))[0].shape == (0,)
