"""Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw (SC 2011).

A block of four 32-bit words is a pure function of a 64-bit key and a 128-bit counter. Here the
counter is (index low, index high, block, draw): 64 bits of row index, 32 of column block, 32 of
draw number. Ten rounds; about 2 ns a block on one core.

Indices are a range, or an integer array on the device that the result is wanted on; `like` is an
array that says so for a range. Words, uniforms, signs and integers have the same bits on every
device; normals agree to a few units in the last place.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import device_of

__all__ = [
    "integers",
    "normal",
    "signs",
    "uniform",
    "uniform_range",
    "words",
    "words_at",
    "words_range",
]

Index = Any  # a range, or an integer array

_TWO_TO_MINUS_52 = 2.0**-52


def words(key: int, index: Index, block: int = 0, draw: int = 0, *, like: Any = None) -> Any:
    """Four words per index, as a (len(index), 4) uint32 array."""
    device = device_of(index, like)
    if device is not None:
        from . import cuda

        return cuda.words(device, key, index, block, draw)
    if isinstance(index, range) and index.step == 1:
        return words_range(key, index.start, len(index), block, draw)
    return words_at(key, np.asarray(index, dtype=np.uint64), block, draw)


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


def uniform(key: int, index: Index, block: int = 0, draw: int = 0, *, like: Any = None) -> Any:
    """Uniforms of (0, 1), float64: 52 bits of words 0 and 1, plus half a step."""
    device = device_of(index, like)
    if device is not None:
        from . import cuda

        return cuda.uniform(device, key, index, block, draw)
    if isinstance(index, range) and index.step == 1:
        return uniform_range(key, index.start, len(index), block, draw)
    return _open_unit(words(key, index, block, draw), 0)


def uniform_range(key: int, start: int, count: int, block: int = 0, draw: int = 0) -> np.ndarray:
    """The uniforms of the indices `start … start + count - 1`."""
    from . import cpu

    out = np.empty(count)
    cpu.uniform_range(np.uint64(key), np.uint64(start), np.uint64(block), np.uint64(draw), out)
    return out


def signs(key: int, index: Index, draw: int = 0, *, like: Any = None) -> Any:
    """-1.0 or +1.0 by the first bit of word 0, float64."""
    device = device_of(index, like)
    if device is not None:
        from . import cuda

        return cuda.signs(device, key, index, draw)
    bits = words(key, index, 0, draw)[:, 0] >> np.uint32(31)
    return 1.0 - 2.0 * bits.astype(np.float64)


def integers(key: int, high: int, index: Index, draw: int = 0, *, like: Any = None) -> Any:
    """Integers of 0 … high - 1, int64, from words 0 and 1; high at most 2^32."""
    device = device_of(index, like)
    if device is not None:
        from . import cuda

        return cuda.integers(device, key, high, index, draw)
    drawn = words(key, index, 0, draw).astype(np.uint64)
    bound = np.uint64(high)
    carry = (drawn[:, 1] * bound) >> np.uint64(32)
    return ((drawn[:, 0] * bound + carry) >> np.uint64(32)).astype(np.int64)


def normal(key: int, index: Index, columns: int = 1, draw: int = 0, *, like: Any = None) -> Any:
    """Standard normals by Box-Muller, (len(index), columns); block b gives columns 2b, 2b + 1."""
    device = device_of(index, like)
    if device is not None:
        from . import cuda

        return cuda.normal(device, key, index, columns, draw)
    out = np.empty((len(index), columns))
    for block in range((columns + 1) // 2):
        drawn = words(key, index, block, draw)
        radius = np.sqrt(-2.0 * np.log(_open_unit(drawn, 0)))
        angle = (2.0 * np.pi) * _open_unit(drawn, 2)
        out[:, 2 * block] = radius * np.cos(angle)
        if 2 * block + 1 < columns:
            out[:, 2 * block + 1] = radius * np.sin(angle)
    return out


def _open_unit(drawn: np.ndarray, first: int) -> np.ndarray:
    """52 bits from two words, moved half a step so that neither 0 nor 1 can occur."""
    high = (drawn[:, first] >> np.uint32(6)).astype(np.float64)
    low = (drawn[:, first + 1] >> np.uint32(6)).astype(np.float64)
    return (high * 2.0**26 + low + 0.5) * _TWO_TO_MINUS_52
