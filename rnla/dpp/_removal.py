"""Which row a Gram matrix misses least, and removal of rows one by one (SPEC A14).

Of l rows that are left the one goes whose absence makes ||G - I||_2 smallest, G the mean of a* a
over the others. Without row a the eigenvalues of l G = V diag(d) V* are the roots of the secular
equation sum_j |z_j|^2 / (d_j - t) = 1, z = a V (Golub, SIAM Review 15, 1973). The signs of two such
sums tell whether all eigenvalues lie within a given distance, for every row at once, so the
smallest distance is bisected until one row is left. O(l m^2) flops a step; an eigenvalue problem
per row takes O(l m^3).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._result import FloatArray, IntArray
from ._kernel import Matrix

__all__ = ["best_removal", "removal"]

_TIE = 1e-12  # distances this close are equal: the row with the lowest number goes


def removal(
    X: Matrix, size: int, delta: float
) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """Remove rows down to `size`, as long as ||G - I||_2 stays within delta.

    Returns the rows kept, those removed in order, the distances with none, one, ... removed, and
    the eigenvalues of X* X for the rows kept. X is real or complex.
    """
    alive = np.arange(X.shape[0])
    removed: list[int] = []
    d, V = np.linalg.eigh(X.conj().T @ X)
    distances = [_distance(d, alive.size)]
    while alive.size > size:
        row = best_removal(d, np.abs(X @ V) ** 2)
        rest = np.delete(X, row, axis=0)
        following, V = np.linalg.eigh(rest.conj().T @ rest)
        distance = _distance(following, alive.size - 1)
        if distance > delta:
            break
        removed.append(int(alive[row]))
        distances.append(distance)
        alive, X, d = np.delete(alive, row), rest, following
    return alive, np.array(removed, dtype=np.int64), np.array(distances), d


def _distance(d: FloatArray, count: int) -> float:
    return max(float(d[-1]) / count - 1.0, 1.0 - float(d[0]) / count)


def best_removal(d: FloatArray, squares: FloatArray) -> int:
    """The row whose removal leaves the smallest distance.

    `d` are the eigenvalues of X* X, row i of `squares` the squared components of row i of X along
    its eigenvectors.
    """
    left = squares.shape[0] - 1
    # Bounds of the smallest distance by interlacing and Rayleigh quotients.
    second = d[-2] if d.size > 1 else -math.inf
    inner_top = np.maximum(second, d[-1] - squares[:, -1])
    inner = np.maximum(inner_top / left - 1.0, 1.0 - (d[0] - squares[:, 0]) / left)
    outer = np.maximum(d[-1] / left - 1.0, 1.0 - (d[0] - squares.sum(axis=1)) / left)
    low, high = float(inner.min()), float(outer.min()) + _TIE

    def within(rows: IntArray, distance: float) -> IntArray:
        bounds = (1.0 - distance) * left, (1.0 + distance) * left
        kept: IntArray = rows[_within(d, squares[rows], *bounds)]
        return kept

    rows = within(np.flatnonzero(inner <= high), high)
    while rows.size > 1 and high - low > _TIE * max(1.0, high):
        middle = 0.5 * (low + high)
        fewer = within(rows, middle)
        if fewer.size:
            rows, high = fewer, middle
        else:
            low = middle
    return int(rows[0]) if rows.size else int(np.argmin(outer))


def _within(d: FloatArray, squares: FloatArray, bottom: float, top: float) -> Any:
    """For each z, whether all eigenvalues of diag(d) - z z^T lie in [bottom, top].

    The secular sum increases from 0 to 1 at the lowest eigenvalue, below d_1, and reaches 1 at the
    largest on its way from minus to plus infinity between the last two d_j.
    """
    inside = np.ones(len(squares), dtype=bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        if bottom >= d[0] or (d.size > 1 and top < d[-2]):
            inside[:] = False
        else:
            inside &= squares @ (1.0 / (d - bottom)) <= 1.0
        if top < d[-1]:
            inside &= squares @ (1.0 / (d - top)) >= 1.0
    return inside
