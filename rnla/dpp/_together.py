"""Accept/reject for many draws of a projection DPP: real features go through the kernel that both
the CPU and a GPU have, which for up to a few hundred rows is 1 to 20 times faster than the blocks
of `_rejection`; beyond, and for complex features, the blocks do one draw after another.

The same rows either way, but for a threshold met to within rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import ConvergenceError
from .._result import FloatArray, IntArray
from ..kernels import projection_dpp
from ..tall._device import array_module, beside, on_device, to_host
from ._rejection import Proposals, accept, cap_message

__all__ = ["LARGEST", "Batch", "Propose", "accept_draws"]

LARGEST = 384  # rows of a draw up to which the kernel is as fast as products of BLAS


@dataclass(frozen=True, eq=False)
class Batch:
    """Consecutive proposals of k draws.

    `rows`, `envelope` and `points` have shape (k, count) and are here; `features` is a list of k
    arrays (count, r), all here or all on one GPU, or an array (k, count, r) there.
    """

    rows: IntArray
    features: Any
    envelope: FloatArray
    points: FloatArray

    def of(self, k: int) -> Proposals:
        """Those of one of the draws."""
        return Proposals(self.rows[k], self.features[k], self.envelope[k], self.points[k])


Propose = Callable[[IntArray, int, int], Batch]


def accept_draws(
    propose: Propose, draws: int, r: int, *, cap: int, first: int
) -> tuple[IntArray, IntArray]:
    """Rows of each draw in the order accepted, shape (draws, r), and the proposals it took.

    Parameters
    ----------
    propose : callable
        ``propose(which, start, count)`` gives proposals start, start + 1, ... of these draws.
    draws, r : int
        How many draws, of how many rows: the dimension of the features.
    cap : int
        Most proposals between two acceptances.
    first : int
        Size of the first batch, one that is usually enough.

    Raises
    ------
    ConvergenceError
        If the cap is reached.
    """
    batch = propose(np.arange(draws), 0, first)
    like = batch.features[0]
    if not on_device(like) and (r > LARGEST or np.iscomplexobj(like)):
        return _one_by_one(propose, batch, draws, r, cap)
    progress = projection_dpp.begin(draws, r, like=like if on_device(like) else None)
    indices = np.empty((draws, r), dtype=np.int64)
    which, start = np.arange(draws), 0
    while True:
        _look_at(batch, which, progress, cap)
        counts, chosen = to_host(progress.counts)[which], to_host(progress.chosen)[which]
        # Numbers of proposals become rows while the batch that they are of is here.
        new = (np.arange(r) < counts[:, :1]) & (chosen >= start)
        draw, place = np.nonzero(new)
        indices[which[draw], place] = batch.rows[draw, chosen[draw, place] - start]
        if np.any(counts[:, 2] > cap):
            stuck = int(np.argmax(counts[:, 2] > cap))
            size = int(counts[stuck, 0])
            raise ConvergenceError(cap_message(cap, size, r), result=indices[which[stuck], :size])
        which = which[counts[:, 0] < r]
        if not which.size:
            return indices, to_host(progress.counts)[:, 1].copy()
        start += batch.rows.shape[1]
        batch = propose(which, start, max(32, 2 * r))


def _look_at(batch: Batch, which: IntArray, progress: projection_dpp.Progress, cap: int) -> None:
    like = batch.features[0]
    if on_device(like):
        features = batch.features
        if isinstance(features, list):
            features = array_module(like).stack(features)
        envelope, points = beside(like, batch.envelope), beside(like, batch.points)
        projection_dpp.accept(features, envelope, points, beside(like, which), progress, cap)
        return
    for k in range(which.size):
        own = slice(k, k + 1)
        features = batch.features[k][None]
        projection_dpp.accept(
            features, batch.envelope[own], batch.points[own], which[own], progress, cap
        )


def _one_by_one(
    propose: Propose, batch: Batch, draws: int, r: int, cap: int
) -> tuple[IntArray, IntArray]:
    indices = np.empty((draws, r), dtype=np.int64)
    proposals = np.empty(draws, dtype=np.int64)
    for draw in range(draws):

        def own(start: int, count: int, draw: int = draw) -> Proposals:
            if start == 0:
                return batch.of(draw)
            return propose(np.array([draw]), start, count).of(0)

        indices[draw], proposals[draw], _ = accept(own, r, cap=cap, first=batch.rows.shape[1])
    return indices, proposals
