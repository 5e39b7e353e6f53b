"""Plain references for min ||A x||_p subject to g^T x = 1: textbook programs on dense matrices."""

from __future__ import annotations

import numpy as np
import scipy.linalg
import scipy.optimize


def primal_linear_program(A: np.ndarray, g: np.ndarray, p: float) -> float:
    """The p = 1 or p = inf minimum from the primal program with one bound variable per row."""
    n, d = A.shape
    slack = np.eye(n) if p == 1.0 else np.ones((n, 1))
    k = slack.shape[1]
    result = scipy.optimize.linprog(
        np.append(np.zeros(d), np.ones(k)),
        A_ub=np.block([[A, -slack], [-A, -slack]]),
        b_ub=np.zeros(2 * n),
        A_eq=np.append(g, np.zeros(k))[None, :],
        b_eq=[1.0],
        bounds=[(None, None)] * d + [(0, None)] * k,
        method="highs",
    )
    assert result.status == 0
    return float(result.fun)


def smooth_minimum(A: np.ndarray, g: np.ndarray, p: float) -> float:
    """min ||A x||_p^p by BFGS over the null space of g, for well-scaled A and moderate p > 1."""
    null = scipy.linalg.null_space(g[None, :])
    start = g / (g @ g)
    base = A @ start
    scale = np.max(np.abs(base))
    M, b = A @ null / scale, base / scale

    def objective(t: np.ndarray) -> tuple[float, np.ndarray]:
        y = b + M @ t
        return np.sum(np.abs(y) ** p), M.T @ (p * np.abs(y) ** (p - 1) * np.sign(y))

    result = scipy.optimize.minimize(
        objective,
        np.zeros(null.shape[1]),
        jac=True,
        method="BFGS",
        options={"gtol": 1e-10, "maxiter": 5000},
    )
    return float(result.fun) * scale**p
