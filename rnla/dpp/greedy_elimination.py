"""`greedy_elimination`: drop rows one at a time, always the one whose loss hurts the Gram matrix
least (SPEC A14).

Of l rows that are left the one goes whose absence makes ||G - I||_2 smallest, G the mean of a a^T
over the others. Without row a the eigenvalues of l G = V diag(d) V^T are the roots of the secular
equation sum_j z_j^2 / (d_j - t) = 1, z = V^T a (Golub 1973). The signs of two such sums tell
whether all eigenvalues lie within a given distance, for every row at once, so the smallest distance
is bisected until one row is left. O(l m^2) flops a step; an eigenvalue problem per row takes
O(l m^3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from .._errors import argument_error, check_positive, check_size
from .._result import FloatArray, IntArray
from ..tall import as_tall, single_threaded_blas

__all__ = ["GreedyElimination", "greedy_elimination"]

_LARGEST = 1e100
_TIE = 1e-12  # distances this close are equal: the row with the lowest number goes


@dataclass(frozen=True, eq=False)
class GreedyElimination:
    """The rows that stayed, and what was removed on the way.

    Attributes
    ----------
    indices : ndarray of int, shape (size,)
        Rows kept, increasing.
    removed : ndarray of int, shape (n - size,)
        Rows removed, the first one first.
    distances : ndarray, shape (n - size + 1,)
        ||G - I||_2 with no row removed, with one, and so on.
    lowest, largest : float
        Extreme eigenvalues of G on the rows kept.
    """

    indices: IntArray
    removed: IntArray
    distances: FloatArray
    lowest: float
    largest: float

    @property
    def size(self) -> int:
        """Number of rows kept."""
        return int(self.indices.size)


def greedy_elimination(
    A: Any, size: int, *, delta: float | None = None, whiten: bool = False
) -> GreedyElimination:
    """Remove rows of a design one by one and keep its Gram matrix near the identity.

    Parameters
    ----------
    A : array_like, scipy.sparse array, Dask array, files or TallMatrix, shape (n, m)
        Rows of the design, sqrt(w_i) phi(x_i) with phi orthonormal: G, the mean of a_i a_i^T, is
        near the identity. All of them are read into memory.
    size : int
        Rows to keep, from m to n.
    delta : float, optional
        Stop before ||G - I||_2 would exceed it, with more than `size` rows if need be.
    whiten : bool
        True for rows of any features: they are orthonormalised first, so that G is the identity
        for all rows together.

    Returns
    -------
    GreedyElimination

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For unusable input, a design that misses `delta` already, or, to be whitened, columns that
        are linearly dependent.

    See Also
    --------
    volume_sample : unbiased, which a greedy choice is not.

    Notes
    -----
    O(n^2 m^2) flops to remove most of n rows, memory O(n m). Of rows that are equally good, to
    1e-12, the one with the lowest number goes.

    Examples
    --------
    >>> import numpy as np, rnla
    >>> A = np.repeat(np.eye(3), [4, 5, 9], axis=0)
    >>> kept = rnla.dpp.greedy_elimination(A * np.sqrt(3.0), 12)
    >>> np.bincount(A[kept.indices].argmax(axis=1))
    array([4, 4, 4])
    >>> kept.distances[:4].round(3)
    array([0.5  , 0.412, 0.312, 0.2  ])
    """
    tall = as_tall(A, require_tall=False)
    n, m = tall.shape
    size = check_size(size, n)
    if size < m:
        remedy = "With fewer rows G is singular."
        raise argument_error("size", size, f"at least {m}, the number of columns", remedy)
    if delta is not None:
        delta = check_positive(delta, "delta", allow_zero=True)
    tall.scan()
    taken = tall.take(np.arange(n))
    X: FloatArray = np.array(taken.toarray() if sp.issparse(taken) else taken, dtype=np.float64)
    with single_threaded_blas():
        if whiten:
            X = _whitened(X)
        elif np.abs(X).max() > _LARGEST:
            raise argument_error(
                "A",
                f"an entry of size {np.abs(X).max():.3g}",
                "rows whose mean Gram matrix is near the identity",
                "Pass whiten=True for features that are not orthonormal.",
            )
        return _eliminate(X, size, math.inf if delta is None else delta)


def _whitened(X: FloatArray) -> FloatArray:
    """sqrt(n) Q of X = Q R."""
    scale = np.abs(X).max(axis=0)
    Q, R = np.linalg.qr(X / np.where(scale > 0.0, scale, 1.0))
    norms = np.sqrt((R**2).sum(axis=0))
    rank = int(np.count_nonzero(np.abs(np.diagonal(R)) > 1e-12 * norms))
    if rank < X.shape[1]:
        raise argument_error(
            "A",
            f"numerical rank {rank}",
            f"linearly independent columns, {X.shape[1]} of them",
            "Drop redundant columns.",
        )
    whitened: FloatArray = Q * math.sqrt(X.shape[0])
    return whitened


def _eliminate(X: FloatArray, size: int, delta: float) -> GreedyElimination:
    alive = np.arange(X.shape[0])
    removed: list[int] = []
    d, V = np.linalg.eigh(X.T @ X)
    distances = [_distance(d, alive.size)]
    if distances[0] > delta:
        raise argument_error(
            "delta",
            delta,
            f"at least ||G - I||_2 = {distances[0]:.4g} of all rows",
            "Start from more rows, or raise delta.",
        )
    while alive.size > size:
        row = _best(d, X @ V)
        rest = np.delete(X, row, axis=0)
        following, V = np.linalg.eigh(rest.T @ rest)
        distance = _distance(following, alive.size - 1)
        if distance > delta:
            break
        removed.append(int(alive[row]))
        distances.append(distance)
        alive, X, d = np.delete(alive, row), rest, following
    return GreedyElimination(
        indices=alive,
        removed=np.array(removed, dtype=np.int64),
        distances=np.array(distances),
        lowest=float(d[0]) / alive.size,
        largest=float(d[-1]) / alive.size,
    )


def _distance(d: FloatArray, count: int) -> float:
    return max(float(d[-1]) / count - 1.0, 1.0 - float(d[0]) / count)


def _best(d: FloatArray, Z: FloatArray) -> int:
    """The row whose removal leaves the smallest distance."""
    left = Z.shape[0] - 1
    squares = Z**2
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
