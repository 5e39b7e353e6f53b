"""Rows of the host or of files, for a GPU: copied there once if they fit, else in every pass.

What does not fit is streamed in blocks. A block is copied piece by piece through two page-locked
buffers, on a stream of its own, into one of two places on the GPU, while the work on the block
before it is queued on the current stream; events order the two, and nothing else waits. Files are
read ahead by a thread. Blocks have the boundaries of rows that are on the GPU, so the results have
the same bits, unless a budget makes blocks smaller, or sparse rows come from a file.

Memory on the GPU: eight numbers a row, and about a quarter of the budget for the two places and for
what a pass makes of a block. On the host: two buffers, and three pieces of a file.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import closing
from typing import Any

from .._errors import ArgumentTypeError, MissingPackageError, argument_error, import_optional
from .._result import IntArray
from ._budget import ROW_VECTORS
from ._device import is_sparse_rows
from ._device_copies import copied, csr_matrix, is_here, matrix_bytes
from ._source import Block, Header, Source
from .device_engine import DeviceEngine, block_rows
from .device_source import csr_rows, in_memory

__all__ = ["StreamEngine", "gpu_number", "on_gpu"]

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
    if matrix_bytes(header) + vectors <= limit / _KEPT:
        return KeptEngine(source, memory=memory, name=name), int(not is_here(source))
    return StreamEngine(source, memory=memory, name=name), 0


class KeptEngine(DeviceEngine):
    """Rows that were copied to the GPU once."""

    def __init__(self, source: Source, *, memory: int | None, name: str) -> None:
        cupy = import_optional("cupy", extra="cuda", purpose="to compute on a GPU")
        self._origin = source
        header = Header.of(source)
        whole = [(0, header.shape[0])]
        with closing(copied(cupy, source, whole, header)) as blocks:
            _, rows = next(blocks)
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
        if self.header.is_sparse and not is_here(self._origin):
            step = min(step, max(1024, int(_SPARSE_BLOCK / per_row)))
        return step

    def _block_rows(self) -> int:
        return self._rows_at_once

    def _blocks(self, raw: bool) -> Generator[tuple[int, Block], None, None]:
        """See `DeviceEngine`. The next block is copied while the work on this one is queued."""
        header = Header.of(self._origin)
        n, step = header.shape[0], self._rows_at_once
        ranges = [(start, min(start + step, n)) for start in range(0, n, step)]
        with closing(copied(self._xp, self._origin, ranges, header)) as blocks:
            for start, rows in blocks:
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
        return csr_rows(csr_matrix(), tuple(parts), taken.shape)

    def view(self, wrap: Any) -> StreamEngine:
        """See `Engine`."""
        other = super().view(wrap)
        other._wraps = (*self._wraps, wrap)
        return other
