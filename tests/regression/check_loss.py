"""References for check-loss regression: the primal program, and subgradients."""

from __future__ import annotations

import numpy as np
import scipy.optimize


def loss(A, b, q, x, w=1.0):
    """Sum of w_i rho_q(b_i - a_i x)."""
    r = b - A @ x
    return float(np.sum(w * np.maximum(q * r, (q - 1) * r)))


def least(A, b, q, w=None, bounds=(None, None)):
    """Least loss by HiGHS: b = A x + u - v, u, v >= 0."""
    n, d = A.shape
    w = np.ones(n) if w is None else w
    unit = float(np.abs(b).max()) or 1.0
    box = tuple(None if side is None else side / unit for side in bounds)
    result = scipy.optimize.linprog(
        np.concatenate([np.zeros(d), w * q, w * (1 - q)]),
        A_eq=np.hstack([A, np.eye(n), -np.eye(n)]),
        b_eq=b / unit,
        bounds=[box] * d + [(0, None)] * (2 * n),
        method="highs",
    )
    assert result.status == 0
    return result.fun * unit


def subgradient_distance(A, b, q, x, w=None, rounding=1e-9):
    """How far 0 is from the subdifferential at x, in the units of the columns: 0 at a minimum."""
    w = np.ones(len(b)) if w is None else w
    r = b - A @ x
    scale = np.abs(b) + np.abs(A) @ np.abs(x)
    tie = np.abs(r) <= rounding * scale
    g = A[~tie].T @ (w * np.where(r > 0, q, q - 1))[~tie]
    size = np.abs(A).sum(axis=0) + 1e-300
    if not tie.any():
        return float(np.abs(g / size).max())
    left = (A[tie] * w[tie, None]).T / size[:, None]
    found = scipy.optimize.lsq_linear(left, -g / size, bounds=(q - 1, q), tol=1e-14)
    return float(np.abs(left @ found.x + g / size).max())
