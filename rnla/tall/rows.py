"""Row vectors of each kind: NumPy arrays, Dask arrays whose parts stay with their rows, or CuPy
arrays on the GPU of their rows.

NumPy's functions apply to all of them, element by element. What needs all rows at once, or must not
depend on how they are cut, is here. Sums add up blocks of 1024 rows, which every strip is a
multiple of, and then pairs of numbers, so they come out the same for any chunks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial, reduce
from typing import Any, TypeVar

import numpy as np

from .._errors import import_optional
from .._result import FloatArray, IntArray
from ._device import array_module, beside, on_device, to_host

__all__ = [
    "aligned",
    "at",
    "beside",
    "each",
    "extremes",
    "float64",
    "fold",
    "host",
    "in_parts_on_device",
    "is_distributed",
    "is_here",
    "largest",
    "like",
    "settle",
    "settled_extremes",
    "settled_fold",
    "settled_total",
    "total",
    "wider",
]

_BLOCK = 1024
_FAN_IN = 8  # parts put together by one task of the tree

T = TypeVar("T")


def is_distributed(x: Any) -> bool:
    """Whether a row vector is kept in parts elsewhere."""
    return hasattr(x, "__dask_graph__")


def in_parts_on_device(x: Any) -> bool:
    """Whether a row vector is kept in parts on GPUs."""
    return is_distributed(x) and on_device(getattr(x, "_meta", None))


def is_here(x: Any) -> bool:
    """Whether a row vector is in this process' memory: neither in parts elsewhere nor on a GPU."""
    return not (is_distributed(x) or on_device(x))


def host(x: Any) -> FloatArray:
    """The row vector as a NumPy array, here: 8 n bytes."""
    if in_parts_on_device(x):
        x = x.map_blocks(to_host, dtype=x.dtype, meta=np.empty((0,) * x.ndim, dtype=x.dtype))
    return np.asarray(to_host(x))


def float64(x: Any) -> Any:
    """The row vector in double precision, the same object if it is that already."""
    return x if x.dtype == np.float64 else x.astype(np.float64)


def each(function: Callable[..., Any], *vectors: Any, dtype: Any = np.float64) -> Any:
    """``function(*vectors)``, an elementwise function of row vectors, computed where they are.

    For what NumPy's own functions would warn of: an `errstate` inside `function` holds in the
    threads that run it. A module-level function or a `functools.partial` of one; arguments that
    are not row vectors are passed on.
    """
    if not any(is_distributed(vector) for vector in vectors):
        return function(*vectors)
    array = import_optional("dask.array", extra="dask", purpose="to keep row vectors on workers")
    there = next((v._meta for v in vectors if in_parts_on_device(v)), None)
    home = np if there is None or dtype is object else array_module(there)
    return array.map_blocks(function, *vectors, dtype=dtype, meta=home.empty(0, dtype=dtype))


def fold(part: Callable[..., T], merge: Callable[[T, T], T], *vectors: Any) -> T:
    """Something small of all rows, put together in a tree; only that travels.

    ``part(start, *slices)`` is called with the number of the first row and the row vectors of every
    part, of all rows if they are here. `merge` must be associative: it is given neighbours, in
    order. Both are module-level functions or partials of them.
    """
    return _fold(part, merge, vectors, ())[0]


def settled_fold(
    part: Callable[..., T], merge: Callable[[T, T], T], of: Sequence[Any], *vectors: Any
) -> tuple[T, Any]:
    """``fold(part, merge, *of)``, and the vectors as by `settle`, in one go."""
    return _fold(part, merge, of, vectors)


def _fold(
    part: Callable[..., T], merge: Callable[[T, T], T], vectors: Sequence[Any], keep: Sequence[Any]
) -> tuple[T, Sequence[Any]]:
    """What `fold` finds, and vectors that are settled on the way: one round of tasks, not two."""
    if not any(is_distributed(vector) for vector in vectors):
        return part(0, *vectors), keep
    dask = import_optional("dask", extra="dask", purpose="to keep row vectors on workers")
    states = each(partial(_boxed, part), *vectors, dtype=object).to_delayed().ravel().tolist()
    join = dask.delayed(partial(_joined, merge), pure=False)
    while len(states) > 1:
        states = [join(states[i : i + _FAN_IN]) for i in range(0, len(states), _FAN_IN)]
    box, *kept = dask.persist(states[0], *keep) if keep else states
    found: T = box.compute()[0]
    return found, kept


def _boxed(part: Callable[..., Any], *slices: Any, block_info: Any) -> Any:
    """What `part` says of one part, as an array that may hold anything."""
    box = np.empty(1, dtype=object)
    where = next(info for key, info in block_info.items() if key is not None)
    box[0] = part(where["array-location"][0][0], *slices)
    return box


