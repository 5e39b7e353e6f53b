"""Row vectors of either kind: NumPy arrays, or Dask arrays whose parts stay with their rows.

NumPy's functions apply to both, element by element. What needs all rows at once, or must not depend
on how they are cut, is here. Sums add up blocks of 1024 rows, which every strip is a multiple of,
and then pairs of numbers, so they come out the same for any chunks.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._errors import import_optional
from .._result import FloatArray

__all__ = ["host", "is_distributed", "largest", "settle", "total"]

_BLOCK = 1024


def is_distributed(x: Any) -> bool:
    """Whether a row vector is kept in parts elsewhere."""
    return hasattr(x, "__dask_graph__")


def host(x: Any) -> FloatArray:
    """The row vector as a NumPy array, here: 8 n bytes."""
    return np.asarray(x)


def largest(x: Any) -> float:
    """The largest entry; minus infinity if there is none."""
    if is_distributed(x):
        return float(x.max().compute()) if x.size else -math.inf
    return float(np.max(x, initial=-math.inf))


def total(x: Any) -> float:
    """The sum, to 106 bits before it is rounded."""
    if is_distributed(x):
        pairs = x.map_blocks(_pair, chunks=(2,), dtype=np.float64)
        return math.fsum(pairs.compute().tolist())
    return math.fsum(_pair(np.asarray(x)).tolist())


def _pair(x: FloatArray) -> FloatArray:
    """The sum of a part as a rounded number and its error."""
    x = np.asarray(x, dtype=np.float64)
    whole = x.size - x.size % _BLOCK
    sums = x[:whole].reshape(-1, _BLOCK).sum(axis=1).tolist()
    if whole < x.size:
        sums.append(float(x[whole:].sum()))
    rounded = math.fsum(sums)
    return np.array([rounded, math.fsum([*sums, -rounded])])


def settle(*vectors: Any) -> Any:
    """Compute distributed vectors now, together, and keep them where they are; others as they are.

    What follows then starts from the result instead of computing it again.
    """
    if any(is_distributed(vector) for vector in vectors):
        dask = import_optional("dask", extra="dask", purpose="to keep row vectors on workers")
        vectors = dask.persist(*vectors)
    return vectors if len(vectors) != 1 else vectors[0]
