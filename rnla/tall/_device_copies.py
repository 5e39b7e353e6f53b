"""Copies of blocks of rows from the host to a GPU, on a stream of their own.

Pieces of a block go through two page-locked buffers into one of two places on the GPU; events order
the copies and the work of the current stream, and the host waits for a buffer only.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any

import numpy as np

from .._errors import import_optional
from ._read_ahead import read_ahead
from ._source import Block, DenseSource, Header, Source, SparseSource
from .device_source import csr_rows
from .loaded import LoadedSource

__all__ = ["copied", "csr_matrix", "is_here", "matrix_bytes"]

_BUFFER = 2**25  # bytes of a page-locked buffer, and of a piece of a file


def is_here(source: Source) -> bool:
    """Whether rows are in memory, so that no thread has to read them ahead."""
    return isinstance(source, DenseSource | SparseSource | LoadedSource)


def matrix_bytes(header: Header) -> float:
    """Bytes of the matrix on a GPU."""
    if not header.is_sparse:
        return header.entry_count * header.dtype.itemsize
    position = _index_type(header, header.entry_count).itemsize
    return header.entry_count * (header.dtype.itemsize + position) + position * header.shape[0]


def _index_type(header: Header, entries: float) -> np.dtype[Any]:
    return np.dtype(np.int32 if max(entries, header.shape[1]) < 2**31 else np.int64)


class _Copier:
    """Copies from the host on a stream of its own, through two page-locked buffers."""

    def __init__(self, cupy: Any, header: Header) -> None:
        row = header.dtype.itemsize * header.shape[1]
        self._cupy, self._size = cupy, max(row, min(_BUFFER, int(matrix_bytes(header))))
        self.stream = cupy.cuda.Stream(non_blocking=True)
        self._buffers = [self._buffer(), self._buffer()]

    def _buffer(self) -> tuple[Any, Any]:
        memory = self._cupy.cuda.alloc_pinned_memory(self._size)
        left = self._cupy.cuda.Event(block=True, disable_timing=True)  # the last piece is there
        return np.frombuffer(memory, np.uint8, self._size), left

    def follow(self) -> None:
        """Later copies wait for what is queued on the current stream by now."""
        current = self._cupy.cuda.get_current_stream()
        self.stream.wait_event(current.record(self.event()))

    def lead(self) -> None:
        """What is queued on the current stream from now on waits for the copies."""
        current = self._cupy.cuda.get_current_stream()
        current.wait_event(self.stream.record(self.event()))

    def event(self) -> Any:
        """A fresh event."""
        return self._cupy.cuda.Event(disable_timing=True)

    def put(self, there: Any, here: Any) -> None:
        """Queue a copy of an array of the host, in the dtype of `there`; `here` may change then."""
        per_row = there.dtype.itemsize * int(np.prod(there.shape[1:], dtype=np.int64))
        step = max(1, self._size // max(1, per_row))
        for start in range(0, here.shape[0], step):
            part = here[start : start + step]
            buffer, left = self._buffers[0]
            self._buffers.reverse()
            left.synchronize()
            bytes_of_part = part.shape[0] * per_row
            staged = buffer[:bytes_of_part].view(there.dtype).reshape(part.shape)
            np.copyto(staged, part, casting="unsafe")
            there[start : start + step].set(staged, stream=self.stream)
            left.record(self.stream)


class _Place:
    """Memory of the GPU for the arrays of a block, used again for every second block."""

    def __init__(self, cupy: Any, copier: _Copier) -> None:
        self._cupy, self._copier = cupy, copier
        self._arrays: dict[str, Any] = {}

    def room(self, what: str, size: int, dtype: np.dtype[Any]) -> Any:
        """A vector of `size` numbers, into which copies may be queued."""
        array = self._arrays.get(what)
        if array is None or array.size < size or array.dtype != dtype:
            array = self._arrays[what] = self._cupy.empty(size, dtype=dtype)
            self._copier.follow()  # its memory may have been in use until now
        return array[:size]


def csr_matrix() -> Any:
    """CuPy's type of CSR matrices."""
    sparse = import_optional("cupyx.scipy.sparse", extra="cuda", purpose="to compute on a GPU")
    return sparse.csr_matrix


