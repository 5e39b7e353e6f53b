"""The difficult grid of least squares, and backward errors as plainly as they can be computed."""

from __future__ import annotations

import numpy as np
import scipy.linalg


def difficult(n: int, d: int, kappa: float, residual: float, seed: int = 0):
    """A, b with singular values from 1 to 1/kappa and ||b - A x|| = residual, ||x|| = 1."""
    rng = np.random.default_rng(seed)
    U = np.linalg.qr(rng.standard_normal((n, d + 1)))[0]
    V = np.linalg.qr(rng.standard_normal((d, d)))[0]
    A = (U[:, :d] * np.logspace(0.0, -np.log10(kappa), d)) @ V.T
    x = rng.standard_normal(d)
    x /= np.linalg.norm(x)
    return A, A @ x + residual * U[:, d]


def backward_error(A, b, x) -> float:
    """Karlson-Walden, relative, with the exact singular values and an extended residual."""
    r = (b - A.astype(np.longdouble) @ x.astype(np.longdouble)).astype(float)
    U, s, _ = np.linalg.svd(A, full_matrices=False)
    size, residual = np.linalg.norm(x), np.linalg.norm(r)
    if residual == 0.0:
        return 0.0
    weight = s / np.sqrt((s * size) ** 2 + residual**2)
    return float(np.linalg.norm(weight * (U.T @ r)) / np.linalg.norm(A))


def optimal_backward_error(A, b, x) -> float:
    """min ||E||_F such that x minimises ||(A + E) x - b|| (Walden, Karlson, Sun 1995)."""
    r = b - A @ x
    size = np.linalg.norm(r) / np.linalg.norm(x)
    projector = np.eye(len(r)) - np.outer(r, r) / (r @ r)
    smallest = np.linalg.svd(np.hstack([A, size * projector]), compute_uv=False)[-1]
    return float(min(size, smallest))


def householder(A, b):
    """Least squares by Householder QR."""
    Q, R = scipy.linalg.qr(A, mode="economic")
    return scipy.linalg.solve_triangular(R, Q.T @ b)
