"""Projection DPPs on some eigenvectors of a kernel, real or complex (SPEC A7, A8).

The chain rule for few items, else accept/reject with the squared lengths of the rows, or bounds of
them, as envelope: about t log k rows for an envelope of sum t, and k^3 log k flops. On a GPU draws
of as many items go through the kernels together.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from .._result import IntArray
from ..random import Stream
from ._chain import chains
from ._spectrum import Spectrum, candidates
from ._together import Batch, accept_draws

__all__ = ["draw_from_eigenvectors"]

_FEW = 4  # items for each eigenvector up to which the chain rule is used
_CAP = 1000  # rejections in a row over the sum of bounds, met with probability below k exp(-1000)
_TOGETHER = 2**29  # bytes of the features of draws that go together, on a GPU


def draw_from_eigenvectors(
    given: Spectrum, kept: npt.NDArray[np.bool_], seed: int
) -> tuple[list[IntArray], IntArray]:
    """For each row of `kept` the items drawn, sorted, and the proposals that were looked at.

    Draw t is a function of the seed, t and its row.
    """
    sets: list[IntArray] = [np.empty(0, dtype=np.int64)] * len(kept)
    proposals = np.zeros(len(kept), dtype=np.int64)
    sizes = np.count_nonzero(kept, axis=1)
    for k in np.unique(sizes[sizes > 0]).tolist():
        draws = np.flatnonzero(sizes == k)
        rows = given.size if given.size <= _FEW * k else candidates(given.rank, k)
        together = max(1, _TOGETHER // (8 * k * rows)) if given.is_on_device else 1
        for first in range(0, draws.size, together):
            own = draws[first : first + together]
            items, proposals[own] = _draws(given, kept, k, seed, own)
            for t, row in zip(own.tolist(), np.sort(items, axis=1), strict=True):
                sets[t] = row
    return sets, proposals


def _draws(
    given: Spectrum, kept: npt.NDArray[np.bool_], k: int, seed: int, draws: IntArray
) -> tuple[IntArray, IntArray]:
    """Draws of k items each, in the order drawn."""
    V = [given.select(kept[t]) for t in draws]
    if given.size <= _FEW * k:
        stream, everything = Stream(seed, "dpp.chain"), np.arange(given.size)
        items = [
            chains(own.rows(everything), stream.uniform(range(k), draw=t)[None])[0]
            for t, own in zip(draws.tolist(), V, strict=True)
        ]
        return np.stack(items), np.zeros(draws.size, dtype=np.int64)
    places, tests = Stream(seed, "dpp.proposals"), Stream(seed, "dpp.tests")

    def propose(which: IntArray, start: int, count: int) -> Batch:
        index = range(start, start + count)
        drawn, envelope, features, points = [], [], [], []
        for number in which.tolist():
            own, t = V[number], int(draws[number])
            rows, bounds = own.envelope.draw(places.uniform(index, draw=t))
            drawn.append(rows)
            envelope.append(bounds)
            features.append(own.rows(rows))
            points.append(tests.uniform(index, draw=t))
        return Batch(np.stack(drawn), features, np.stack(envelope), np.stack(points))

    first, cap = candidates(V[0].total, k), _CAP * math.ceil(V[0].total)
    return accept_draws(propose, draws.size, k, cap=cap, first=first)
