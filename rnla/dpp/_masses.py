"""Rows drawn with probability proportional to a row vector of masses, wherever that is kept.

Two levels: running sums over blocks of 1024 rows, then within one block. The running sum of a row
is that of the blocks before it plus that of its block, in any home, so that a point finds the same
row for any chunks. Of a Dask row vector n / 1024 numbers travel once, and for each draw the rows
drawn and their masses. O(log n) for each point.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from .._errors import import_optional
from .._result import FloatArray, IntArray
from ..tall import rows

__all__ = ["Masses"]

_BLOCK = 1024  # every part of a row vector but the last is a multiple of it


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
    def _sums(self) -> FloatArray:
        """Running sums at every row, for rows that are here."""
        starts = np.append(0.0, self._ends[:-1])
        sums: FloatArray = _within(self.values)
        sums += starts[:, None]
        return sums.ravel()[: self.values.size]

    def draw(self, points: FloatArray) -> tuple[IntArray, FloatArray]:
        """One row for each uniform point, and the masses of these rows."""
        # A point that rounds up to the total belongs to the last row that adds to it.
        targets = points * self._ends[-1]
        if not rows.is_distributed(self.values):
            last = int(np.searchsorted(self._sums, self._sums[-1], side="left"))
            drawn = np.minimum(np.searchsorted(self._sums, targets, side="right"), last)
            return drawn, self.values[drawn]
        ends = self._ends
        last = int(np.searchsorted(ends, ends[-1], side="left"))
        blocks = np.minimum(np.searchsorted(ends, targets, side="right"), last)
        starts = np.append(0.0, ends[:-1])
        return self._from_parts(blocks, starts, targets)

    def _from_parts(
        self, blocks: IntArray, starts: FloatArray, targets: FloatArray
    ) -> tuple[IntArray, FloatArray]:
        """Look the targets up where the parts of the masses are; one task for each part needed."""
        dask = import_optional("dask", extra="dask", purpose="to draw rows on workers")
        edges = np.cumsum([0, *self.values.chunks[0]])
        parts = np.searchsorted(edges, blocks * _BLOCK, side="right") - 1
        chunks = self.values.to_delayed().ravel()
        pick = dask.delayed(_picked, pure=False)
        numbers = np.unique(parts)
        wanted = [np.flatnonzero(parts == number) for number in numbers]
        tasks = [
            pick(chunks[number], blocks[here] - edges[number] // _BLOCK, starts[blocks[here]],
                 targets[here])
            for number, here in zip(numbers, wanted, strict=True)
        ]  # fmt: skip
        drawn, masses = np.empty(blocks.size, dtype=np.int64), np.empty(blocks.size)
        for number, here, (local, found) in zip(numbers, wanted, dask.compute(*tasks), strict=True):
            drawn[here], masses[here] = local + edges[number], found
        return drawn, masses


def _within(values: FloatArray) -> FloatArray:
    """Running sums within each block, shape (blocks, 1024)."""
    padded = np.zeros(-(-values.size // _BLOCK) * _BLOCK)
    padded[: values.size] = values
    sums: FloatArray = np.cumsum(padded.reshape(-1, _BLOCK), axis=1)
    return sums


def _sums_of_blocks(start: int, values: FloatArray) -> FloatArray:
    sums: FloatArray = _within(values)[:, -1]
    return sums


def _joined(left: FloatArray, right: FloatArray) -> FloatArray:
    return np.concatenate([left, right])


def _picked(
    values: FloatArray, blocks: IntArray, starts: FloatArray, targets: FloatArray
) -> tuple[IntArray, FloatArray]:
    """Rows of one part, and their masses."""
    drawn = np.empty(blocks.size, dtype=np.int64)
    for block in np.unique(blocks):
        here = np.flatnonzero(blocks == block)
        sums = _within(values[block * _BLOCK : (block + 1) * _BLOCK])[0] + starts[here[0]]
        last = int(np.searchsorted(sums, sums[-1], side="left"))
        found = np.searchsorted(sums, targets[here], side="right")
        drawn[here] = block * _BLOCK + np.minimum(found, last)
    return drawn, values[drawn]
