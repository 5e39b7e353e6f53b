"""What runs on Dask's workers: visit the strips of a part, put results together, hand out rows.

A part is the run of strips whose first row lies in one chunk. Its task gets that chunk as it is,
and the few rows of the chunks after it that complete the last strip; only that strip is copied.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from pickle import PickleBuffer
from typing import Any

import numpy as np
import scipy.sparse as sp

from .._errors import ArgumentError, ArgumentTypeError, argument_error, import_optional
from .._result import FloatArray, IntArray
from ._blas import single_threaded_blas
from ._cut import Cut
from ._engine import Visit, visit_strips
from ._file_rows import FileRows
from ._reduction import Reduction
from ._source import DenseSource, Source, SparseSource, aligned, csr_block

__all__ = [
    "Job",
    "Part",
    "Reader",
    "count",
    "head",
    "layout",
    "merge",
    "surprise",
    "total",
    "visit_part",
]


@dataclass(frozen=True)
class Part:
    """Rows start … stop-1, which begin `skip` rows into a chunk.

    `more` lists later chunks and how many of their first rows complete the last strip.
    """

    chunk: int
    skip: int
    start: int
    stop: int
    more: tuple[tuple[int, int], ...]


def layout(edges: Sequence[int], strip: int) -> list[Part]:
    """The parts of chunks whose rows begin at `edges[:-1]`; chunks in which no strip begins have
    none."""
    n = edges[-1]
    parts = []
    for c, (begin, end) in enumerate(pairwise(edges)):
        start, stop = -(-begin // strip) * strip, min(-(-end // strip) * strip, n)
        if start >= end:
            continue
        more, following = [], c + 1
        while edges[following] < stop:
            rows = min(edges[following + 1], stop) - edges[following]
            if rows:
                more.append((following, rows))
            following += 1
        parts.append(Part(c, start - begin, start, stop, tuple(more)))
    return parts


@dataclass(frozen=True)
class Reader:
    """Makes sources of chunks, which must be what the collection said they are."""

    columns: int
    is_sparse: bool
    wrap: tuple[Callable[[Source], Source], ...] = ()

    def matrix(self, chunk: Any, number: int, rows: int | None = None) -> Any:
        """The chunk as a NumPy array or a canonical CSR array."""
        if isinstance(chunk, FileRows):
            chunk = chunk.read()
        if self.is_sparse:
            matrix = _canonical(chunk)
        elif sp.issparse(chunk):
            raise surprise(number, "a sparse matrix", "a dense one, as the collection says", True)
        elif isinstance(chunk, np.ma.MaskedArray):
            raise surprise(number, "a masked array", "an array without a mask", True)
        else:
            # Messages leave arrays anywhere. Block by block the copies would take longer: fresh
            # memory is dear on workers, except in large pieces.
            matrix = aligned(np.asarray(chunk))
        found = tuple(matrix.shape)
        wanted = (found[0] if rows is None else rows, self.columns)
        if found != wanted:
            raise surprise(number, f"shape {found}", f"{wanted}, as the collection says", False)
        return matrix

    def rows(self, matrix: Any, start: int, stop: int) -> Any:
        """Rows start … stop-1 without a copy; SciPy's own row slices copy."""
        if not self.is_sparse or (start, stop) == (0, matrix.shape[0]):
            return matrix[start:stop] if not self.is_sparse else matrix
        indptr = matrix.indptr[start : stop + 1]
        here = slice(indptr[0], indptr[-1])
        return csr_block(matrix.data[here], matrix.indices[here], indptr - indptr[0], self.columns)

    def source(self, matrix: Any) -> Source:
        """A source over a matrix in memory."""
        return self.wrapped(SparseSource(matrix) if self.is_sparse else DenseSource(matrix))

    def wrapped(self, source: Source) -> Source:
        """The rows as they are seen."""
        for wrap in self.wrap:
            source = wrap(source)
        return source

    def stack(self, pieces: Sequence[Any]) -> Any:
        """Matrices one below the other."""
        if len(pieces) == 1:
            return pieces[0]
        if self.is_sparse:
            return _canonical(sp.vstack(pieces, format="csr"))
        return np.concatenate(pieces)

    def take(self, chunk: Any, number: int, rows: IntArray) -> Any:
        """Some rows of a chunk in the user's kind and dtype."""
        if isinstance(chunk, FileRows):
            return self.wrapped(chunk.open()).take(rows + chunk.start)
        return self.source(self.matrix(chunk, number)).take(rows)

    def nothing(self, dimensions: int) -> Any:
        """An empty array of the kind that holds numbers per row."""
        return np.empty((0,) * dimensions)

    def visit_part(
        self,
        job: Job,
        part: Part,
        rows: int,
        chunk: Any,
        more: Sequence[Any],
        vectors: Sequence[Any],
    ) -> Any:
        """The state of the reduction, the value of every row, or both, whichever is asked for."""
        size = part.stop - part.start
        values = None
        if job.width is not None:
            values = np.empty((size, job.width) if job.width else size)
        own = self.rows(self.matrix(chunk, part.chunk, rows), part.skip, rows)
        here, strip = rows - part.skip, job.cut.strip
        whole = here - here % strip if more else here
        vectors = [aligned(vector) for vector in vectors]
        state = None
        with single_threaded_blas():
            if whole:
                state = job.strips(self.rows(own, 0, whole), part.start, vectors, values)
            if more:
                pieces = [self.rows(own, whole, here)] if whole < here else []
                for piece, (number, size) in zip(more, part.more, strict=True):
                    pieces.append(self.matrix(piece, number, size))
                rest = job.strips(
                    self.stack(pieces),
                    part.start + whole,
                    [vector[whole:] for vector in vectors],
                    None if values is None else values[whole:],
                )
                if job.shape is not None:
                    state = rest if state is None else job.reduction.merge(state, rest)
        if job.shape is None:
            return values
        return state if values is None else (state, values)


