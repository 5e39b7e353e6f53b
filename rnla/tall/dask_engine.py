"""The pass engine for rows in a Dask collection: one task per chunk and a tree of fan-in 8.

Rows stay where their chunks are. A pass sends its small arguments once, visits the strips of each
part where its chunk is, merges small states in a tree, and leaves row values in a Dask array whose
chunks are the parts: d^2 words per worker and pass. Whatever scheduler is active runs it. Strips
have the same boundaries for any chunks, so results are those of rows in memory, to the bit, and the
tasks of a lost worker are simply run again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from .._result import FloatArray, IntArray
from ._cut import Cut
from ._dask_pass import Pass
from ._dask_tasks import Job, Reader, layout
from ._engine import Visit, Wrap
from ._reduction import ADD, Reduction
from ._source import Block, Header
from .dask_collections import DaskRows

__all__ = ["DaskEngine"]


class DaskEngine:
    """Rows of a Dask collection, see `open_dask`."""

    is_distributed = True
    is_on_device = False
    _reader_kind = Reader

    def __init__(self, rows: DaskRows, *, wrap: tuple[Wrap, ...] = ()) -> None:
        self._rows = rows
        header: Any = rows.header
        for one in wrap:
            header = Header.of(one(header))
        self.header: Header = header
        self._wrap = wrap
        self._reader = self._reader_kind(rows.header.shape[1], rows.header.is_sparse, wrap)
        self._cut = Cut.of(header)
        self._first: Any = None  # row values of an early pass: chunks of no home follow them
        self._parts = layout(rows.edges, self._cut.strip)

    @property
    def column_names(self) -> tuple[str, ...] | None:
        """Names of a table's columns, those of categories written out."""
        return self._rows.column_names

    def run(
        self,
        visit: Visit,
        *,
        rows: Sequence[Any] = (),
        shape: tuple[int, ...] | None = None,
        reduction: Reduction = ADD,
        width: int | None = None,
        raw: bool = False,
        gather: bool = True,
    ) -> tuple[FloatArray | None, Any]:
        """See `Engine`. Without `gather` values are a persisted Dask array, chunk by part."""
        job = Job.of(self._reader, visit, self._cut, shape, reduction, width, raw)
        one_pass = Pass(self._rows, self._parts, job, rows, self._first)
        if gather:
            return one_pass.gathered()
        total, values = one_pass.kept()
        if self._first is None:
            self._first = values
        return total, values

    def lazy(self, visit: Visit, *, rows: Sequence[Any] = (), width: int = 0) -> Any:
        """The row values of a pass as a Dask array of which nothing is computed yet."""
        job = Job.of(self._reader, visit, self._cut, None, ADD, width, False)
        return Pass(self._rows, self._parts, job, rows, self._first).values()

    def blocks(self) -> Iterator[tuple[int, Block]]:
        """See `Engine`. Chunks come here one at a time."""
        n, strip = self.header.shape[0], self._cut.strip
        start, stop, pieces = 0, 0, list[Any]()
        for number, chunk in self._rows.chunks():
            matrix = self._reader.matrix(chunk, number)
            stop += matrix.shape[0]
            if matrix.shape[0]:
                pieces.append(matrix)
            end = stop if stop == n else stop - stop % strip
            if end <= start:
                continue
            matrix = self._reader.stack(pieces)
            source = self._reader.source(self._reader.rows(matrix, 0, end - start))
            for first in range(start, end, self._cut.block):
                yield first, source.read(first - start, min(first + self._cut.block, end) - start)
            pieces = [self._reader.rows(matrix, end - start, stop - start)] if end < stop else []
            start = end

    def take(self, rows: IntArray) -> Any:
        """See `Engine`. Only these rows travel."""
        n, d = self.header.shape
        rows = np.asarray(rows, dtype=np.int64)
        if rows.size and (rows.min() < -n or rows.max() >= n):
            raise IndexError(f"row {rows.min() if rows.min() < -n else rows.max()} of {n} rows")
        wanted, positions = np.unique(np.where(rows < 0, rows + n, rows), return_inverse=True)
        if not wanted.size:
            empty = np.zeros((0, d), dtype=self.header.dtype)
            return sp.csr_array(empty) if self.header.is_sparse else empty
        taken = self._rows.take(self._reader, wanted)
        together = (
            sp.vstack(taken, format="csr") if self.header.is_sparse else np.concatenate(taken)
        )
        if np.array_equal(positions, np.arange(rows.size)):
            return together
        return together[positions]

    def view(self, wrap: Wrap) -> DaskEngine:
        """See `Engine`."""
        return type(self)(self._rows, wrap=(*self._wrap, wrap))

    def where(self, row: int) -> str:
        """See `Engine`."""
        return f"{self._rows.unit} {self._rows.number(row)}"

    def identity(self) -> object | None:
        """See `Engine`: names of tasks differ from one run to the next."""
        return None
