"""Laws on small ground sets by enumeration, and plain samplers: nothing of the library is used."""

from __future__ import annotations

import itertools

import numpy as np
import scipy.stats

__all__ = [
    "chi_square",
    "orthonormal",
    "projection_law",
    "removal_law",
    "sequential_rejection",
    "small_features",
    "subsets",
    "volume_law",
]


def small_features(n: int = 8, m: int = 3, seed: int = 5) -> np.ndarray:
    """Rows of very different lengths, so that the law is far from uniform."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, m)) * rng.uniform(0.2, 2.0, size=(n, 1))


def orthonormal(A: np.ndarray) -> np.ndarray:
    """An orthonormal basis of the column space."""
    U, singular, _ = np.linalg.svd(A, full_matrices=False)
    return U[:, singular > 1e-10 * singular[0]]


def subsets(n: int, size: int) -> np.ndarray:
    """All increasing index sets, shape (C(n, size), size)."""
    return np.array(list(itertools.combinations(range(n), size)))


def projection_law(A: np.ndarray) -> np.ndarray:
    """det(U_S)^2 for every set of r rows, in the order of `subsets`."""
    U = orthonormal(A)
    return np.linalg.det(U[subsets(len(U), U.shape[1])]) ** 2


def volume_law(A: np.ndarray, size: int) -> np.ndarray:
    """P(S) proportional to det(A_S^T A_S) for every set of `size` rows."""
    volumes = _volumes(A, size, 0.0)
    return volumes / volumes.sum()


def removal_law(A: np.ndarray, size: int, ridge: float) -> np.ndarray:
    """Rows leave in proportion to det(A_S^T A_S + ridge I) of the set that remains."""
    n = len(A)
    law = {tuple(range(n)): 1.0}
    for left in range(n - 1, size - 1, -1):
        volume = dict(
            zip(map(tuple, subsets(n, left).tolist()), _volumes(A, left, ridge), strict=True)
        )
        following = dict.fromkeys(volume, 0.0)
        for before, p in law.items():
            remaining = [before[:i] + before[i + 1 :] for i in range(len(before))]
            total = sum(volume[one] for one in remaining)
            for one in remaining:
                following[one] += p * volume[one] / total
        law = following
    return np.array(list(law.values()))


def _volumes(A: np.ndarray, size: int, ridge: float) -> np.ndarray:
    rows = A[subsets(len(A), size)]
    return np.linalg.det(rows.swapaxes(1, 2) @ rows + ridge * np.eye(A.shape[1]))


def chi_square(drawn: np.ndarray, law: np.ndarray, n: int) -> float:
    """p-value of Pearson's test of sets (draws, size), sorted, against a law on all subsets.

    Sets expected fewer than five times are put together.
    """
    draws, size = drawn.shape
    base = n ** np.arange(size)
    codes = subsets(n, size) @ base
    order = np.argsort(codes)
    found = order[np.searchsorted(codes[order], np.sort(drawn, axis=1) @ base)]
    counts = np.bincount(found, minlength=law.size)
    expected = draws * law
    rare = expected < 5.0
    if rare.any():
        counts = np.append(counts[~rare], counts[rare].sum())
        expected = np.append(expected[~rare], expected[rare].sum())
    keep = expected > 0.0
    if counts[~keep].any():
        return 0.0
    statistic = float((((counts - expected) ** 2)[keep] / expected[keep]).sum())
    return float(scipy.stats.chi2.sf(statistic, keep.sum() - 1))


def sequential_rejection(U: np.ndarray, rng: np.random.Generator) -> tuple[list[int], int]:
    """One proposal at a time from the leverage distribution: the sampler the blocks must equal."""
    n, m = U.shape
    leverage = (U**2).sum(axis=1)
    Q = np.zeros((m, 0))
    rows: list[int] = []
    proposals = 0
    while len(rows) < m:
        proposals += 1
        i = int(rng.choice(n, p=leverage / m))
        residual = U[i] - Q @ (Q.T @ U[i])
        square = residual @ residual
        if i not in rows and rng.random() * leverage[i] < square:
            rows.append(i)
            Q = np.column_stack([Q, residual / np.sqrt(square)])
    return rows, proposals
