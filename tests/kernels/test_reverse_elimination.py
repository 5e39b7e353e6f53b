"""Reverse volume sampling: determinants of what is left, the CPU and the emulated GPU."""

from __future__ import annotations

import numpy as np
import pytest

from rnla.kernels import philox
from rnla.kernels.reverse_elimination import reverse_elimination, triangles

KEY = 77


def number(index, draw):
    return philox.uniform(KEY, range(index, index + 1), 0, draw)[0]


def reference(U, size, draw, root=None):
    """Probabilities by determinants of what would be left, no inverse."""
    root = np.zeros((0, U.shape[1])) if root is None else root
    alive, t, r = list(range(len(U))), 0, U.shape[1]

    def volume(rows):
        return np.linalg.det(U[rows].T @ U[rows] + root.T @ root)

    while len(alive) > max(size, 2 * r):
        place = int(number(2 * t, draw) * len(alive))
        rest = alive[:place] + alive[place + 1 :]
        if number(2 * t + 1, draw) < volume(rest) / volume(alive):
            alive[place] = alive[-1]
            alive.pop()
        t += 1
    for t in range(len(alive) - size):
        h = [volume(alive[:i] + alive[i + 1 :]) for i in range(len(alive))]
        sums = np.cumsum(h)
        alive.pop(int(np.searchsorted(sums, number(2**40 + t, draw) * sums[-1], side="right")))
    return sorted(alive)


def orthonormal(n, r, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((n, r)))[0]


SHAPES = [(30, 1, 1), (30, 1, 5), (40, 3, 3), (40, 3, 12), (7, 3, 3), (90, 4, 90), (150, 5, 6)]


@pytest.mark.parametrize("n, r, size", SHAPES)
@pytest.mark.parametrize("ridge", [False, True])
def test_rows_leave_as_determinants_say(n, r, size, ridge):
    U, root = orthonormal(n, r), None
    if ridge:
        root = np.sqrt(0.3) * np.eye(r)
        U *= np.sqrt(0.7)
    draws = np.array([0, 5, 2])
    kept = np.sort(reverse_elimination(U, size, KEY, draws, root=root))
    assert kept.tolist() == [reference(U, size, draw, root) for draw in draws]


@pytest.mark.parametrize("n, r, size", [*SHAPES, (100, 34, 36), (40, 40, 40)])
@pytest.mark.parametrize("ridge", [False, True])
def test_the_gpu_keeps_the_same_rows(gpu, n, r, size, ridge):
    """Shared rows, and rows of each draw with a triangle to start from."""
    U, root = orthonormal(n, r), None
    if ridge:
        root = np.sqrt(0.3) * np.eye(r)
        U *= np.sqrt(0.7)
    there = None if root is None else gpu.put(root)
    draws = np.array([3, 0, 7])
    kept = reverse_elimination(U, size, KEY, draws, root=root)
    found = reverse_elimination(gpu.put(U), size, KEY, gpu.put(draws), root=there)
    assert np.array_equal(found, kept)
    X = np.stack([U @ np.triu(np.ones((r, r))), U[::-1] * 3.0, U])
    stacked = X if root is None else np.stack([np.vstack([x, root]) for x in X])
    R = triangles(stacked)
    assert np.array_equal(triangles(gpu.put(stacked)), R)
    kept = reverse_elimination(X, size, KEY, draws, start=R, root=root)
    arrays = gpu.put(X), size, KEY, gpu.put(draws)
    assert np.array_equal(reverse_elimination(*arrays, start=gpu.put(R), root=there), kept)


@pytest.mark.parametrize("m, r", [(1, 1), (1, 4), (31, 3), (33, 5), (200, 20)])
def test_triangles_are_those_of_qr(m, r):
    X = np.random.default_rng(m).standard_normal((3, m, r))
    X[:, :, -1] = X[:, :, 0] + 1e-9 * X[:, :, -1]
    R = triangles(X)
    assert np.array_equal(R, np.triu(R))
    assert np.allclose(np.einsum("bki,bkj->bij", R, R), np.einsum("bmi,bmj->bij", X, X), rtol=1e-13)
    expected = np.linalg.qr(X, mode="r")
    k = min(m, r)
    assert np.allclose(np.abs(R[:, :k]), np.abs(expected), rtol=1e-7, atol=1e-13)
    assert np.abs(R[:, k:]).max(initial=0.0) <= 1e-15


def test_no_rows_and_no_draws(gpu):
    assert triangles(gpu.zeros((2, 0, 3), np.float64)).tolist() == np.zeros((2, 3, 3)).tolist()
    assert triangles(gpu.zeros((0, 5, 3), np.float64)).shape == (0, 3, 3)
    none = gpu.zeros(0, np.int64)
    assert reverse_elimination(gpu.put(orthonormal(5, 2)), 3, KEY, none).shape == (0, 3)


def test_a_row_that_is_nearly_needed_makes_the_inverse_stale(gpu, monkeypatch):
    """With a wide notion of delicate Z is computed afresh after every removal: the same rows."""
    from rnla.kernels import reverse_elimination as kernel

    U = np.linalg.qr(np.vstack([np.eye(3) * 1e3, np.random.default_rng(1).random((30, 3))]))[0]
    draws = np.arange(6)
    kept = reverse_elimination(U, 4, KEY, draws)
    assert np.isin([0, 1, 2], kept[0]).all()
    monkeypatch.setattr(kernel, "DELICATE", 2.0)
    again = reverse_elimination(U, 4, KEY, draws)
    assert np.array_equal(again, kept)
    assert np.array_equal(reverse_elimination(gpu.put(U), 4, KEY, gpu.put(draws)), again)


def test_rows_that_repeat_or_are_zero(gpu):
    """Zero rows may stay, they span nothing: every sample has the rank."""
    U = np.repeat(orthonormal(4, 3), 5, axis=0) / np.sqrt(5.0)
    U = np.insert(U, [0, 7, 20], 0.0, axis=0)
    draws = np.arange(20)
    kept = reverse_elimination(U, 3, KEY, draws)
    assert np.array_equal(reverse_elimination(gpu.put(U), 3, KEY, gpu.put(draws)), kept)
    assert all(np.linalg.matrix_rank(U[rows]) == 3 for rows in kept)


def far_from_orthonormal():
    """Rows that are too long, or not numbers, and such among the last 2 r, where all go at once."""
    U = orthonormal(40, 3)
    odd = U.copy()
    odd[11, 1] = np.nan
    few = np.full((5, 3), np.nan)
    return {"long": (1e3 * U, 5), "nan": (odd, 5), "infinite": (np.inf * U, 5), "few": (few, 4)}


@pytest.mark.parametrize("name", ["long", "nan", "infinite", "few"])
def test_what_would_never_end_is_reported(gpu, name):
    """At 1e-300 a false alarm: half of the trials succeed, and PATIENCE is 1000."""
    U, size = far_from_orthonormal()[name]
    draws = np.arange(3)
    kept = reverse_elimination(U, size, KEY, draws)
    found = reverse_elimination(gpu.put(U), size, KEY, gpu.put(draws))
    assert kept.tolist() == found.tolist() == [[-1] * size] * 3
    good = orthonormal(*U.shape)
    stacked = np.stack([good, U])
    kept = reverse_elimination(stacked, size, KEY, draws[:2])
    assert np.array_equal(
        reverse_elimination(gpu.put(stacked), size, KEY, gpu.put(draws[:2])), kept
    )
    assert kept[1].tolist() == [-1] * size
    assert set(kept[0]) <= set(range(len(U)))
