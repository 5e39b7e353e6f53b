"""Rows for the solvers of sensitivities: as dense float64, and each distinct row only once."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from .._result import FloatArray, IntArray
from ..tall import TallMatrix, as_tall

__all__ = ["count_distinct", "dense_rows", "distinct_rows", "in_memory"]


def in_memory(A: TallMatrix) -> TallMatrix:
    """A itself if its rows are here, else its rows gathered: for methods that hold all of A."""
    header = A._engine.header
    if not header.streamed and not A._engine.is_distributed:
        return A
    A.passes += 1
    return as_tall(A.take(np.arange(A.shape[0])), require_tall=False)


def dense_rows(A: TallMatrix, rows: IntArray) -> FloatArray:
    """The given rows as a dense float64 array: for a few rows at a time."""
    taken: Any = A.take(rows)
    if sp.issparse(taken):
        taken = taken.toarray()
    return np.asarray(taken, dtype=np.float64)


def distinct_rows(A: TallMatrix, rows: IntArray) -> tuple[IntArray, IntArray]:
    """Representatives of rows equal up to sign, and for every row the number of its representative.

    Returns (first, group) with first[group[k]] standing for rows[k]. O(n d) time and memory.
    """
    found: dict[bytes, int] = {}
    first: list[int] = []
    group = np.empty(len(rows), dtype=np.int64)
    step = 4096
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        for offset, key in enumerate(_keys(A.take(part))):
            number = found.setdefault(key, len(first))
            if number == len(first):
                first.append(int(part[offset]))
            group[start + offset] = number
    return np.asarray(first, dtype=np.int64), group


def count_distinct(A: TallMatrix, rows: IntArray, most: int) -> int:
    """How many of the rows differ by more than sign; no more are read once there are `most`."""
    found: set[bytes] = set()
    start, step = 0, 4096
    while start < len(rows) and len(found) < most:
        found.update(_keys(A.take(rows[start : start + step])))
        start, step = start + step, min(4 * step, 2**18)
    return len(found)


def _keys(block: Any) -> list[bytes]:
    if sp.issparse(block):
        block.sort_indices()
        bounds = zip(block.indptr[:-1], block.indptr[1:], strict=True)
        keys = []
        for begin, end in bounds:
            index, data = block.indices[begin:end], block.data[begin:end]
            index, data = index[data != 0], data[data != 0]
            sign = np.sign(data[0]) if data.size else 1.0
            keys.append(index.astype(np.int64).tobytes() + (sign * data).tobytes())
        return keys
    leading = np.argmax(block != 0, axis=1)
    sign = np.sign(block[np.arange(len(block)), leading])
    normal = np.where(sign[:, None] < 0, -block, block) + 0.0  # turns -0.0 into 0.0
    return [row.tobytes() for row in np.ascontiguousarray(normal)]
