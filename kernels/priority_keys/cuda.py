"""Launches of the priority race (see the contract beside this file)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import Launch, blocks

THREADS = 256
NEVER = np.iinfo(np.int64).max


def priority_keys(device: Any, key: int, start: int, scores: Any) -> Any:
    scores = device.contiguous(scores, np.float64)
    count = scores.shape[0]
    keys = device.empty(count, np.int64)
    if count:
        arguments = np.uint64(key), np.uint64(start), scores, np.int64(count), keys
        grid, block = blocks(count, THREADS), (THREADS, 1, 1)
        device.run(Launch("priority_keys", "priority_keys", grid, block, arguments))
    return keys


def smallest(device: Any, keys: Any, count: int) -> Any:
    """By sorting a copy of the keys. Waits for the device."""
    last = NEVER - 1
    if keys.shape[0] > count:
        last = min(last, int(device.sort(keys)[count]))
    return device.flatnonzero(keys <= last)
