"""`greedy_elimination` against eigenvalues of every candidate, and on designs that drift."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

import rnla
from rnla.dpp import greedy_elimination


def distance(X):
    return np.linalg.norm(X.T @ X / len(X) - np.eye(X.shape[1]), 2)


def brute_force(X, size, score=distance):
    """Rows removed in order, one norm for each candidate."""
    alive, removed = list(range(len(X))), []
    while len(alive) > size:
        values = [score(X[alive[:k] + alive[k + 1 :]]) for k in range(len(alive))]
        removed.append(alive.pop(int(np.argmin(values))))
    return removed


def design(n, m, seed=0):
    """Rows of squared length m, as a design with optimal weights has."""
    X = np.random.default_rng(seed).standard_normal((n, m))
    return X * np.sqrt(m / (X**2).sum(axis=1))[:, None]


@pytest.mark.parametrize("m", [1, 2, 3, 6, 10])
def test_check_38_same_order_as_brute_force(m):
    X = design(5 * m + 6, m, seed=m) if m > 1 else np.random.default_rng(0).normal(size=(11, 1))
    kept = greedy_elimination(X, m)
    assert kept.removed.tolist() == brute_force(X, m)
    assert sorted([*kept.indices, *kept.removed]) == list(range(len(X)))
    alive = np.ones(len(X), dtype=bool)
    found = [distance(X)]
    for row in kept.removed:
        alive[row] = False
        found.append(distance(X[alive]))
    assert np.allclose(kept.distances, found, rtol=1e-10, atol=1e-12)
    values = np.linalg.eigvalsh(X[kept.indices].T @ X[kept.indices]) / m
    assert np.allclose([kept.lowest, kept.largest], values[[0, -1]], rtol=1e-10, atol=1e-12)


def test_check_38_another_criterion_gives_another_order():
    """Companion: removal by the determinant alone differs, so the order is a real test."""

    def volume(X):
        return -np.linalg.slogdet(X.T @ X)[1]

    X = design(40, 6)
    assert greedy_elimination(X, 6).removed.tolist() != brute_force(X, 6, volume)


def test_coordinates_in_eigenvectors_that_vanish():
    """Repeated unit rows: z has zeros, eigenvalues coincide, and the counts become equal."""
    X = np.sqrt(4.0) * np.repeat(np.eye(4), [3, 7, 5, 3], axis=0)
    kept = greedy_elimination(X, 12)
    assert np.bincount(np.argmax(X[kept.indices], axis=1)).tolist() == [3, 3, 3, 3]
    assert kept.distances[-1] < 1e-14


def test_delta_stops_in_time():
    X = design(80, 5)
    path = greedy_elimination(X, 5)
    delta = 1.2 * float(path.distances[0])
    first = int(np.argmax(path.distances > delta))
    assert 0 < first < 75
    kept = greedy_elimination(X, 5, delta=delta)
    assert kept.size == 80 - (first - 1)
    assert kept.distances.max() <= delta


def test_whitening_forgets_the_basis():
    rng = np.random.default_rng(3)
    A, T = rng.standard_normal((60, 4)), rng.standard_normal((4, 4))
    one = greedy_elimination(A, 8, whiten=True)
    two = greedy_elimination(A @ T * 1e150, 8, whiten=True)
    assert one.distances[0] < 1e-13
    assert one.removed.tolist() == two.removed.tolist()
    assert one.removed.tolist() != greedy_elimination(A, 8).removed.tolist()


def test_homes_and_sparse_rows(tmp_path):
    X = design(30, 4)
    np.save(tmp_path / "X.npy", X)
    here = greedy_elimination(X, 8)
    assert np.array_equal(greedy_elimination(tmp_path / "X.npy", 8).indices, here.indices)
    assert np.array_equal(greedy_elimination(sp.csr_array(X), 8).indices, here.indices)


@pytest.mark.parametrize(
    "change, match",
    [
        ({"size": 2}, "at least 3"),
        ({"size": 31}, "size"),
        ({"delta": -0.5}, "delta"),
        ({"delta": 1e-9}, "delta"),
        ({"A": np.full((30, 3), np.nan)}, "NaN"),
        ({"A": np.full((30, 3), 1e200)}, "whiten=True"),
        ({"A": np.ones((30, 3)), "whiten": True}, "numerical rank 1"),
    ],
)
def test_check_21_bad_input(change, match):
    options = {"A": design(30, 3), "size": 5, **change}
    with pytest.raises(rnla.ArgumentError, match=match):
        greedy_elimination(options.pop("A"), options.pop("size"), **options)