def surprise(number: int, got: str, expected: str, kind: bool) -> Exception:
    """The error for a chunk that is not what the collection says."""
    return argument_error(
        "A",
        f"chunk {number} with {got}",
        expected,
        "Give the right meta= and chunks= where the collection is made.",
        kind=ArgumentTypeError if kind else ArgumentError,
    )


def _canonical(chunk: Any) -> sp.csr_array:
    # The array itself if possible: it remembers that it is canonical.
    csr = chunk if isinstance(chunk, sp.csr_array) else sp.csr_array(chunk)
    if not csr.has_canonical_format:
        csr = csr.copy()
        csr.sum_duplicates()
    if csr.dtype not in (np.float32, np.float64):
        csr = csr.astype(np.float64)
    return csr


@dataclass(frozen=True)
class Job:
    """One pass, apart from the rows."""

    reader: Reader
    visit: Visit
    cut: Cut
    shape: tuple[int, ...] | None
    reduction: Reduction
    width: int | None
    raw: bool
    size: int = 0

    @classmethod
    def of(
        cls,
        reader: Reader,
        visit: Visit,
        cut: Cut,
        shape: tuple[int, ...] | None,
        reduction: Reduction,
        width: int | None,
        raw: bool,
    ) -> Job:
        """A job that knows its size, by which Dask decides where tasks run."""
        size = _pickled_size((reader, visit))
        return cls(reader, visit, cut, shape, reduction, width, raw, size)

    def __sizeof__(self) -> int:
        return self.size

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[bytes]]:
        """As one string of bytes, from which arrays come out aligned, unlike those of messages."""
        state = [getattr(self, field.name) for field in fields(self)]
        return _restored, (_cloudpickle().dumps(state, protocol=5),)

    def strips(
        self, matrix: Any, start: int, vectors: Sequence[Any], values: FloatArray | None
    ) -> Any:
        """Visit whole strips, which begin with row `start`."""
        return visit_strips(
            self.reader.source(matrix),
            start,
            start,
            start + matrix.shape[0],
            self.cut,
            self.visit,
            vectors,
            values,
            self.shape,
            self.reduction,
            self.raw,
        )


def _pickled_size(thing: object) -> int:
    buffers: list[PickleBuffer] = []
    size = len(_cloudpickle().dumps(thing, protocol=5, buffer_callback=buffers.append))
    return size + sum(buffer.raw().nbytes for buffer in buffers)


def _cloudpickle() -> Any:
    return import_optional("cloudpickle", extra="dask", purpose="to send a pass to workers")


def _restored(state: bytes) -> Job:
    return Job(*pickle.loads(state))


def visit_part(
    job: Job, part: Part, rows: int, chunk: Any, more: Sequence[Any], vectors: Sequence[Any]
) -> Any:
    """The state of the reduction, the value of every row, or both, whichever the job asks for."""
    return job.reader.visit_part(job, part, rows, chunk, more, vectors)


def head(job: Job, chunk: Any, number: int, rows: int) -> Any:
    """The first rows of a chunk, on their own so that the rest can be let go."""
    return job.reader.matrix(chunk, number)[:rows].copy()


def merge(job: Job, states: Sequence[Any]) -> Any:
    """States put together, in the order given."""
    state = states[0]
    for other in states[1:]:
        state = job.reduction.merge(state, other)
    return state


def total(job: Job, states: Sequence[Any]) -> FloatArray:
    """The result of all states."""
    return job.reduction.finish(merge(job, states))


def count(chunk: Any, is_sparse: bool) -> tuple[int, float, float]:
    """Rows, stored entries and pairs of entries of the same row."""
    if not is_sparse:
        return int(chunk.shape[0]), 0.0, 0.0
    per_row = np.diff(_canonical(chunk).indptr).astype(np.float64)
    return int(chunk.shape[0]), float(per_row.sum()), float(per_row @ per_row)
