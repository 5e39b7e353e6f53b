"""Launches of the priority race (see the contract beside this file)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import Launch, blocks

THREADS = 256
ROWS_PER_BLOCK = 16 * THREADS
DIGIT = 11  # bits that are counted at a time: 8 KiB of shared memory
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
    """Waits for the device."""
    keys = device.contiguous(keys, np.int64)
    last = NEVER - 1
    if keys.shape[0] > count:
        last = min(last, _last_of(device, keys, count))
    return device.flatnonzero(keys <= last)


def _last_of(device: Any, keys: Any, before: int) -> int:
    """A number that is not below the key with `before` keys before it, but below all larger ones.

    Digit by digit from the top, each from a count of the keys that agree so far: six reads of the
    keys at most, two or three as a rule.
    """
    size = keys.shape[0]
    grid, block = blocks(size, ROWS_PER_BLOCK), (THREADS, 1, 1)
    prefix, shift = 0, 64
    while shift > 0:
        bits = min(DIGIT, shift)
        shift -= bits
        counts = device.zeros(1 << bits, np.uint64)
        numbers = np.int64(size), np.uint64(prefix), np.int32(shift), np.int32(bits)
        device.run(Launch("priority_keys", "count_digits", grid, block, (keys, *numbers, counts)))
        counts = counts.tolist()
        digit = 0
        while before >= counts[digit]:
            before -= counts[digit]
            digit += 1
        prefix = prefix << bits | digit
        if before == counts[digit] - 1:  # the last key of its digit
            break
    return (prefix + 1 << shift) - 1 - 2**63
