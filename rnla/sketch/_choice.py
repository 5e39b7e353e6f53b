"""s distinct numbers below N, uniform over all subsets, as a function of a stream.

Few of many: draw, keep the first of equal numbers, draw the others again. The rule treats all
numbers alike, so the set is uniform by symmetry. Otherwise: the order of N random keys. O(s) or
O(N log N).
"""

from __future__ import annotations

import numpy as np

from .._result import IntArray
from ..random import Stream

__all__ = ["distinct"]


def distinct(stream: Stream, s: int, N: int) -> IntArray:
    """s distinct integers of 0 … N-1 in increasing order."""
    if 4 * s > N:
        words = stream.words(range(N)).astype(np.uint64)
        keys = (words[:, 0] << np.uint64(32)) | words[:, 1]
        return np.sort(np.argsort(keys, kind="stable")[:s]).astype(np.int64)
    chosen = np.zeros(0, dtype=np.int64)
    draw = 0
    while chosen.size < s:
        # Wider than 32 bits: two words make one number below N (bias below N / 2^64).
        fresh = _below(stream, N, s - chosen.size, draw)
        chosen = np.unique(np.concatenate([chosen, fresh]))
        draw += 1
    return chosen


def _below(stream: Stream, N: int, count: int, draw: int) -> IntArray:
    words = stream.words(range(count), draw=draw).astype(object)
    wide = (words[:, 0] * 2**32 + words[:, 1]) * N
    return np.array([int(number) >> 64 for number in wide], dtype=np.int64)
