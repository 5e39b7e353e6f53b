"""remove_rows: the rows removed and the inverse, against determinants of what is left."""

from __future__ import annotations

import numpy as np
import pytest

from rnla.kernels.reverse_elimination import remove_rows


def reference(U, points, target, delicate):
    """Probabilities by the determinant of what would be left, no inverse."""
    alive, left = np.arange(len(U)), len(U)
    for t in range(points.size // 2):
        place = int(points[2 * t] * left)
        rest = np.delete(alive[:left], place)
        h = np.linalg.det(U[rest].T @ U[rest]) / np.linalg.det(U[alive[:left]].T @ U[alive[:left]])
        if points[2 * t + 1] >= h:
            continue
        left -= 1
        alive[place], alive[left] = alive[left], alive[place]
        if h < delicate or left <= target:
            return t + 1, alive, left, True
    return points.size // 2, alive, left, False


@pytest.mark.parametrize("r", [1, 3, 7])
@pytest.mark.parametrize("target, count", [(12, 400), (12, 9), (0, 5)])
def test_rows_leave_as_determinants_say(r, target, count):
    rng = np.random.default_rng(r)
    U = np.linalg.qr(rng.standard_normal((30, r)))[0]
    points = rng.random(2 * count)
    alive, Z = np.arange(30), np.eye(r)
    trials, left, stale = remove_rows(U, alive, 30, Z, points, target, 1e-6)
    expected_trials, expected, expected_left, expected_stale = reference(U, points, target, 1e-6)
    assert (trials, left, stale) == (expected_trials, expected_left, expected_stale)
    assert alive.tolist() == expected.tolist()
    if not stale:
        assert np.allclose(Z, np.linalg.inv(U[alive[:left]].T @ U[alive[:left]]), rtol=1e-10)


def test_a_row_that_is_nearly_needed_makes_the_inverse_stale():
    U = np.linalg.qr(np.array([[1.0], [1.0], [1e-4]]))[0]
    alive, Z = np.arange(3), np.eye(1)
    points = np.array([0.0, 0.0, 0.0, 0.0])
    trials, left, stale = remove_rows(U, alive, 3, Z, points, 1, 1e-6)
    assert (trials, left, stale) == (2, 1, True)
    alive, Z = np.arange(3), np.eye(1)
    trials, left, stale = remove_rows(U, alive, 3, Z, points, 0, 0.9)
    assert (trials, left, stale) == (1, 2, True)
    assert np.array_equal(Z, np.eye(1))
