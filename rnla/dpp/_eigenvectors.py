"""A projection DPP on some eigenvectors of a kernel, real or complex (SPEC A7, A8).

The chain rule for few items, else accept/reject with the squared lengths of the rows, or bounds of
them, as envelope: about t log k rows for an envelope of sum t, and k^3 log k flops.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from .._result import IntArray
from ..random import Stream
from ._chain import chain
from ._rejection import Proposals, accept
from ._spectrum import Spectrum, candidates

__all__ = ["draw_from_eigenvectors"]

_FEW = 4  # items for each eigenvector up to which the chain rule is used
_CAP = 1000  # rejections in a row over the sum of bounds, met with probability below k exp(-1000)


def draw_from_eigenvectors(
    given: Spectrum, kept: npt.NDArray[np.bool_], seed: int, draw: int
) -> tuple[IntArray, int]:
    """The items drawn, sorted, and the proposals that were looked at."""
    k = int(np.count_nonzero(kept))
    if k == 0:
        return np.empty(0, dtype=np.int64), 0
    V = given.select(kept)
    if given.size <= _FEW * k:
        points = Stream(seed, "dpp.chain").uniform(range(k), draw=draw)
        return np.sort(chain(V.rows(np.arange(given.size)), points)), 0
    places, tests = Stream(seed, "dpp.proposals"), Stream(seed, "dpp.tests")

    def propose(start: int, count: int) -> Proposals:
        index = range(start, start + count)
        items, envelope = V.envelope.draw(places.uniform(index, draw=draw))
        return Proposals(items, V.rows(items), envelope, tests.uniform(index, draw=draw))

    first, cap = candidates(V.total, k), _CAP * math.ceil(V.total)
    items, proposals, _ = accept(propose, k, cap=cap, first=first)
    return np.sort(items), proposals
