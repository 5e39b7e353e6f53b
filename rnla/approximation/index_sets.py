"""Sets of multi-indices: which products of one-dimensional functions span the space.

An index set is an (m, d) int64 array, one multi-index a row, no row twice, in graded order: by
total degree, then lexicographically with the first coordinate first. Sets are enumerated by a walk
that visits members only, so the cost is O(m d) however large the box around them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from .._errors import (
    ArgumentTypeError,
    RnlaError,
    argument_error,
    check_positive,
    check_size,
)
from .family import check_degree
from .measures import as_floats
from .measures._base import refuse_device

__all__ = [
    "anisotropic",
    "as_index_set",
    "hyperbolic_cross",
    "is_downward_closed",
    "reduced_margin",
    "tensor_product",
    "total_degree",
]

IntArray = npt.NDArray[np.int64]

_ROUNDING = 1e-9
_MOST = 1_000_000
_HIGHEST = 2**31 - 1


def tensor_product(dimension: int, degree: int | Sequence[int]) -> IntArray:
    """All multi-indices with alpha_l <= degree_l.

    Parameters
    ----------
    dimension : int
        Number of coordinates d.
    degree : int or sequence of int
        Largest degree, one for all coordinates or one for each.

    Returns
    -------
    ndarray of int64, shape (m, d)
        m = product of (degree_l + 1), in graded order.

    Examples
    --------
    >>> tensor_product(2, [1, 2]).tolist()
    [[0, 0], [1, 0], [0, 1], [1, 1], [0, 2], [1, 2]]
    """
    d = check_size(dimension, name="dimension")
    if isinstance(degree, Sequence | np.ndarray):
        degrees = [check_degree(entry) for entry in np.asarray(degree).tolist()]
        if len(degrees) != d:
            raise argument_error(
                "degree", f"{len(degrees)} degrees", f"{d}, one a coordinate", "Pass a list."
            )
    else:
        degrees = [check_degree(degree)] * d
    if math.prod(entry + 1 for entry in degrees) > _MOST:
        raise _too_many()
    grids = np.indices([entry + 1 for entry in degrees]).reshape(d, -1).T
    return _graded(grids.astype(np.int64))


def total_degree(dimension: int, degree: int) -> IntArray:
    """All multi-indices whose entries sum to at most `degree`.

    Parameters
    ----------
    dimension : int
        Number of coordinates d.
    degree : int
        Largest total degree p.

    Returns
    -------
    ndarray of int64, shape (m, d)
        m = binomial(d + p, d), in graded order.

    Examples
    --------
    >>> total_degree(2, 1).tolist()
    [[0, 0], [1, 0], [0, 1]]
    >>> len(total_degree(10, 3))
    286
    """
    p = check_degree(degree)
    d = check_size(dimension, name="dimension")
    if math.comb(d + p, min(d, p)) > _MOST:
        raise _too_many()
    return _walk(d, float(p), lambda l, a: float(a))


def hyperbolic_cross(dimension: int, degree: int) -> IntArray:
    """All multi-indices with (alpha_1 + 1) … (alpha_d + 1) <= degree + 1.

    Parameters
    ----------
    dimension : int
        Number of coordinates d.
    degree : int
        Largest degree in any one coordinate.

    Returns
    -------
    ndarray of int64, shape (m, d)
        In graded order. At most log2(degree + 1) entries of a row are not 0.

    Examples
    --------
    >>> hyperbolic_cross(2, 2).tolist()
    [[0, 0], [1, 0], [0, 1], [2, 0], [0, 2]]
    """
    p = check_degree(degree)
    d = check_size(dimension, name="dimension")
    return _walk(d, math.log(p + 1.0), lambda l, a: math.log(a + 1.0))


def anisotropic(weights: npt.ArrayLike, level: float) -> IntArray:
    """All multi-indices with weights_1 alpha_1 + … + weights_d alpha_d <= level.

    Parameters
    ----------
    weights : array_like, shape (d,)
        Positive; a larger weight means lower degrees in that coordinate.
    level : float
        The bound; a relative excess of 1e-9 is rounding and counts as equal.

    Returns
    -------
    ndarray of int64, shape (m, d)
        In graded order.

    Notes
    -----
    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    Examples
    --------
    >>> anisotropic([1, 2], 2).tolist()
    [[0, 0], [1, 0], [0, 1], [2, 0]]
    """
    expected = "a vector of finite positive numbers"
    remedy = "Leave coordinates out of the measure that should not occur."
    costs = as_floats(weights, "weights", expected, remedy)
    if costs.ndim != 1 or costs.size == 0 or not (costs > 0).all():
        raise argument_error("weights", np.array2string(costs, threshold=6), expected, remedy)
    bound = check_positive(level, "level", allow_zero=True)
    return _walk(costs.size, bound, lambda l, a: float(costs[l]) * a)


def as_index_set(indices: npt.ArrayLike, *, dimension: int | None = None) -> IntArray:
    """Check a list of multi-indices given by the user; its order is kept.

    Parameters
    ----------
    indices : array_like of int, shape (m, d), or (m,) for d = 1
        Non-negative entries, no row twice.
    dimension : int, optional
        The d that is expected.

    Returns
    -------
    ndarray of int64, shape (m, d)

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Notes
    -----
    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    Examples
    --------
    >>> as_index_set([[0, 0], [3, 1]], dimension=2).shape
    (2, 2)
    """
    expected = "an integer array of shape (m, d) with non-negative entries and no row twice"
    remedy = "Make one with total_degree(d, p)."
    refuse_device(indices, "indices")
    array = np.asarray(indices)
    if array.dtype.kind not in "iu":
        raise argument_error(
            "indices", f"an array of {array.dtype}", expected, remedy, kind=ArgumentTypeError
        )
    if array.ndim == 1:
        array = array.reshape(-1, 1)
    if array.ndim != 2 or 0 in array.shape:
        raise argument_error("indices", f"shape {array.shape}", expected, remedy)
    if dimension is not None and array.shape[1] != dimension:
        raise argument_error(
            "indices", f"{array.shape[1]} columns", f"{dimension}, one a coordinate", remedy
        )
    for entry in (array.min(), array.max()):
        if not 0 <= entry <= _HIGHEST:
            raise argument_error("indices", f"the entry {entry}", expected, remedy)
    array = array.astype(np.int64)
    rows, counts = np.unique(array, axis=0, return_counts=True)
    if rows.shape[0] != array.shape[0]:
        twice = rows[counts > 1][0].tolist()
        raise argument_error("indices", f"{twice} more than once", expected, remedy)
    return array


def is_downward_closed(indices: npt.ArrayLike) -> bool:
    """Whether every multi-index below a member is a member.

    Parameters
    ----------
    indices : array_like of int, shape (m, d)

    Returns
    -------
    bool

    Notes
    -----
    It is enough that lowering one positive entry of a member by 1 gives a member: O(m d) look-ups.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    Examples
    --------
    >>> is_downward_closed([[0, 0], [1, 0]]), is_downward_closed([[0, 0], [2, 0]])
    (True, False)
    """
    array = as_index_set(indices)
    members = set(map(bytes, array))
    for row, column in np.argwhere(array > 0):
        below = array[row].copy()
        below[column] -= 1
        if bytes(below) not in members:
            return False
    return True


def reduced_margin(indices: npt.ArrayLike) -> IntArray:
    """The multi-indices by one of which a downward-closed set can grow and stay so.

    Parameters
    ----------
    indices : array_like of int, shape (m, d)
        A downward-closed set.

    Returns
    -------
    ndarray of int64, shape (k, d)
        In graded order: outside the set, with every multi-index just below inside it.

    Raises
    ------
    ArgumentError
        If the set is not downward closed.

    Notes
    -----
    O(m d^2) look-ups. Adaptive approximation tests these candidates.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    Examples
    --------
    >>> reduced_margin([[0, 0], [1, 0]]).tolist()
    [[0, 1], [2, 0]]
    """
    array = as_index_set(indices)
    if not is_downward_closed(array):
        raise argument_error(
            "indices",
            "a set with gaps",
            "a downward-closed set",
            "Start from [[0, ..., 0]] or from total_degree(d, p).",
        )
    members = set(map(bytes, array))
    unit = np.eye(array.shape[1], dtype=np.int64)
    found: dict[bytes, IntArray] = {}
    for row in array:
        for l in range(array.shape[1]):
            above = row + unit[l]
            key = bytes(above)
            if key in members or key in found:
                continue
            if all(bytes(above - unit[k]) in members for k in np.flatnonzero(above)):
                found[key] = above
    return _graded(np.array(list(found.values())))


def _walk(d: int, bound: float, cost: Callable[[int, int], float]) -> IntArray:
    """Multi-indices whose costs, increasing in each entry, sum to at most `bound`."""
    limit = bound * (1.0 + _ROUNDING) + 1e-300

    def nonzero(first: int, left: float) -> Iterator[list[tuple[int, int]]]:
        """Lists of (coordinate, entry > 0) from coordinate `first` on."""
        yield []
        for l in range(first, d):
            entry = 1
            while (spent := cost(l, entry)) <= left:
                for rest in nonzero(l + 1, left - spent):
                    yield [(l, entry), *rest]
                entry += 1

    lists = list(itertools.islice(nonzero(0, limit), _MOST + 1))
    if len(lists) > _MOST:
        raise _too_many()
    array = np.zeros((len(lists), d), dtype=np.int64)
    for row, entries in zip(array, lists, strict=True):
        for l, entry in entries:
            row[l] = entry
    return _graded(array)


def _too_many() -> RnlaError:
    return argument_error(
        "index set",
        f"more than {_MOST} multi-indices",
        "a space that can be fitted: its dimension is the number of multi-indices",
        "Lower the degree, or take total_degree or hyperbolic_cross in many coordinates.",
    )


def _graded(array: IntArray) -> IntArray:
    """Rows by total degree, then the first coordinate descending, then the second, …"""
    keys = [-array[:, l] for l in reversed(range(array.shape[1]))]
    order = np.lexsort([*keys, array.sum(axis=1)])
    return np.ascontiguousarray(array[order])
