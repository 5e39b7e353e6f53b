"""Plain references for certificates: slow, obvious, independent of the library's search."""

from __future__ import annotations

import itertools

import mpmath
import numpy as np

from rnla.sampling import RowSample, sample_rows
from tests.families import dense


def ratio(A, sample, x, p):
    """||SAx||_p^p / ||Ax||_p^p straight from the definition."""
    y = np.abs(dense(A).astype(float) @ x)
    y = y / y.max()
    return float(np.sum(np.asarray(sample.weights) * y[np.asarray(sample.indices)] ** p)) / float(
        np.sum(y**p)
    )


def extremes_by_enumeration(A, sample):
    """p = 1: the ratio at every x orthogonal to d - 1 independent rows."""
    A = dense(A).astype(float)
    d = A.shape[1]
    values = []
    for rows in itertools.combinations(range(len(A)), d - 1):
        singular, right = np.linalg.svd(A[list(rows)].reshape(d - 1, d))[1:]
        if d > 1 and (singular.size < d - 1 or singular[-1] < 1e-10 * singular[0]):
            continue
        y = np.abs(A @ right[-1])
        y[list(rows)] = 0.0
        if y.sum() > 0:
            values.append((np.asarray(sample.weights) @ y[np.asarray(sample.indices)]) / y.sum())
    return min(values), max(values)


def extreme_eigenvalues_exactly(A, sample, digits=60):
    """p = 2: generalized eigenvalues in multiple precision."""
    with mpmath.workdps(digits):
        full = mpmath.matrix(dense(A).astype(float).tolist())
        roots = [mpmath.sqrt(mpmath.mpf(float(w))) for w in sample.weights]
        kept = mpmath.matrix(
            [
                [mpmath.mpf(float(value)) * root for value in dense(A)[i].astype(float)]
                for i, root in zip(sample.indices, roots, strict=True)
            ]
        )
        inverse = mpmath.cholesky(full.T * full) ** -1
        values = mpmath.eigsy(inverse * (kept.T * kept) * inverse.T, eigvals_only=True)
        return float(min(values)), float(max(values))


def uniform_sample(A, size, p, seed):
    return sample_rows(np.ones(A.shape[0]), size, p=p, rng=seed)


def sample_of(indices, weights, n, p=None):
    """A sample with given weights, probabilities their inverses."""
    weights = np.asarray(weights, dtype=float)
    return RowSample(indices, weights, 1.0 / weights, design="poisson", seed=0, n=n, p=p)
