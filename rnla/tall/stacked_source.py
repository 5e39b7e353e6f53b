"""Dense sources one below the other, as one: the shards of an array. One pass reads each once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .._errors import argument_error
from .._result import FloatArray, IntArray
from ._source import DenseSource, Header
from ._streamed import StreamedSource, take_sorted
from .npy_source import NpySource

__all__ = ["StackedSource"]


class StackedSource(StreamedSource):
    """The rows of several .npy files, in the order given.

    float32 only if all of them are; their columns must be as many.
    """

    def __init__(self, sources: Sequence[NpySource], *, name: str = "A") -> None:
        first = sources[0]
        for source in sources:
            if source.shape[1] != first.shape[1]:
                raise argument_error(
                    name,
                    f"{source.shape[1]} columns {source.where(0)}",
                    f"{first.shape[1]}, as {first.where(0)}",
                    "Pass files with the same columns.",
                )
        self._sources = [source for source in sources if source.shape[0]] or [first]
        self.column_names = first.column_names
        counts = [source.shape[0] for source in self._sources]
        self._starts = [0, *np.cumsum(counts).tolist()]
        self._common = np.result_type(*(source.dtype for source in self._sources))
        header = Header.dense((sum(counts), first.shape[1]), self._common)
        unit = max(source.unit_bytes for source in self._sources)
        super().__init__(replace(header, streamed=True, unit_bytes=unit))

    def check(self) -> None:
        for source in self._sources:
            source.check()

    def load(self, start: int, stop: int) -> DenseSource:
        number = min(bisect_right(self._starts, start), len(self._sources)) - 1
        if stop <= self._starts[number + 1]:
            offset = self._starts[number]
            return self._sources[number].load(start - offset, stop - offset)
        out = np.empty((stop - start, self.shape[1]), self._common)
        begin = start
        while begin < stop:
            offset, end = self._starts[number], min(stop, self._starts[number + 1])
            loaded = self._sources[number].load(begin - offset, end - offset)
            out[begin - start : end - start] = loaded.read_raw(0, end - begin)
            begin, number = end, number + 1
        return DenseSource(out)

    def take(self, rows: IntArray) -> FloatArray:
        taken: FloatArray = take_sorted(rows, self.shape[0], self._take)
        return taken

    def _take(self, rows: IntArray) -> FloatArray:
        out = np.empty((len(rows), self.shape[1]), self._common)
        edges = np.searchsorted(rows, self._starts)
        for number, source in enumerate(self._sources):
            first, last = edges[number], edges[number + 1]
            if last > first:
                out[first:last] = source.take(rows[first:last] - self._starts[number])
        return out

    def identity(self) -> object:
        return "stacked", [source.identity() for source in self._sources]

    def where(self, row: int) -> str:
        number = bisect_right(self._starts, row) - 1
        offset = self._starts[number]
        return f"row {row - offset} {self._sources[number].where(row - offset)}"
