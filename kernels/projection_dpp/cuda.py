"""Launches of draws of a projection DPP (see the contract beside this file)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..dispatch import Launch, blocks, in_place

if TYPE_CHECKING:
    from . import Progress

THREADS = 128  # as in cuda.cu
MOST_SCRATCH = 1 << 27  # numbers for residuals of all rows, of the draws that run at once


def accept(
    device: Any,
    features: Any,
    envelope: Any,
    points: Any,
    which: Any,
    progress: Progress,
    cap: int,
) -> None:
    from . import NEGLIGIBLE

    draws, count, r = features.shape
    in_place(progress.basis, "basis")
    for name in ("chosen", "counts"):
        in_place(getattr(progress, name), name, np.int64)
    if not features.size:
        return
    proposals = (device.contiguous(array, np.float64) for array in (features, envelope, points))
    arguments = (
        *(*proposals, device.contiguous(which, np.int64)),
        *(np.int64(draws), np.int64(count), np.int64(r), np.int64(cap), np.float64(NEGLIGIBLE)),
        *(progress.basis, progress.chosen, progress.counts),
    )
    threads = (THREADS, 1, 1)
    device.run(
        Launch("projection_dpp", "accept_proposals", blocks(draws), threads, arguments, (), 16 * r)
    )


def chain(device: Any, U: Any, points: Any) -> Any:
    from . import NEGLIGIBLE

    (n, r), draws = U.shape, points.shape[0]
    chosen = device.empty((draws, r), np.int64)
    if not chosen.size:
        return chosen
    columns, points = device.contiguous(U.T, np.float64), device.contiguous(points, np.float64)
    grid = blocks(min(draws, max(1, MOST_SCRATCH // (n * r))))
    basis = device.empty((grid[0], 2, r, r), np.float64)
    rest = device.empty((grid[0], r, n), np.float64)
    sums = device.empty((grid[0], 3, n), np.float64)
    arguments = (
        *(columns, points, np.int64(draws), np.int64(n), np.int64(r), np.float64(NEGLIGIBLE)),
        *(basis, rest, sums, chosen),
    )
    device.run(Launch("projection_dpp", "chain_rule", grid, (THREADS, 1, 1), arguments, (), 16 * r))
    return chosen
