"""Plain references for Lewis weights: textbook NumPy, small dense matrices, no library code."""

from __future__ import annotations

import numpy as np
import scipy.linalg


def log_half_leverage(A, log_scale):
    """log ||a_i M|| with diag(exp(log_scale)) A M orthonormal, by pivoted QR of the sorted rows."""
    B = A * np.exp(log_scale)[:, None]
    order = np.argsort(-np.abs(B).max(axis=1))
    norm = np.linalg.norm(B, axis=0)
    norm[norm == 0] = 1.0
    R, pivots = scipy.linalg.qr(B[order] / norm, mode="r", pivoting=True)
    diagonal = np.abs(np.diag(R))
    rank = int((diagonal > 1e-12 * diagonal[0]).sum())
    kept = pivots[:rank]
    Y = scipy.linalg.solve_triangular(R[:rank, :rank], (A / norm)[:, kept].T, trans="T")
    return np.log(np.linalg.norm(Y, axis=0)), rank


def leverage(A, log_scale):
    """Leverage scores of diag(exp(log_scale)) A."""
    h, _ = log_half_leverage(A, log_scale)
    return np.exp(2.0 * (h + log_scale))


def lewis_reference(A, p, *, theta=None, iterations=400, tol=1e-13):
    """Damped iteration from uniform weights; theta = 1 is the map of Cohen and Peng.

    Returns the weights and the last residual. Zero rows get weight zero.
    """
    A = np.asarray(A, dtype=float)
    active = np.abs(A).max(axis=1) > 0
    B = A[active]
    theta = 4.0 / (p + 2.0) if theta is None else theta
    log_w = np.full(len(B), -np.log(len(B)))
    for _ in range(iterations):
        h, _ = log_half_leverage(B, (0.5 - 1.0 / p) * log_w)
        residual = np.abs(2.0 * h - (2.0 / p) * log_w).max()
        if not residual > tol:
            break
        with np.errstate(over="ignore", invalid="ignore"):
            log_w = (1.0 - theta) * log_w + theta * p * h
        if not np.isfinite(log_w).all() or np.abs(log_w).max() > 600:
            residual = np.inf
            break
    w = np.zeros(len(A))
    w[active] = np.exp(np.minimum(log_w, 700))
    return w, residual


def residual(A, w, p):
    """max |log tau_i(W^(1/2-1/p) A) - log w_i| over the rows of positive weight."""
    A = np.asarray(A, dtype=float)
    active = w > 0
    log_w = np.log(w[active])
    return np.abs(np.log(leverage(A[active], (0.5 - 1.0 / p) * log_w)) - log_w).max()


def excess_ratio(A, w, p):
    """max tau_i(W^(1/2-1/p) A) / w_i over the rows of positive weight."""
    A = np.asarray(A, dtype=float)
    active = w > 0
    log_w = np.log(w[active])
    return (leverage(A[active], (0.5 - 1.0 / p) * log_w) / w[active]).max()


def khachiyan(A, *, tol=1e-9, steps=200_000):
    """D-optimal design by Frank-Wolfe with away steps (Khachiyan), sum = rank."""
    A = np.asarray(A, dtype=float)
    n, d = A.shape
    u = np.full(n, 1.0 / n)
    for _ in range(steps):
        inverse = np.linalg.inv(A.T @ (u[:, None] * A))
        g = np.einsum("ij,jk,ik->i", A, inverse, A)
        up = int(np.argmax(g))
        down = int(np.argmin(np.where(u > 0, g, np.inf)))
        if g[up] - d <= d * tol and d - g[down] <= d * tol:
            break
        i = up if g[up] - d >= d - g[down] else down
        least = -u[i] / (1.0 - u[i])  # removes the row
        size = max((g[i] - d) / (d * (g[i] - 1.0)), least) if g[i] > 1.0 else least
        u *= 1.0 - size
        u[i] = max(u[i] + size, 0.0)
    return d * u
