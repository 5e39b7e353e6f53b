"""Leverage scores in extended precision, straight from the definition: the tests' reference."""

from __future__ import annotations

import mpmath
import numpy as np


def exact_leverage(A, *, digits=60, ridge=0.0):
    """a_i^T (A^T A + ridge I)^-1 a_i for a matrix of full column rank, as mpmath numbers."""
    with mpmath.workdps(digits):
        rows = [[mpmath.mpf(float(x)) for x in row] for row in np.asarray(A)]
        d = len(rows[0])
        G = mpmath.matrix(d, d)
        for row in rows:
            for j in range(d):
                for k in range(j + 1):
                    G[j, k] += row[j] * row[k]
        for j in range(d):
            G[j, j] += mpmath.mpf(float(ridge))
            for k in range(j):
                G[k, j] = G[j, k]
        L = mpmath.cholesky(G)
        scores = []
        for row in rows:
            y = []  # forward substitution L y = a
            for j in range(d):
                y.append((row[j] - sum(L[j, k] * y[k] for k in range(j))) / L[j, j])
            scores.append(mpmath.fsum(t * t for t in y))
        return scores


def largest_relative_error(values, exact, *, tiny=1e-300):
    """max |value / exact - 1| over the scores that a float64 can hold; the others must be tiny."""
    worst = 0.0
    for value, score in zip(np.asarray(values, dtype=float), exact, strict=True):
        if score > tiny:
            worst = max(worst, float(abs(mpmath.mpf(float(value)) / score - 1)))
        else:
            assert 0.0 <= value <= 2 * tiny
    return worst


def rotated(n, d, condition, seed=0):
    """U diag(1 … 1 / condition) V^T, random U and V: ill-conditioned in no special direction."""
    rng = np.random.default_rng(seed)
    U = np.linalg.qr(rng.standard_normal((n, d)))[0]
    V = np.linalg.qr(rng.standard_normal((d, d)))[0]
    return (U * np.geomspace(1.0, 1.0 / condition, d)) @ V.T
