"""Rows of another source times a diagonal matrix, block by block; nothing is stored."""

from __future__ import annotations

from typing import Any

from .._result import FloatArray, IntArray
from ._source import Block, Source
from .blocks import scaled

__all__ = ["ScaledSource"]


class ScaledSource:
    """diag(units) from the right of every row of `source`."""

    def __init__(self, source: Source, units: FloatArray) -> None:
        self._source, self._units = source, units
        self.shape, self.dtype, self.is_sparse = source.shape, source.dtype, source.is_sparse
        self.row_cost, self.entry_count = source.row_cost, source.entry_count
        self.pair_count = source.pair_count
        self.streamed, self.unit_bytes = source.streamed, source.unit_bytes

    def read(self, start: int, stop: int) -> Block:
        return scaled(self._source.read(start, stop), None, self._units)

    read_raw = read

    def load(self, start: int, stop: int) -> ScaledSource:
        return ScaledSource(self._source.load(start, stop), self._units)

    def check(self) -> None:
        self._source.check()

    def where(self, row: int) -> str:
        return self._source.where(row)

    def take(self, rows: IntArray) -> Any:
        return scaled(self._source.take(rows), None, self._units)
