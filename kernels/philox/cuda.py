"""Launches of the Philox kernels (see the contract beside this file)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import Launch, blocks

THREADS = 256


def _run(device: Any, function: str, key: int, index: Any, work: int, *rest: Any) -> None:
    """Run a function for a range of indices, or for those of an array."""
    if not work:
        return
    start = 0
    if isinstance(index, range) and index.step == 1:
        index, start = None, index.start
    elif isinstance(index, range):
        index = device.arange(len(index)) * index.step + index.start
    if index is not None:
        index = device.contiguous(index, np.uint64)
    arguments = (np.uint64(key), index, np.uint64(start), *rest)
    device.run(Launch("philox", function, blocks(work, THREADS), (THREADS, 1, 1), arguments))


def words(device: Any, key: int, index: Any, block: int, draw: int) -> Any:
    count = len(index)
    out = device.empty((count, 4), np.uint32)
    rest = np.uint32(block), np.uint32(draw), np.int64(count), out
    _run(device, "words", key, index, count, *rest)
    return out


def uniform(device: Any, key: int, index: Any, block: int, draw: int) -> Any:
    count = len(index)
    out = device.empty(count, np.float64)
    rest = np.uint32(block), np.uint32(draw), np.int64(count), out
    _run(device, "uniform", key, index, count, *rest)
    return out


def signs(device: Any, key: int, index: Any, draw: int) -> Any:
    count = len(index)
    out = device.empty(count, np.float64)
    _run(device, "signs", key, index, count, np.uint32(draw), np.int64(count), out)
    return out


def integers(device: Any, key: int, high: int, index: Any, draw: int) -> Any:
    count = len(index)
    out = device.empty(count, np.int64)
    rest = np.uint32(draw), np.uint64(high), np.int64(count), out
    _run(device, "integers", key, index, count, *rest)
    return out


def normal(device: Any, key: int, index: Any, columns: int, draw: int) -> Any:
    count = len(index)
    out = device.empty((count, columns), np.float64)
    rest = np.uint32(draw), np.int64(count), np.int64(columns), out
    _run(device, "normal", key, index, count * ((columns + 1) // 2), *rest)
    return out
