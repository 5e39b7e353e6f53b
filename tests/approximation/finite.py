"""A finite measure with random features: every law can be enumerated on it."""

from __future__ import annotations

import itertools

import numpy as np

from rnla.random import Stream, resolve_seed


class FiniteMeasure:
    """Masses on the points 0 … N - 1."""

    def __init__(self, masses):
        self.masses = np.asarray(masses, dtype=float)
        self.dimension = 1

    def sample(self, n, *, rng=None, first=0):
        return pick(self.masses, n, rng, first)


class FiniteBasis:
    """Orthonormal features on such a measure: the rows of a table."""

    def __init__(self, features, masses):
        root = np.sqrt(masses)[:, None]
        Q, _ = np.linalg.qr(root * features)
        self.table = Q / root
        self.measure = FiniteMeasure(masses)
        self.dimension = self.table.shape[1]
        self.k = (np.abs(self.table) ** 2).sum(axis=1)

    def integrals(self):
        return self.measure.masses @ self.table

    def evaluate(self, x):
        return self.table[np.asarray(x).reshape(-1).astype(int)]

    def evaluate_normalised(self, x):
        values = self.evaluate(x)
        return values / np.linalg.norm(values, axis=1, keepdims=True)

    def christoffel(self, x):
        return self.k[np.asarray(x).reshape(-1).astype(int)]

    def induced_sample(self, n, *, rng=None, first=0):
        return pick(self.measure.masses * self.k, n, rng, first)


def pick(masses, n, rng, first):
    u = Stream(resolve_seed(rng), "finite").uniform(range(first, first + n))
    cumulative = np.cumsum(masses)
    rows = np.searchsorted(cumulative, u * cumulative[-1], side="right")
    return np.minimum(rows, len(masses) - 1).astype(float)[:, None]


def random_basis(N=9, m=3, *, seed=0, imaginary=False):
    generator = np.random.default_rng(seed)
    features = generator.standard_normal((N, m))
    if imaginary:
        features = features + 1j * generator.standard_normal((N, m))
    masses = generator.uniform(0.5, 1.5, N)
    return FiniteBasis(features, masses / masses.sum())


def set_probabilities(basis):
    """P(S) of the projection DPP for all m-subsets, by determinants."""
    rows = np.sqrt(basis.measure.masses)[:, None] * basis.table
    sets = list(itertools.combinations(range(len(rows)), basis.dimension))
    return sets, np.array([abs(np.linalg.det(rows[list(S)])) ** 2 for S in sets])
