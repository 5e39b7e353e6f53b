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

__all__ = ["Masses", "pick"]

_BLOCK = 1024  # every part of a row vector but the last is a multiple of it


def pick(values: FloatArray, point: float) -> int:
    """One place with probability proportional to a few masses, for one uniform point."""
    sums = np.cumsum(values)
    return int(_places(sums, np.array([point * sums[-1]]))[0])


def _places(sums: FloatArray, targets: FloatArray) -> IntArray:
    """The first running sum above each target; for the total the last that adds to it.

    The actual sum, whatever it should be: rounding must not leave a target beyond the last.
    """
    last = int(np.searchsorted(sums, sums[-1], side="left"))
    places: IntArray = np.minimum(np.searchsorted(sums, targets, side="right"), last)
    return places


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
        targets = points * self._ends[-1]
        if not rows.is_distributed(self.values):
            drawn = _places(self._sums, targets)
            return drawn, self.values[drawn]
        starts = np.append(0.0, self._ends[:-1])
        return self._from_parts(_places(self._ends, targets), starts, targets)

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
        drawn[here] = block * _BLOCK + _places(sums, targets[here])
    return drawn, values[drawn]