def _joined(merge: Callable[[Any, Any], Any], boxes: Any) -> Any:
    box = np.empty(1, dtype=object)
    box[0] = reduce(merge, [one[0] for one in boxes])
    return box


def extremes(x: Any) -> tuple[float, float]:
    """The smallest and the largest entry; infinities if there is none."""
    return fold(_extremes, wider, x)


def settled_extremes(x: Any, *vectors: Any) -> tuple[tuple[float, float], Any]:
    """The extremes of x, and the vectors as by `settle`, in one go."""
    return settled_fold(_extremes, wider, (x,), *vectors)


def _extremes(start: int, x: FloatArray) -> tuple[float, float]:
    if not x.size:
        return math.inf, -math.inf
    return float(x.min()), float(x.max())


def wider(left: tuple[float, float], right: tuple[float, float]) -> tuple[float, float]:
    """The extremes of two parts together."""
    return float(np.minimum(left[0], right[0])), float(np.maximum(left[1], right[1]))


def largest(x: Any) -> float:
    """The largest entry; minus infinity if there is none."""
    return fold(_largest, max, x)


def _largest(start: int, x: FloatArray) -> float:
    return float(x.max()) if x.size else -math.inf


def total(x: Any) -> float:
    """The sum, to 106 bits before it is rounded."""
    return settled_total(x)[0]


def settled_total(x: Any, *vectors: Any) -> tuple[float, Any]:
    """The sum of x, and the vectors as by `settle`, in one go."""
    pairs: list[float]
    pairs, kept = _fold(_pair, _together, (x,), vectors)
    return math.fsum(pairs), kept


def _together(left: list[float], right: list[float]) -> list[float]:
    return left + right


def _pair(start: int, x: FloatArray) -> list[float]:
    """The sum of a part as a rounded number and its error."""
    x = float64(x)
    whole = x.size - x.size % _BLOCK
    sums = x[:whole].reshape(-1, _BLOCK).sum(axis=1).tolist()
    if whole < x.size:
        sums.append(float(x[whole:].sum()))
    rounded = math.fsum(sums)
    return [rounded, math.fsum([*sums, -rounded])]


def like(x: Any, value: float) -> Any:
    """A row vector of equal float64 numbers, in the home of `x`."""
    return each(partial(_full_like, value), x)


def _full_like(value: float, x: FloatArray) -> FloatArray:
    return np.full_like(x, value, dtype=np.float64, shape=(len(x),))


def aligned(x: Any) -> Any:
    """A user's row vector, cut where strips may end, so that sums do not depend on the cut."""
    if not is_distributed(x):
        return x
    columns = tuple((k,) for k in x.shape[1:])
    if all(size % _BLOCK == 0 for size in x.chunks[0][:-1]) and x.chunks[1:] == columns:
        return x
    ends = np.cumsum(x.chunks[0])
    ends = np.unique(np.append(ends[:-1] // _BLOCK * _BLOCK, ends[-1]))
    return x.rechunk((tuple(np.diff(ends[ends > 0], prepend=0).tolist()), *columns))


def at(x: Any, indices: IntArray) -> FloatArray:
    """Entries x[indices], here, in the shape of `indices`; of a distributed x only they travel."""
    found: FloatArray
    if not is_distributed(x):
        found = to_host(x[beside(x, indices)])
        return found
    wanted, places = np.unique(indices, return_inverse=True)
    if in_parts_on_device(x):
        wanted = np.sort(np.where(wanted < 0, wanted + x.shape[0], wanted))
        places = np.searchsorted(wanted, np.where(indices < 0, indices + x.shape[0], indices))
        found = fold(partial(_entries, wanted), _one_after_the_other, x)
    else:
        found = np.asarray(x[wanted])
    return found[places.reshape(np.shape(indices))]


def _entries(wanted: IntArray, start: int, x: Any) -> FloatArray:
    """The entries at rows that increase, of one part."""
    first, last = np.searchsorted(wanted, [start, start + len(x)])
    found: FloatArray = to_host(x[beside(x, wanted[first:last] - start)])
    return found


def _one_after_the_other(left: FloatArray, right: FloatArray) -> FloatArray:
    return np.concatenate([left, right])


def settle(*vectors: Any) -> Any:
    """Compute distributed vectors now, together, and keep them where they are; others as they are.

    What follows then starts from the result instead of computing it again.
    """
    if any(is_distributed(vector) for vector in vectors):
        dask = import_optional("dask", extra="dask", purpose="to keep row vectors on workers")
        vectors = dask.persist(*vectors)
    return vectors if len(vectors) != 1 else vectors[0]
