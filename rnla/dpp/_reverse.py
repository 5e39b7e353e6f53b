"""Reverse iterative volume sampling: remove rows one by one until `size` are left.

A row of the current set leaves it with probability proportional to h_i = 1 - u_i^T Z u_i, Z the
inverse of U_S^T U_S + Lambda: in proportion to the determinant that remains. Without Lambda this
draws P(S) proportional to det(U_S^T U_S); with it the procedure defines the law (Derezinski and
Warmuth, JMLR 2018 and AISTATS 2018). While more than 2 r rows are left a row is picked uniformly
and leaves with probability h_i, at least 1/2 on average, so that only one h_i is computed (their
fast version). O(n r^2) flops. Z is computed afresh by QR whenever the set has halved, every r
removals among the last 2 r, and after a removal with h_i below 1e-6, whose update loses digits.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.linalg

from .._result import FloatArray, IntArray
from ..kernels.reverse_elimination import remove_rows
from ._masses import pick

__all__ = ["reverse_elimination"]

_DELICATE = 1e-6
_BATCH = 4096

Uniforms = Callable[[int, int], FloatArray]


def reverse_elimination(
    U: FloatArray, size: int, uniforms: Uniforms, *, root: FloatArray | None = None
) -> IntArray:
    """Indices of the rows that stay, increasing.

    Parameters
    ----------
    U : ndarray, shape (n, r)
        U^T U + Lambda has to be the identity.
    size : int
        Rows to keep, at least r if there is no Lambda.
    uniforms : callable
        ``uniforms(start, count)`` gives numbers start, start + 1, ... of a stream.
    root : ndarray, shape (k, r), optional
        Lambda = root^T root, zero by default.
    """
    n, r = U.shape
    alive, left = np.arange(n), n
    if left > max(size, 2 * r):
        alive = _one_at_a_time(U, alive, max(size, 2 * r), uniforms, root)
        left = alive.size
    if left > size:
        alive = _by_all_probabilities(U, alive, size, uniforms, root)
    return np.sort(alive)


def _inverse(U: FloatArray, root: FloatArray | None) -> FloatArray:
    """(U^T U + Lambda)^-1 by QR."""
    rows = U if root is None else np.vstack([U, root])
    R: FloatArray = np.asarray(np.linalg.qr(rows, mode="r"))
    T = scipy.linalg.solve_triangular(R, np.eye(R.shape[0]))
    Z: FloatArray = T @ T.T
    return Z


def _one_at_a_time(
    U: FloatArray, alive: IntArray, size: int, uniforms: Uniforms, root: FloatArray | None
) -> IntArray:
    U, left, used = np.ascontiguousarray(U), alive.size, 0
    Z = np.eye(U.shape[1])
    points, halved = uniforms(0, 2 * _BATCH), max(size, left // 2)
    while left > size:
        at = 2 * (used % _BATCH)
        if used and not at:
            points = uniforms(2 * used, 2 * _BATCH)
        trials, left, stale = remove_rows(U, alive, left, Z, points[at:], halved, _DELICATE)
        used += trials
        if stale and left > size:
            Z = _inverse(U[alive[:left]], root)
            halved = max(size, left // 2)
    return alive[:left].copy()


def _by_all_probabilities(
    U: FloatArray, alive: IntArray, size: int, uniforms: Uniforms, root: FloatArray | None
) -> IntArray:
    # Its own part of the stream: how many numbers the first phase took is random.
    points = uniforms(1 << 40, alive.size - size)
    X = U[alive]
    Z, h = _fresh(X, root)
    since = 0
    for point in points:
        i = pick(h, float(point))
        v = (Z @ X[i]) / np.sqrt(h[i])
        delicate = h[i] < _DELICATE
        X, alive, h = np.delete(X, i, axis=0), np.delete(alive, i), np.delete(h, i)
        since += 1
        if delicate or since >= U.shape[1]:
            Z, h = _fresh(X, root)
            since = 0
        else:
            Z += np.multiply.outer(v, v)
            h = np.maximum(h - (X @ v) ** 2, 0.0)
    return alive


def _fresh(X: FloatArray, root: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    Z = _inverse(X, root)
    h: FloatArray = np.maximum(1.0 - np.einsum("ij,ij->i", X @ Z, X), 0.0)
    return Z, h
