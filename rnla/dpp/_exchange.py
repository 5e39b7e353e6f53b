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

from .._errors import argument_error
from .._result import IntArray
from ._kernel import Matrix
from ._masses import pick

__all__ = ["Columns", "Exchange", "greedy_start"]

Vector = npt.NDArray[np.float64]
Columns = Callable[[IntArray], Matrix]  # L[:, items] for an array of items


class Exchange:
    """A set and its walk; `diagonal` holds the L_jj, `noise` what counts as zero beside them."""

    def __init__(self, columns: Columns, diagonal: Vector, start: IntArray, noise: Vector) -> None:
        self._columns = columns
        self._diagonal = diagonal
        self._noise = noise
        self.items = start.copy()
        self._refresh()

    def _refresh(self) -> None:
        """Factor and variances from scratch: L_S = R^* R."""
        self._L = np.asfortranarray(self._columns(self.items))
        self._place = np.arange(self.items.size)  # the column of _L that belongs to each item
        self._R = _factor(self._L[self.items])
        W = _solve(self._R, self._L.conj().T, adjoint=True)
        self._variance = np.maximum(self._diagonal - (np.abs(W) ** 2).sum(axis=0), 0.0)
        self._age = 0

    @property
    def log_determinant(self) -> float:
        """log det L_S."""
        return 2.0 * float(np.log(np.abs(np.diagonal(self._R))).sum())

    def step(self, number: int, point: float) -> None:
        """Drop an item of S by its number; take in j with probability prop. to det L_(S+j)."""
        unit = np.zeros(self.items.size, dtype=self._L.dtype)
        unit[number] = 1.0
        y = _solve(self._R, _solve(self._R, unit, adjoint=True))
        h = float(y[number].real)
        variance = self._variance + np.abs(self._combined(y, self._place)) ** 2 / h
        dropped = self.items[number]
        variance[variance <= self._noise] = 0.0
        variance[self.items] = 0.0
        variance[dropped] = 1.0 / h
        j = pick(variance, point)
        if j != dropped:
            self._replace(number, j, variance)

    def _combined(self, coefficients: Matrix, place: IntArray) -> Matrix:
        """A combination of columns of L, without moving them."""
        all_coefficients = np.zeros(self._L.shape[1], dtype=self._L.dtype)
        all_coefficients[place] = coefficients
        result: Matrix = self._L @ all_coefficients
        return result

    def _replace(self, number: int, j: int, variance: Vector) -> None:
        """Exchange one item for j, given the variances that the others leave."""
        k = self.items.size
        rest = np.delete(self.items, number)
        self.items = np.append(rest, j)
        self._age += 1
        if self._age >= k:
            self._refresh()
            return
        free = self._place[number]
        place = np.delete(self._place, number)
        R = _without(self._R, number)
        column = self._columns(np.array([j]))[:, 0]
        r = _solve(R, column[rest], adjoint=True)
        c = column - self._combined(_solve(R, r), place)
        pivot = float(variance[j])
        self._variance = np.maximum(variance - np.abs(c) ** 2 / pivot, 0.0)
        self._L[:, free] = column
        self._place = np.append(place, free)
        self._R = np.zeros((k, k), dtype=self._L.dtype)
        self._R[:-1, :-1] = R
        self._R[:-1, -1] = r
        self._R[-1, -1] = np.sqrt(pivot)


def greedy_start(columns: Columns, diagonal: Vector, k: int, noise: Vector) -> IntArray:
    """Items of the first k pivots of a pivoted Cholesky factorisation; fewer if the rank is less.

    Their determinant is at least 1 / (k!)^2 of the largest (Civril and Magdon-Ismail 2009).
    """
    chosen: list[int] = []
    rest = diagonal.copy()
    W = np.zeros((k, diagonal.size), dtype=columns(np.array([0])).dtype)
    for i in range(k):
        rest[rest <= noise] = 0.0
        j = int(rest.argmax())
        if rest[j] == 0.0:
            break
        column = columns(np.array([j]))[:, 0]
        W[i] = (column - W[:i].T @ W[:i, j].conj()) / np.sqrt(rest[j])
        rest = np.maximum(rest - np.abs(W[i]) ** 2, 0.0)
        chosen.append(j)
        rest[chosen] = 0.0
    return np.array(chosen, dtype=np.int64)


def _factor(block: Matrix) -> Matrix:
    try:
        R: Matrix = scipy.linalg.cholesky(block, check_finite=False)
    except scipy.linalg.LinAlgError:
        raise argument_error(
            "L",
            f"a block of {len(block)} items with an eigenvalue that is not positive",
            "a positive semidefinite matrix",
            "Add a small multiple of the identity, or pass factor=B for L = B B^T.",
        ) from None
    return R


def _solve(R: Matrix, x: Matrix, *, adjoint: bool = False) -> Any:
    """R^-1 x, or R^-* x."""
    return scipy.linalg.solve_triangular(R, x, trans=2 if adjoint else 0, check_finite=False)


def _without(R: Matrix, number: int) -> Matrix:
    """The Cholesky factor after one row and column of the matrix are deleted: O(k^2)."""
    k = R.shape[0]
    unit = np.eye(k, dtype=R.dtype)
    _, shorter = scipy.linalg.qr_delete(unit, R, number, which="col", check_finite=False)
    result: Matrix = shorter[: k - 1]
    return result
