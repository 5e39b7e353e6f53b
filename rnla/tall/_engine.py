"""The pass engine for rows that this process reads: strips of blocks, threads, a fixed result.

Rows are cut into blocks that fit a cache and strips of 16 blocks, at boundaries that depend on the
shape alone. One task visits the blocks of one strip; strips are put together by a `Reduction`, so
no result depends on threads, chunks or workers. Rows in memory are visited where they are, rows of
files and iterators are read ahead by one thread in groups of strips that fit the memory budget.
Another home for rows (a cluster, a device) supplies another engine with the same methods.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any, Protocol, TypeVar

import numpy as np

from .._result import FloatArray, IntArray
from ._blas import single_threaded_blas
from ._budget import check_budget
from ._cut import Cut
from ._read_ahead import READ_AHEAD, read_ahead
from ._reduction import ADD, Reduction
from ._source import Block, Header, Source

__all__ = ["Engine", "LocalEngine", "Visit", "thread_count", "visit_strips"]

T = TypeVar("T")

#: visit(block, start, out, *slices of row vectors) adds to `out`, may return a value per row.
#: Engines may send it to other processes: a module-level function or `functools.partial` of one.
Visit = Callable[..., FloatArray | None]
Wrap = Callable[[Source], Source]

_LARGEST_GROUP = 2**26  # bytes; larger reads are no faster


class Engine(Protocol):
    """What a home for rows must offer to `TallMatrix`."""

    header: Header
    is_distributed: bool
    is_on_device: bool

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
        """One pass: the reduction of accumulators of `shape`, and a value per row.

        `rows` are row vectors, of which a visit gets the part of its block. `width` says what a
        visit returns: None nothing, 0 one number per row, k an array of k columns. `raw` blocks
        keep the dtype of the source. Without `gather` row values stay where the rows are.
        """

    def lazy(self, visit: Visit, *, rows: Sequence[Any] = (), width: int = 0) -> Any:
        """The row values of a pass that runs when they are asked for, where that is possible."""

    def blocks(self) -> Iterator[tuple[int, Block]]:
        """(start, block) over all rows, in order."""

    def take(self, rows: IntArray) -> Any:
        """The given rows in the user's kind and dtype."""

    def view(self, wrap: Wrap) -> Engine:
        """An engine for wrap(source), which changes rows as they are read."""

    def where(self, row: int) -> str:
        """Where a row is stored, for messages."""

    def identity(self) -> object | None:
        """Plain data that tell these rows from others unread: files and their times of change.

        None if only the rows themselves can tell.
        """


def thread_count() -> int:
    """Threads for row blocks: the environment variable RNLA_THREADS, else the usable cores."""
    wanted = os.environ.get("RNLA_THREADS", "")
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def visit_strips(
    source: Source,
    offset: int,
    start: int,
    stop: int,
    cut: Cut,
    visit: Visit,
    rows: Sequence[Any],
    values: FloatArray | None,
    shape: tuple[int, ...] | None,
    reduction: Reduction,
    raw: bool,
) -> Any:
    """Visit rows start … stop-1, whole strips; return the reduction.

    `source` and the row vectors and values, if any, begin with row `offset`.
    """
    state = None
    read = source.read_raw if raw else source.read
    nothing = np.zeros(0)
    for first in range(start, stop, cut.strip):
        out = nothing if shape is None else np.zeros(shape)
        for begin in range(first, min(first + cut.strip, stop), cut.block):
            here = slice(begin - offset, min(begin + cut.block, stop) - offset)
            block = read(here.start, here.stop)
            found = visit(block, begin, out, *(vector[here] for vector in rows))
            if values is not None:
                values[here] = found
        if shape is not None:
            lifted = reduction.lift(out)
            state = lifted if state is None else reduction.merge(state, lifted)
    return state


