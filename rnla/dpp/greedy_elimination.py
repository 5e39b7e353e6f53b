"""`greedy_elimination`: drop rows one at a time, always the one whose loss hurts the Gram matrix
least (SPEC A14). O(l m^2) flops a step for l rows that are left, see `_removal`.
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
from ..tall._device import stays_on_device
from ._removal import removal

__all__ = ["GreedyElimination", "greedy_elimination"]

_LARGEST = 1e100


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
        near the identity. All of them are read into memory; on a GPU they are refused.
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

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

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
    if tall.is_on_device:
        raise stays_on_device("A", "rows on a GPU", "the removal of one row after another")
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
        kept, removed, distances, d = removal(X, size, math.inf if delta is None else delta)
    if delta is not None and distances[0] > delta:
        raise argument_error(
            "delta",
            delta,
            f"at least ||G - I||_2 = {distances[0]:.4g} of all rows",
            "Start from more rows, or raise delta.",
        )
    return GreedyElimination(
        indices=kept,
        removed=removed,
        distances=distances,
        lowest=float(d[0]) / kept.size,
        largest=float(d[-1]) / kept.size,
    )


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
