"""The pass engine for rows in a Dask collection: one task per chunk and a tree of fan-in 8.

Rows stay where their chunks are. A pass sends its small arguments once, visits the strips of each
part where its chunk is, merges small states in a tree, and leaves row values in a Dask array whose
chunks are the parts: d^2 words per worker and pass. Whatever scheduler is active runs it. Strips
have the same boundaries for any chunks, so results are those of rows in memory, to the bit, and the
tasks of a lost worker are simply run again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any
from uuid import uuid4

import numpy as np
import scipy.sparse as sp

from .._errors import import_optional
from .._result import FloatArray, IntArray
from ._dask_tasks import Job, Part, Reader, head, layout, merge, total, visit_part
from ._engine import BLOCKS_PER_STRIP, Visit, Wrap, block_rows
from ._reduction import ADD, Reduction
from ._source import Block, Header
from .dask_collections import DaskRows

__all__ = ["DaskEngine"]

_FAN_IN = 8


class DaskEngine:
    """Rows of a Dask collection, see `open_dask`."""

    is_distributed = True

    def __init__(self, rows: DaskRows, *, wrap: tuple[Wrap, ...] = ()) -> None:
        self._rows = rows
        header: Any = rows.header
        for one in wrap:
            header = Header.of(one(header))
        self.header: Header = header
        self._wrap = wrap
        self._reader = Reader(rows.header.shape[1], rows.header.is_sparse, wrap)
        self._step = block_rows(header.row_cost)
        self._parts = layout(rows.edges, self._step * BLOCKS_PER_STRIP)

    @property
    def strip_rows(self) -> int:
        """Chunks of a multiple of so many rows move no rows between workers."""
        return self._step * BLOCKS_PER_STRIP

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
        job = Job(self._reader, visit, self._step, shape, reduction, width, raw)
        one_pass = _Pass(self._rows, self._parts, job, rows)
        if gather:
            return one_pass.gathered()
        return one_pass.kept()

    def lazy(self, visit: Visit, *, rows: Sequence[Any] = (), width: int = 0) -> Any:
        """The row values of a pass as a Dask array of which nothing is computed yet."""
        job = Job(self._reader, visit, self._step, None, ADD, width, False)
        return _Pass(self._rows, self._parts, job, rows).values()

    def blocks(self) -> Iterator[tuple[int, Block]]:
        """See `Engine`. Chunks come here one at a time."""
        n, strip = self.header.shape[0], self.strip_rows
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
            for first in range(start, end, self._step):
                yield first, source.read(first - start, min(first + self._step, end) - start)
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
        return DaskEngine(self._rows, wrap=(*self._wrap, wrap))

    def where(self, row: int) -> str:
        """See `Engine`."""
        return f"{self._rows.unit} {self._rows.number(row)}"


class _Pass:
    """The graph of one pass."""

    def __init__(self, rows: DaskRows, parts: list[Part], job: Job, vectors: Sequence[Any]) -> None:
        self._parts, self._job = parts, job
        token = uuid4().hex
        self._name = f"rnla-{_name_of(job.visit)}-{token}"
        self._layer: dict[Any, Any] = {}
        self._dependencies = [rows.collection]
        job_key = f"rnla-job-{token}"
        self._layer[job_key] = (_same, job)
        slices = [self._slices(vector) for vector in vectors]
        both = job.shape is not None and job.width is not None
        part_name = f"rnla-part-{token}" if both else self._name
        tail = (0,) if job.width else ()
        heads = f"rnla-head-{token}"
        states = []
        for i, part in enumerate(parts):
            key = (part_name, i) if both else (part_name, i, *tail)
            more = []
            for number, size in part.more:
                whole = size == rows.edges[number + 1] - rows.edges[number]
                more.append(rows.keys[number] if whole else (heads, number))
                if not whole:
                    self._layer[heads, number] = (head, rows.keys[number], size)
            size = rows.edges[part.chunk + 1] - rows.edges[part.chunk]
            chunk = rows.keys[part.chunk]
            self._layer[key] = (
                visit_part,
                job_key,
                part,
                size,
                chunk,
                more,
                [s[i] for s in slices],
            )
            if both:
                self._layer[f"rnla-state-{token}", i] = (itemgetter(0), key)
                self._layer[self._name, i, *tail] = (itemgetter(1), key)
                key = (f"rnla-state-{token}", i)
            states.append(key)
        self._total = f"rnla-total-{token}"
        if job.shape is not None:
            self._add_tree(job_key, states, token)

    def _slices(self, vector: Any) -> list[Any]:
        """The part of a row vector that belongs to each part: an array, or the key of one."""
        if not hasattr(vector, "__dask_graph__"):
            array = np.asarray(vector)
            return [array[part.start : part.stop] for part in self._parts]
        sizes = tuple(part.stop - part.start for part in self._parts)
        columns = vector.shape[1:]
        if vector.chunks != (sizes, *((k,) for k in columns)):
            vector = vector.rechunk((sizes, *columns))
        self._dependencies.append(vector)
        return [(vector.name, i, *(0 for _ in columns)) for i in range(len(sizes))]

    def _add_tree(self, job_key: str, states: list[Any], token: str) -> None:
        level = 0
        while len(states) > _FAN_IN:
            name, merged = f"rnla-merge-{token}", []
            for i in range(0, len(states), _FAN_IN):
                key = (name, level, i // _FAN_IN)
                self._layer[key] = (merge, job_key, states[i : i + _FAN_IN])
                merged.append(key)
            states, level = merged, level + 1
        self._layer[self._total] = (total, job_key, states)

    def _graph(self) -> Any:
        graphs = import_optional("dask.highlevelgraph", extra="dask", purpose="to run a pass")
        return graphs.HighLevelGraph.from_collections(
            self._name, self._layer, dependencies=self._dependencies
        )

    def _delayed(self, key: Any, graph: Any) -> Any:
        delayed = import_optional("dask.delayed", extra="dask", purpose="to run a pass")
        return delayed.Delayed(key, graph, layer=self._name)

    def values(self, graph: Any = None) -> Any:
        """Row values as a Dask array whose chunks are the parts."""
        arrays = import_optional("dask.array", extra="dask", purpose="to keep row vectors")
        sizes = tuple(part.stop - part.start for part in self._parts)
        chunks = (sizes, (self._job.width,)) if self._job.width else (sizes,)
        graph = self._graph() if graph is None else graph
        return arrays.Array(graph, self._name, chunks, dtype=np.dtype(np.float64))

    def gathered(self) -> tuple[FloatArray | None, FloatArray | None]:
        """Compute; row values come here."""
        dask = import_optional("dask", extra="dask", purpose="to run a pass")
        graph, width = self._graph(), self._job.width
        wanted = []
        if width is not None:
            tail = (0,) if width else ()
            wanted = [self._delayed((self._name, i, *tail), graph) for i in range(len(self._parts))]
        if self._job.shape is not None:
            wanted.append(self._delayed(self._total, graph))
        with _quiet(dask):
            found = list(dask.compute(*wanted, traverse=False))
        reduced = found.pop() if self._job.shape is not None else None
        return reduced, (None if width is None else np.concatenate(found))

    def kept(self) -> tuple[FloatArray | None, Any]:
        """Compute; row values stay where they are."""
        dask = import_optional("dask", extra="dask", purpose="to run a pass")
        if self._job.width is None:
            return self.gathered()
        graph = self._graph()
        with _quiet(dask):
            if self._job.shape is None:
                return None, dask.persist(self.values(graph), traverse=False)[0]
            values, reduced = dask.persist(
                self.values(graph), self._delayed(self._total, graph), traverse=False
            )
            return reduced.compute(), values


def _quiet(dask: Any) -> Any:
    """Row vectors that are here have to be sent; Dask would advise against it."""
    return dask.config.set({"distributed.admin.large-graph-warning-threshold": "1000 PB"})


def _same(job: Job) -> Job:
    return job


def _name_of(visit: Visit) -> str:
    """What the dashboard calls a pass."""
    inner = getattr(visit, "func", visit)
    return str(getattr(inner, "__name__", "visit")).strip("_<>").replace("_", "-") or "visit"
