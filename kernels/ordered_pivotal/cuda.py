"""Launches of the ordered pivotal pass (see the contract beside this file)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import Launch, blocks
from ..unit_steps.cuda import LAST, THREADS, tile_sums


def _run(device: Any, function: str, grid: Any, *arguments: Any) -> None:
    device.run(Launch("ordered_pivotal", function, grid, (THREADS, 1, 1), arguments))


def ordered_pivotal(
    device: Any, steps: Any, uniforms: Any, start: int, standing: int, mass: int
) -> tuple[Any, int, int]:
    """Waits for the device to learn how many rows are accepted, and who stands."""
    steps = device.contiguous(steps, np.uint64)
    uniforms = device.contiguous(uniforms, np.float64)
    count = steps.shape[0]
    if not count:
        return device.empty(0, np.int64), standing, mass
    tiles, sums, ends = tile_sums(device, steps)
    counts, winners = device.empty(tiles, np.int64), device.empty(tiles, np.int64)
    duels = steps, uniforms, np.int64(count), np.int64(tiles), sums, ends, np.uint64(mass)
    _run(device, "count_accepted", blocks(tiles), *duels, counts, winners)
    _run(device, "last_winners", (1, 1, 1), np.int64(tiles), winners)
    places = device.cumsum(counts)
    accepted = device.empty(int(places[-1]), np.int64)
    if accepted.size:
        rows = np.int64(start), np.int64(standing), accepted
        _run(device, "write_accepted", blocks(tiles), *duels, counts, winners, places, *rows)
    winner = int(winners[-1])
    standing = start + winner - 1 if winner else standing
    return accepted, standing, (mass + int(ends[-1])) & LAST