class LocalEngine:
    """Rows that this process reads; `memory` bounds what is read ahead of a streamed source."""

    is_distributed = False
    is_on_device = False

    def __init__(self, source: Source, *, memory: int | None = None) -> None:
        self._source = source
        self._memory = memory
        self.header = Header.of(source)
        self._cut = Cut.of(self.header)
        if memory is not None:
            self._free(memory)  # raises now rather than in the first pass

    def _strip_bytes(self) -> float:
        """Memory for one loaded strip, generously: values in the source's dtype, and positions."""
        header = self.header
        n = header.shape[0]
        per_entry = header.dtype.itemsize + (8 if header.is_sparse else 0)
        rows = min(self._cut.strip, n)
        return rows * (header.entry_count / max(n, 1) * per_entry + 8)

    def _groups_in_memory(self) -> int:
        """Groups that may be alive at once if each strip in flight is of another group."""
        return READ_AHEAD + _in_flight(self.header.streamed)

    def _free(self, memory: int) -> float:
        """Bytes of the budget for rows that are read ahead."""
        strips = -(-self.header.shape[0] // self._cut.strip)
        at_once = min(self._groups_in_memory(), strips) if self.header.streamed else 0
        return check_budget(memory, self.header, self._strip_bytes(), at_once)

    def _groups(self) -> list[tuple[int, int]]:
        """Ranges of rows that are visited from one loaded piece."""
        n, strip = self.header.shape[0], self._cut.strip
        if not self.header.streamed:
            return [(start, min(start + strip, n)) for start in range(0, n, strip)]
        share = float(_LARGEST_GROUP)
        if self._memory is not None:
            share = min(share, self._free(self._memory) / self._groups_in_memory())
        rows = strip * max(1, int(share / self._strip_bytes()))
        return [(start, min(start + rows, n)) for start in range(0, n, rows)]

    def _pieces(self) -> Generator[tuple[int, int, int, Source], None, None]:
        """(offset, start, stop, source) of every strip; the rows of `source` begin at `offset`."""
        self._source.check()
        strip = self._cut.strip
        groups = self._groups()
        if not self.header.streamed:
            for start, stop in groups:
                yield 0, start, stop, self._source
            return
        ends = dict(groups)
        for offset, piece in read_ahead(self._source, groups):
            for start in range(offset, ends[offset], strip):
                yield offset, start, min(start + strip, ends[offset]), piece
            del piece  # or it would stay while the next one is awaited

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
    ) -> tuple[FloatArray | None, FloatArray | None]:
        """See `Engine`."""
        n = self.header.shape[0]
        vectors = [np.asarray(vector) for vector in rows]
        values = None if width is None else np.empty((n, width) if width else n)

        def task(offset: int, start: int, stop: int, source: Source) -> Callable[[], Any]:
            def visit_one() -> Any:
                return visit_strips(
                    source,
                    offset,
                    start,
                    stop,
                    self._cut,
                    visit,
                    [vector[offset:] for vector in vectors],
                    None if values is None else values[offset:],
                    shape,
                    reduction,
                    raw,
                )

            return visit_one

        def tasks(pieces: Iterable[tuple[int, int, int, Source]]) -> Iterator[Callable[[], Any]]:
            for piece in pieces:
                visit_one = task(*piece)
                del piece
                yield visit_one
                del visit_one

        state = None
        with (
            closing(self._pieces()) as pieces,
            closing(_ordered(tasks(pieces), _in_flight(self.header.streamed))) as results,
        ):
            for lifted in results:
                if shape is not None:
                    state = lifted if state is None else reduction.absorb(state, lifted)
        return (None if shape is None else reduction.finish(state)), values

    def lazy(self, visit: Visit, *, rows: Sequence[Any] = (), width: int = 0) -> Any:
        """See `Engine`: rows that are here are visited at once."""
        return self.run(visit, rows=rows, width=width)[1]

    def blocks(self) -> Iterator[tuple[int, Block]]:
        """See `Engine`."""
        with closing(self._pieces()) as pieces:
            for offset, first, last, source in pieces:
                for start in range(first, last, self._cut.block):
                    stop = min(start + self._cut.block, last)
                    yield start, source.read(start - offset, stop - offset)

    def take(self, rows: IntArray) -> Any:
        """See `Engine`."""
        return self._source.take(rows)

    def view(self, wrap: Wrap) -> LocalEngine:
        """See `Engine`."""
        return LocalEngine(wrap(self._source), memory=self._memory)

    def where(self, row: int) -> str:
        """See `Engine`."""
        return self._source.where(row)

    def identity(self) -> object | None:
        """See `Engine`."""
        identity = getattr(self._source, "identity", None)
        return None if identity is None else identity()


def _in_flight(streamed: bool) -> int:
    """Strips that wait or are being worked on; each keeps the rows that were loaded with it."""
    return thread_count() + (1 if streamed else 1 + thread_count())


def _ordered(tasks: Iterable[Callable[[], T]], most: int) -> Generator[T, None, None]:
    """Run tasks on a few threads and yield their results in order, at most `most` in flight.

    After an error or an interrupt the tasks under way are finished and no other is begun.
    """
    workers = thread_count()
    with single_threaded_blas():
        if workers <= 1:
            for task in tasks:
                result = task()
                del task  # it keeps rows in memory
                yield result
            return
        with ThreadPoolExecutor(workers) as pool:
            waiting: list[Future[T]] = []
            try:
                for task in tasks:
                    waiting.append(pool.submit(task))
                    del task  # it keeps rows in memory
                    if len(waiting) >= most:
                        yield waiting.pop(0).result()
                while waiting:
                    yield waiting.pop(0).result()
            finally:
                pool.shutdown(cancel_futures=True)
