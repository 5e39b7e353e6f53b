"""Launches of the tree pivotal pass (see the contract beside this file)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import Launch, blocks

THREADS = 256


def _run(device: Any, function: str, work: int, *arguments: Any) -> None:
    grid, block = blocks(work, THREADS), (THREADS, 1, 1)
    device.run(Launch("tree_pivotal", function, grid, block, arguments))


def tree_pivotal(device: Any, steps: Any, uniforms: Any) -> tuple[Any, int, int]:
    steps = device.contiguous(steps, np.uint64)
    uniforms = device.contiguous(uniforms, np.float64)
    count = steps.shape[0]
    if not count:
        return device.empty(0, np.int64), -1, 0
    row, mass = device.empty(count, np.int64), device.empty(count, np.uint64)
    accepted = device.zeros(count, np.uint8)
    _run(device, "leaves", count, steps, np.int64(count), row, mass)
    for depth in reversed(range((count - 1).bit_length())):
        arguments = uniforms, np.int64(count), np.int32(depth), row, mass, accepted
        _run(device, "duels", 1 << depth, *arguments)
    return device.flatnonzero(accepted), int(row[0]), int(mass[0])
