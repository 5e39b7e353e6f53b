"""Dense rows in chunks (HDF5, Zarr): whole rows of chunks are read, what a load leaves is kept.

Ranges asked for do not end where chunks do, so the last row of chunks of a load serves the next one
too, and every chunk is read and unpacked once a pass. Memory: one row of chunks besides the load.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .._result import FloatArray, IntArray
from ._source import DenseSource, Header
from ._streamed import (
    StreamedSource,
    check_dimensions,
    check_dtype,
    column_numbers,
    float_dtype,
    take_sorted,
)

__all__ = ["ChunkedSource"]


class ChunkedSource(StreamedSource):
    """Base of homes that store dense chunks; a subclass reads rows of chunks.

    Parameters
    ----------
    shape : sequence of int
    dtype : numpy.dtype
    chunk_rows : int
        Rows of a chunk.
    columns : sequence of str or int, optional
        Columns to take, in this order: numbers from 0, or x0, x1, ….
    copies : float
        Rows of chunks that reading one holds for a moment, besides the one that it returns.
    name, what : str
        How error messages call the matrix, and the file it comes from.
    """

    #: Whether reading a part of a chunk costs no more than that part.
    _reads_parts = False

    def __init__(
        self,
        shape: Sequence[int],
        dtype: np.dtype[Any],
        chunk_rows: int,
        *,
        columns: Sequence[str | int] | None,
        copies: float,
        name: str,
        what: str,
    ) -> None:
        n, width = check_dimensions(shape, name, f"{what} with ")
        check_dtype(dtype, name, f"{what} with ")
        chosen, self.column_names = column_numbers(columns, width)
        # Neighbouring columns are read, of which the chosen ones are picked.
        self._left = 0 if chosen is None else min(chosen)
        self._right = width if chosen is None else max(chosen) + 1
        self._pick = None if chosen is None else np.array(chosen) - self._left
        if self._pick is not None and np.array_equal(
            self._pick, np.arange(self._right - self._left)
        ):
            self._pick = None
        self._chunk_rows, self._stored_dtype = max(1, min(chunk_rows, n)), dtype
        self._kept: tuple[int, npt.NDArray[Any]] | None = None  # chunk number, its rows
        unit = float(self._chunk_rows) * (self._right - self._left) * dtype.itemsize
        header = Header.dense(
            (n, width if chosen is None else len(chosen)), float_dtype(np.dtype(dtype))
        )
        super().__init__(replace(header, streamed=True, unit_bytes=(1 + copies) * unit))

    def _read_range(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Rows start … stop-1 and columns left … right-1, within one row of chunks."""
        raise NotImplementedError

    def check(self) -> None:
        """Raise if what is stored has vanished or changed."""

    def _read(self, start: int, stop: int) -> npt.NDArray[Any]:
        rows = self._read_range(start, stop)
        return rows if self._pick is None else rows[:, self._pick]

    def load(self, start: int, stop: int) -> DenseSource:
        self.check()
        if self._reads_parts:
            return DenseSource(self._read(start, stop))
        out = np.empty((stop - start, self.shape[1]), self._stored_dtype)
        begin = start
        while begin < stop:
            chunk = begin // self._chunk_rows
            first = chunk * self._chunk_rows
            end = min(first + self._chunk_rows, self.shape[0])
            upto = min(end, stop)
            into = out[begin - start : upto - start]
            into[...] = self._rows_of(chunk, first, end)[begin - first : upto - first]
            begin = upto
        if stop == self.shape[0] or stop % self._chunk_rows == 0:
            self._kept = None
        return DenseSource(out)

    def _rows_of(self, chunk: int, first: int, end: int) -> npt.NDArray[Any]:
        if self._kept is None or self._kept[0] != chunk:
            self._kept = None  # before the next one is read, not after
            self._kept = chunk, self._read(first, end)
        return self._kept[1]

    def take(self, rows: IntArray) -> FloatArray:
        self.check()
        taken = take_sorted(rows, self.shape[0], self._take)
        return np.ascontiguousarray(taken, dtype=self.dtype)

    def _take(self, rows: IntArray) -> npt.NDArray[Any]:
        out = np.empty((len(rows), self.shape[1]), self._stored_dtype)
        chunks = rows // self._chunk_rows
        cuts = (np.flatnonzero(np.diff(chunks)) + 1).tolist()
        for first, last in zip([0, *cuts], [*cuts, len(rows)], strict=True):
            if first == last:
                continue
            start, stop = int(rows[first]), int(rows[last - 1]) + 1
            if not self._reads_parts:
                start = int(chunks[first]) * self._chunk_rows
                stop = min(start + self._chunk_rows, self.shape[0])
            out[first:last] = self._read(start, stop)[rows[first:last] - start]
        return out

    def _chunk_text(self, row: int) -> str:
        chunk = row // self._chunk_rows
        first = chunk * self._chunk_rows
        last = min(first + self._chunk_rows, self.shape[0]) - 1
        return f"row {chunk} of chunks, rows {first} to {last}"

    def close(self) -> None:
        self._kept = None
