"""Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw (SC 2011).

A block of four 32-bit words is a pure function of a 64-bit key and a 128-bit counter. Here the
counter is (index low, index high, block, draw): 64 bits of row index, 32 of column block, 32 of
draw number. Ten rounds; about 2 ns a block on one core.
"""

from __future__ import annotations

import numpy as np

__all__ = ["uniform_range", "words_at", "words_range"]


def words_range(key: int, start: int, count: int, block: int = 0, draw: int = 0) -> np.ndarray:
    """Words of the indices `start … start + count - 1`, as a (count, 4) uint32 array."""
    from . import cpu

    out = np.empty((count, 4), dtype=np.uint32)
    cpu.words_range(np.uint64(key), np.uint64(start), np.uint64(block), np.uint64(draw), out)
    return out


def words_at(key: int, index: np.ndarray, block: int = 0, draw: int = 0) -> np.ndarray:
    """Words of arbitrary indices (uint64 array), as a (len(index), 4) uint32 array."""
    from . import cpu

    index = np.ascontiguousarray(index, dtype=np.uint64)
    out = np.empty((index.size, 4), dtype=np.uint32)
    cpu.words_at(np.uint64(key), index, np.uint64(block), np.uint64(draw), out)
    return out


def uniform_range(key: int, start: int, count: int, block: int = 0, draw: int = 0) -> np.ndarray:
    """Uniforms of (0, 1) of consecutive indices: 52 bits of words 0 and 1, plus half a step."""
    from . import cpu

    out = np.empty(count)
    cpu.uniform_range(np.uint64(key), np.uint64(start), np.uint64(block), np.uint64(draw), out)
    return out
