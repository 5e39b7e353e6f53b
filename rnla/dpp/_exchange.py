"""State of a basis-exchange walk: a set S, the Cholesky factor of L_S, and what S leaves of L_jj.

With h = (L_S^-1)_ii and g_j = (L_S^-1 L_Sj)_i, the variance of item j given S without i is
v_j + |g_j|^2 / h, a sum of two terms that are not negative: nothing cancels, and no determinant is
formed. O(N k + k^2) for a step on N items; v is computed afresh, O(N k^2), after every k exchanges.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg

from .._result import IntArray
from ._kernel import Matrix

__all__ = ["Exchange", "greedy_start"]

Vector = npt.NDArray[np.float64]


class Exchange:
    """A set and its walk; `columns(items)` gives L[:, items], `diagonal` the L_jj."""

    def __init__(
        self, columns: Callable[[IntArray], Matrix], diagonal: Vector, start: IntArray
    ) -> None:
        self._columns = columns
        self._diagonal = diagonal
        self.items = start.copy()
        self._refresh()

    def _refresh(self) -> None:
        """Factor and variances from scratch: L_S = R^* R."""
        self._L = self._columns(self.items)
        self._R: Matrix = scipy.linalg.cholesky(self._L[self.items], check_finite=False)
        W = _solve(self._R, self._L.conj().T, adjoint=True)
        self._variance = np.maximum(self._diagonal - (np.abs(W) ** 2).sum(axis=0), 0.0)
        self._age = 0

    @property
    def log_determinant(self) -> float:
        """log det L_S."""
        return 2.0 * float(np.log(np.abs(np.diagonal(self._R))).sum())

    def step(self, place: int, point: float) -> None:
        """Drop the item at this place of S; take in j with probability prop. to det L_(S+j)."""
        k = self.items.size
        unit = np.zeros(k, dtype=self._L.dtype)
        unit[place] = 1.0
        y = _solve(self._R, _solve(self._R, unit, adjoint=True))
        h = float(y[place].real)
        g = self._L @ y
        share = self._variance + np.abs(g) ** 2 / h
        share[self.items] = 0.0
        share[self.items[place]] = 1.0 / h
        cumulative = np.cumsum(share)
        last = int(np.searchsorted(cumulative, cumulative[-1], side="left"))
        j = min(int(np.searchsorted(cumulative, point * cumulative[-1], side="right")), last)
        if j != self.items[place]:
            self._replace(place, j, share, g, h)

    def _replace(self, place: int, j: int, share: Vector, g: Matrix, h: float) -> None:
        dropped = self.items[place]
        rest = np.delete(self.items, place)
        R = _without(self._R, place)
        L_rest = np.delete(self._L, place, axis=1)
        column = self._columns(np.array([j]))[:, 0]
        r = _solve(R, column[rest], adjoint=True)
        pivot = float(share[j])
        # Variances given the set without `dropped`, then given j as well.
        variance = self._variance + np.abs(g) ** 2 / h
        variance[dropped] = 1.0 / h
        c = column - L_rest @ _solve(R, r)
        variance -= np.abs(c) ** 2 / pivot
        self.items = np.append(rest, j)
        self._age += 1
        if self._age >= self.items.size:
            self._refresh()
            return
        self._variance = np.maximum(variance, 0.0)
        self._L = np.column_stack([L_rest, column])
        k = self.items.size
        self._R = np.zeros((k, k), dtype=self._L.dtype)
        self._R[:-1, :-1] = R
        self._R[:-1, -1] = r
        self._R[-1, -1] = np.sqrt(pivot)


def greedy_start(
    columns: Callable[[IntArray], Matrix], diagonal: Vector, k: int, eps: float
) -> IntArray:
    """Items of the first k pivots of a pivoted Cholesky factorisation; fewer if the rank is less.

    Their determinant is at least 1 / (k!)^2 of the largest (Civril and Magdon-Ismail 2009).
    """
    chosen: list[int] = []
    rest = diagonal.copy()
    W = np.zeros((k, diagonal.size), dtype=columns(np.array([0])).dtype)
    floor = diagonal.size * eps * float(diagonal.max())
    for i in range(k):
        j = int(rest.argmax())
        if rest[j] <= floor:
            break
        column = columns(np.array([j]))[:, 0]
        W[i] = (column - W[:i].T @ W[:i, j].conj()) / np.sqrt(rest[j])
        rest = np.maximum(rest - np.abs(W[i]) ** 2, 0.0)
        chosen.append(j)
        rest[chosen] = 0.0
    return np.array(chosen, dtype=np.int64)


def _solve(R: Matrix, x: Matrix, *, adjoint: bool = False) -> Any:
    """R^-1 x, or R^-* x."""
    if R.shape[0] == 0:
        return x
    return scipy.linalg.solve_triangular(R, x, trans=2 if adjoint else 0, check_finite=False)


def _without(R: Matrix, place: int) -> Matrix:
    """The Cholesky factor after row and column `place` of the matrix are deleted: O(k^2)."""
    k = R.shape[0]
    if k == 1:
        return R[:0, :0]
    _, shorter = scipy.linalg.qr_delete(
        np.eye(k, dtype=R.dtype), R, place, which="col", check_finite=False
    )
    result: Matrix = shorter[: k - 1]
    return result
