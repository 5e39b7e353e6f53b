"""Rows drawn with probability proportional to a row vector of masses, wherever that is kept.

Two levels: running sums over blocks of 1024 rows, of which every part but the last is a multiple,
then within one block. The running sum of a row is that of the blocks before it plus that of its
block, in any home, so that a point finds the same row for any chunks. Of a Dask row vector and of
one on a GPU n / 1024 numbers travel once, and for each draw the rows drawn and their masses.
O(log n) for each point.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from .._errors import import_optional
from .._result import FloatArray, IntArray
from ..kernels.running_sums import BLOCK, running_sums
from ..tall import rows
from ..tall._device import beside, to_host

__all__ = ["Masses", "pick"]


def pick(values: FloatArray, point: float) -> int:
    """One place with probability proportional to a few masses, for one uniform point."""
    sums = np.cumsum(values)
    return int(_places(sums, np.array([point * sums[-1]]))[0])


def _places(sums: Any, targets: Any) -> Any:
    """The first running sum above each target; for the total the last that adds to it.

    The actual sum, whatever it should be: rounding must not leave a target beyond the last.
    """
    last = np.searchsorted(sums, sums[-1:], side="left")
    return np.minimum(np.searchsorted(sums, targets, side="right"), last)


class Masses:
    """Finite, non-negative masses of the rows, a row vector; `at` looks some of them up."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def at(self, indices: IntArray) -> FloatArray:
        """Masses of the rows, in the shape of `indices`."""
        return rows.at(self.values, indices)

    @cached_property
    def _ends(self) -> FloatArray:
        """Running sums at the end of each block."""
        sums: FloatArray = np.cumsum(rows.fold(_sums_of_blocks, _joined, self.values))
        return sums

    @cached_property
    def _sums(self) -> Any:
        """Running sums at every row, for rows that are here or on a GPU."""
        sums = running_sums(self.values)
        starts = beside(sums, np.append(0.0, self._ends[:-1]))
        return sums + starts.repeat(BLOCK)[: sums.size]

    def draw(self, points: FloatArray) -> tuple[IntArray, FloatArray]:
        """One row for each uniform point, and the masses of these rows; both come here."""
        targets = points * self._ends[-1]
        if rows.is_distributed(self.values):
            starts = np.append(0.0, self._ends[:-1])
            return self._from_parts(_places(self._ends, targets), starts, targets)
        drawn = _places(self._sums, beside(self.values, targets))
        return to_host(drawn), to_host(self.values[drawn])

    def _from_parts(
        self, blocks: IntArray, starts: FloatArray, targets: FloatArray
    ) -> tuple[IntArray, FloatArray]:
        """Look the targets up where the parts of the masses are; one task for each part needed."""
        dask = import_optional("dask", extra="dask", purpose="to draw rows on workers")
        edges = np.cumsum([0, *self.values.chunks[0]])
        parts = np.searchsorted(edges, blocks * BLOCK, side="right") - 1
        chunks = self.values.to_delayed().ravel()
        pick = dask.delayed(_picked, pure=False)
        numbers = np.unique(parts)
        wanted = [np.flatnonzero(parts == number) for number in numbers]
        tasks = [
            pick(chunks[number], blocks[here] - edges[number] // BLOCK, starts[blocks[here]],
                 targets[here])
            for number, here in zip(numbers, wanted, strict=True)
        ]  # fmt: skip
        drawn, masses = np.empty(blocks.size, dtype=np.int64), np.empty(blocks.size)
        for number, here, (local, found) in zip(numbers, wanted, dask.compute(*tasks), strict=True):
            drawn[here], masses[here] = local + edges[number], found
        return drawn, masses


def _sums_of_blocks(start: int, values: Any) -> FloatArray:
    sums = running_sums(values)
    return np.append(
        to_host(sums[BLOCK - 1 :: BLOCK]), to_host(sums[sums.size // BLOCK * BLOCK :][-1:])
    )


def _joined(left: FloatArray, right: FloatArray) -> FloatArray:
    return np.concatenate([left, right])


def _picked(
    values: FloatArray, blocks: IntArray, starts: FloatArray, targets: FloatArray
) -> tuple[IntArray, FloatArray]:
    """Rows of one part, and their masses."""
    drawn = np.empty(blocks.size, dtype=np.int64)
    for block in np.unique(blocks):
        here = np.flatnonzero(blocks == block)
        sums = running_sums(values[block * BLOCK : (block + 1) * BLOCK]) + starts[here[0]]
        drawn[here] = block * BLOCK + to_host(_places(sums, beside(sums, targets[here])))
    return drawn, to_host(values[beside(values, drawn)])
