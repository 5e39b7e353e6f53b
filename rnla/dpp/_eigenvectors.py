"""A projection DPP on orthonormal columns that are at hand, real or complex (SPEC A7, A8).

The chain rule for few rows, else accept/reject, which looks at k log k rows after one sweep for
their lengths: O(N k + k^3 log k).
"""

from __future__ import annotations

import math

import numpy as np

from .._result import IntArray
from ..random import Stream
from ._chain import chain
from ._kernel import Matrix
from ._rejection import Proposals, accept
from ._selection import squares

__all__ = ["draw_from_eigenvectors"]

_FEW = 4  # rows for each column up to which the chain rule is used
_CAP = 1000  # rejections in a row for each column, met with probability below k exp(-1000)


def draw_from_eigenvectors(V: Matrix, seed: int, draw: int) -> tuple[IntArray, int]:
    """The rows drawn, sorted, and the proposals that were looked at; V^* V = I."""
    n, k = V.shape
    if k == 0:
        return np.empty(0, dtype=np.int64), 0
    if n <= _FEW * k:
        points = Stream(seed, "dpp.chain").uniform(range(k), draw=draw)
        return np.sort(chain(V, points)), 0
    length = squares(V)
    sums = np.cumsum(length)
    last = int(np.searchsorted(sums, sums[-1], side="left"))
    places, tests = Stream(seed, "dpp.proposals"), Stream(seed, "dpp.tests")

    def propose(start: int, count: int) -> Proposals:
        index = range(start, start + count)
        points = places.uniform(index, draw=draw) * sums[-1]
        rows = np.minimum(np.searchsorted(sums, points, side="right"), last)
        return Proposals(rows, V[rows], length[rows], tests.uniform(index, draw=draw))

    first = math.ceil(k * (math.log(k) + 3.8))
    rows, proposals, _ = accept(propose, k, cap=_CAP * k, first=first)
    return np.sort(rows), proposals
