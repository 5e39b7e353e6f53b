"""A uniform random subset without replacement, in O(size) memory, from numbers of a stream."""

from __future__ import annotations

import numpy as np

from .._result import IntArray
from ..random import Stream

__all__ = ["uniform_subset"]


def uniform_subset(n: int, size: int, stream: Stream, draw: int) -> IntArray:
    """`size` of the numbers 0 to n - 1, increasing, every set equally likely."""
    if 2 * size > n:
        left_out = _first_distinct(n, n - size, stream, draw)
        kept = np.ones(n, dtype=bool)
        kept[left_out] = False
        return np.flatnonzero(kept)
    return np.sort(_first_distinct(n, size, stream, draw))


def _first_distinct(n: int, size: int, stream: Stream, draw: int) -> IntArray:
    """The first `size` different numbers of a sequence of independent ones; size at most n / 2."""
    seen = np.empty(0, dtype=np.int64)
    while True:
        count = max(64, 2 * seen.size, size + size // 2)
        seen = np.minimum((stream.uniform(range(count), draw=draw) * n).astype(np.int64), n - 1)
        _, first = np.unique(seen, return_index=True)
        if first.size >= size:
            found: IntArray = seen[np.sort(first)[:size]]
            return found