def copied(
    cupy: Any, source: Source, ranges: list[tuple[int, int]], header: Header
) -> Generator[tuple[int, Block], None, None]:
    """(start, rows on the GPU) for each range of rows, in order, in two places by turns.

    The caller queues its work on the current stream before it asks for the next.
    """
    source.check()
    copier = _Copier(cupy, header)
    places = [_Place(cupy, copier) for _ in ranges[:2]]
    used = [copier.event() for _ in places]
    copy = _copy_sparse if header.is_sparse else _copy_dense
    try:
        for place in places:
            _reserve(place, ranges[0][1], header)
        with closing(_pieces(source, ranges, header)) as pieces:
            for number, (start, stop) in enumerate(ranges):
                turn = number % 2
                copier.stream.wait_event(used[turn])
                yield start, copy(places[turn], copier, pieces, start, stop, header)
                cupy.cuda.get_current_stream().record(used[turn])
    finally:
        copier.stream.synchronize()  # before the memory belongs to others


def _pieces(
    source: Source, ranges: list[tuple[int, int]], header: Header
) -> Generator[Source, None, None]:
    """Rows in memory, in pieces that never go beyond the end of a range."""
    per_row = max(header.entry_count / header.shape[0], 1.0) * header.dtype.itemsize
    step = max(1, int(_BUFFER / per_row))
    cuts: list[tuple[int, int]] = []
    for start, stop in ranges:
        if header.is_sparse and len(ranges) > 1:
            cuts.append((start, stop))
        else:
            cuts += [(first, min(first + step, stop)) for first in range(start, stop, step)]
    if not is_here(source):
        for _, piece in read_ahead(source, cuts):
            yield piece
    else:
        for first, last in cuts:
            yield source.load(first, last)


def _reserve(place: _Place, rows: int, header: Header) -> None:
    """Memory for blocks of so many rows; for somewhat more entries than the average if sparse."""
    n, d = header.shape
    if not header.is_sparse:
        place.room("rows", rows * d, header.dtype)
        return
    entries = int(header.entry_count)
    if rows < n:
        entries = min(entries, int(1.1 * entries / n * rows))
    position = _index_type(header, entries)
    place.room("data", entries, header.dtype)
    place.room("indices", entries, position)
    place.room("indptr", rows + 1, position)


def _copy_dense(
    place: _Place,
    copier: _Copier,
    pieces: Iterator[Source],
    start: int,
    stop: int,
    header: Header,
) -> Any:
    d, done = header.shape[1], 0
    block = place.room("rows", (stop - start) * d, header.dtype).reshape(stop - start, d)
    while done < stop - start:
        piece = next(pieces)
        rows = piece.shape[0]
        copier.put(block[done : done + rows], piece.read_raw(0, rows))
        done += rows
    copier.lead()
    return block


def _copy_sparse(
    place: _Place,
    copier: _Copier,
    pieces: Iterator[Source],
    start: int,
    stop: int,
    header: Header,
) -> Any:
    """A block is one piece, or all rows are one block, whose entries have been counted."""
    rows, entries, done, filled = stop - start, int(header.entry_count), 0, 0
    parts: Any = None
    while done < rows:
        piece = next(pieces)
        host = piece.read_raw(0, piece.shape[0])
        if parts is None:
            entries = host.data.size if host.shape[0] == rows else entries
            position = _index_type(header, entries)
            parts = (
                place.room("data", entries, header.dtype),
                place.room("indices", entries, position),
                place.room("indptr", rows + 1, position),
            )
            copier.put(parts[2][:1], np.zeros(1, dtype=position))
        here, size = slice(filled, filled + host.data.size), host.shape[0]
        copier.put(parts[0][here], host.data)
        copier.put(parts[1][here], host.indices)
        ends = host.indptr[1:].astype(parts[2].dtype) + filled
        copier.put(parts[2][done + 1 : done + 1 + size], ends)
        done, filled = done + size, here.stop
    copier.lead()
    return csr_rows(csr_matrix(), parts, (rows, header.shape[1]))
