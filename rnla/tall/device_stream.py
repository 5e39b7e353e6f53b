"""Rows of the host or of files, for a GPU: copied there once if they fit, else in every pass.

What does not fit is streamed in blocks. A block is copied piece by piece through two page-locked
buffers, on a stream of its own, into one of two places on the GPU, while the work on the block
before it is queued on the current stream; events order the two, and nothing else waits. Files are
read ahead by a thread. Blocks have the boundaries of rows that are on the GPU, so the results have
the same bits, unless a budget makes blocks smaller, or sparse rows come from a file.

Memory on the GPU: eight numbers a row, the two places, and what a pass makes of a block, a quarter
of the budget in all. On the host: two buffers, and three pieces of a file.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any

import numpy as np

from .._errors import ArgumentTypeError, MissingPackageError, argument_error, import_optional
from .._result import IntArray
from ._budget import ROW_VECTORS
from ._device import is_sparse_rows
from ._read_ahead import read_ahead
from ._source import Block, DenseSource, Header, Source, SparseSource
from .device_engine import DeviceEngine, block_rows
from .device_source import csr_rows, in_memory
from .loaded import LoadedSource

__all__ = ["StreamEngine", "gpu_number", "on_gpu"]

_BUFFER = 2**25  # bytes of a page-locked buffer, and of a piece of a file
_SPARSE_BLOCK = 2**28  # bytes of a block of sparse rows of a file, which the host holds as a whole
_BLOCKS = 8  # that much of a block, and of its product, do places and the work on one take
_KEPT = 2  # rows stay on the GPU if they and row vectors take one part in so many of the memory

_EXPECTED = 'None, "cuda", or "cuda:1" and the like'


def gpu_number(device: Any) -> int:
    """The number of the GPU that a user names, which has to be the current one.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If it is no name of a GPU, there is none, or another one is the current one.
    MissingPackageError
        Without CuPy.
    """
    match = re.fullmatch(r"cuda(?::(\d+))?", device) if isinstance(device, str) else None
    if match is None:
        remedy = "Leave it out to compute on the host."
        kind = ArgumentTypeError
        raise argument_error("device", repr(device), _EXPECTED, remedy, kind=kind)
    try:
        cupy = import_optional("cupy", extra="cuda", purpose="to compute on a GPU")
    except MissingPackageError as error:
        raise MissingPackageError(f"device={device!r}: {error}", name="cupy") from None
    host = "Leave device out to compute on the host."
    if not cupy.is_available():
        raise argument_error("device", f"{device!r}, but CuPy finds no GPU", "a GPU", host)
    count, current = cupy.cuda.runtime.getDeviceCount(), cupy.cuda.Device().id
    number = current if match[1] is None else int(match[1])
    if number >= count:
        expected = f"a number below {count}, for that many GPUs are here"
        raise argument_error("device", repr(device), expected, host)
    if number != current:
        raise argument_error(
            "device",
            f"{device!r} while GPU {current} is the current one",
            "the current GPU, where n-vectors are made",
            f"Call inside of `with cupy.cuda.Device({number}):`.",
        )
    return number


def on_gpu(source: Source, *, memory: int | None, name: str) -> tuple[DeviceEngine, int]:
    """An engine for rows of the host on the current GPU, and the passes that it took to make it."""
    cupy = import_optional("cupy", extra="cuda", purpose="to compute on a GPU")
    header = Header.of(source)
    vectors = 8.0 * ROW_VECTORS * header.shape[0]
    limit = cupy.cuda.Device().mem_info[0] if memory is None else memory
    if _matrix_bytes(header) + vectors <= limit / _KEPT:
        return KeptEngine(source, memory=memory, name=name), int(not _is_here(source))
    return StreamEngine(source, memory=memory, name=name), 0


def _is_here(source: Source) -> bool:
    """Whether rows are in memory, so that no thread has to read them ahead."""
    return isinstance(source, DenseSource | SparseSource | LoadedSource)


def _matrix_bytes(header: Header) -> float:
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
        self._cupy, self._size = cupy, max(row, min(_BUFFER, int(_matrix_bytes(header))))
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


class KeptEngine(DeviceEngine):
    """Rows that were copied to the GPU once."""

    def __init__(self, source: Source, *, memory: int | None, name: str) -> None:
        cupy = import_optional("cupy", extra="cuda", purpose="to compute on a GPU")
        self._origin = source
        header = Header.of(source)
        whole = [(0, header.shape[0])]
        with closing(_copied(cupy, source, whole, header)) as copied:
            _, rows = next(copied)
        super().__init__(rows, name=name, memory=memory)

    @property
    def place(self) -> str:
        """See `DeviceEngine`."""
        return f"copied to GPU {self._device.id}"

    def where(self, row: int) -> str:
        """See `Engine`."""
        return self._origin.where(row) or self._what


class StreamEngine(DeviceEngine):
    """Rows that are copied to the GPU in every pass, block by block."""

    def __init__(self, source: Source, *, memory: int | None, name: str) -> None:
        cupy = import_optional("cupy", extra="cuda", purpose="to compute on a GPU")
        self._xp, self._device = cupy, cupy.cuda.Device()
        self._origin, self._source, self._name, self._memory = source, source, name, memory
        self._wraps: tuple[Any, ...] = ()
        self._what = f"rows streamed to GPU {self._device.id}"
        self.header = Header.of(source)
        self._rows_at_once = self._checked_rows()

    @property
    def place(self) -> str:
        """See `DeviceEngine`."""
        rows = min(self._rows_at_once, self.header.shape[0])
        return f"streamed to GPU {self._device.id} by {rows:,} rows"

    def _checked_rows(self) -> int:
        """Rows of a block; an error if the budget does not even hold that many."""
        n, d = self.header.shape
        memory = self._device.mem_info[1] if self._memory is None else self._memory
        step = block_rows(self.header, memory)
        per_row = 8.0 * max(d, 2.0 * self.header.entry_count / n)
        needed = 8.0 * ROW_VECTORS * n + _BLOCKS * per_row * min(step, n)
        if needed > memory:
            raise argument_error(
                "memory",
                f"{memory / 2**20:,.1f} MiB of a GPU",
                f"at least {needed / 2**20:,.1f} MiB: {ROW_VECTORS} numbers for each of the {n:,} "
                f"rows, and room to work on {min(step, n):,} rows",
                "Raise the budget, use a larger GPU, or leave device out.",
            )
        if self.header.is_sparse and not _is_here(self._origin):
            step = min(step, max(1024, int(_SPARSE_BLOCK / per_row)))
        return step

    def _block_rows(self) -> int:
        return self._rows_at_once

    def _blocks(self, raw: bool) -> Generator[tuple[int, Block], None, None]:
        """See `DeviceEngine`. The next block is copied while the work on this one is queued."""
        header = Header.of(self._origin)
        n, step = header.shape[0], self._rows_at_once
        ranges = [(start, min(start + step, n)) for start in range(0, n, step)]
        with closing(_copied(self._xp, self._origin, ranges, header)) as copied:
            for start, rows in copied:
                yield start, self._viewed(rows, raw)

    def _viewed(self, rows: Block, raw: bool) -> Block:
        """Rows as a pass wants them."""
        if not self._wraps and is_sparse_rows(rows):
            return rows
        source = in_memory(rows)
        for wrap in self._wraps:
            source = wrap(source)
        return (source.read_raw if raw else source.read)(0, rows.shape[0])

    def _taken(self, rows: IntArray) -> Any:
        """Rows of the host, copied."""
        taken, cupy = self._source.take(rows), self._xp
        if not is_sparse_rows(taken):
            return cupy.asarray(taken)
        parts = (cupy.asarray(part) for part in (taken.data, taken.indices, taken.indptr))
        return csr_rows(_csr_matrix(), tuple(parts), taken.shape)

    def view(self, wrap: Any) -> StreamEngine:
        """See `Engine`."""
        other = super().view(wrap)
        other._wraps = (*self._wraps, wrap)
        return other


def _csr_matrix() -> Any:
    sparse = import_optional("cupyx.scipy.sparse", extra="cuda", purpose="to compute on a GPU")
    return sparse.csr_matrix


def _copied(
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
    if not _is_here(source):
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
    return csr_rows(_csr_matrix(), parts, (rows, header.shape[1]))
