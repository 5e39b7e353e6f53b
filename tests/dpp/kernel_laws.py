"""Plain references for DPPs given by a kernel: laws by enumeration, and samplers that are wrong.

Nothing here uses the library.
"""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import scipy.stats

# The level of every law test of this folder: p below it counts as a failure.
FALSE_ALARM = 1e-4


def minor(K, items):
    """det K_T, 1 for the empty set."""
    return np.linalg.det(K[np.ix_(items, items)]).real if len(items) else 1.0


def subsets(n, k=None):
    sizes = range(n + 1) if k is None else [k]
    return [S for size in sizes for S in itertools.combinations(range(n), size)]


def law_of_likelihood(L, k=None):
    """P(S) proportional to det L_S, on all sets or on those of size k."""
    weights = {S: minor(L, S) for S in subsets(len(L), k)}
    total = sum(weights.values())
    return {S: weight / total for S, weight in weights.items()}


def law_of_marginal(K):
    """P(S) = |det(K - I_(complement of S))|: any kernel, Hermitian or not."""
    n = len(K)
    law = {}
    for S in subsets(n):
        outside = np.ones(n)
        outside[list(S)] = 0.0
        law[S] = (-1.0) ** (n - len(S)) * np.linalg.det(K - np.diag(outside)).real
    assert abs(sum(law.values()) - 1.0) < 1e-10
    return law


def inclusion(law, n):
    """P(item in S) for each item."""
    return np.array([sum(p for S, p in law.items() if i in S) for i in range(n)])


def chi_square(sets, law):
    """p-value of the sets drawn against the law; rare sets share one cell."""
    counts = Counter(tuple(int(i) for i in S) for S in sets)
    assert set(counts) <= set(law), "a set that cannot occur"
    draws = sum(counts.values())
    rare = [S for S, p in law.items() if draws * p < 5.0]
    common = [S for S in law if draws * law[S] >= 5.0]
    expected = [draws * law[S] for S in common]
    observed = [counts[S] for S in common]
    if draws * sum(law[S] for S in rare) >= 5.0:
        expected.append(draws * sum(law[S] for S in rare))
        observed.append(sum(counts[S] for S in rare))
    statistic = sum((o - e) ** 2 / e for o, e in zip(observed, expected, strict=True))
    return float(scipy.stats.chi2.sf(statistic, len(expected) - 1))


def positive(n, rank, *, complex_entries=False, seed=0):
    """A random factor and its kernel B B^*, real or complex."""
    rng = np.random.default_rng(seed)
    B = rng.standard_normal((n, rank))
    if complex_entries:
        B = B + 1j * rng.standard_normal((n, rank))
    B = B * np.geomspace(1.5, 0.3, rank)
    return B, B @ B.conj().T


def attracting(n, seed=0):
    """A marginal kernel that is not symmetric: of L = B B^T + (C - C^T), whose minors are >= 0."""
    rng = np.random.default_rng(seed)
    B = rng.standard_normal((n, n))
    C = rng.standard_normal((n, n))
    L = B @ B.T / n + (C - C.T)
    return np.linalg.solve((np.eye(n) + L).T, L.T).T


def chain_on_the_kernel(L, k, uniforms):
    """Wrong for a k-DPP: the chain rule on L itself, which is not a projection."""
    S = []
    for u in uniforms:
        rest = [i for i in range(len(L)) if i not in S]
        weights = np.array([minor(L, tuple(sorted([*S, i]))) for i in rest])
        S.append(rest[int(np.searchsorted(np.cumsum(weights), u * weights.sum()))])
    assert len(S) == k
    return tuple(sorted(S))


def independent(probabilities, uniforms):
    """Wrong for a DPP: every item on its own with its inclusion probability."""
    return tuple(int(i) for i in np.flatnonzero(uniforms < probabilities))


def record(
    record_property, measured, count, *, threshold=FALSE_ALARM, rate=FALSE_ALARM, check=None
):
    """One row of the table of statistical tests."""
    row = {"measured": measured, "threshold": threshold, "count": count, "false_alarm_rate": rate}
    if check is not None:
        row["check"] = check
    for key, value in row.items():
        record_property(key, value)
