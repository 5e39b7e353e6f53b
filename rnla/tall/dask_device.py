"""The pass engine for Dask collections whose chunks are on GPUs: passes run on the chunks there.

The graph is that of any collection, see `dask_engine`; a task visits the rows of a part in large
blocks, on the GPU that has the chunk, and leaves numbers per row there as a CuPy chunk of a Dask
array. Small results and single rows come to the host. Sums of a part are added up as on one GPU, so
other chunks change them by rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import ArgumentTypeError, RnlaError, argument_error, import_optional
from .._result import FloatArray, IntArray
from . import _visits
from ._dask_tasks import Job, Part, Reader, surprise
from ._device import array_module, chunks_stay, of_device, on_device, to_host
from ._engine import Visit
from ._reduction import ADD, Reduction
from ._source import Block, Header, Source
from .dask_engine import DaskEngine
from .device_engine import block_rows
from .device_source import DeviceSparse, canonical, in_memory

__all__ = ["DaskDeviceEngine", "DeviceReader", "count"]

_WHAT = "a Dask array of CuPy chunks"


@dataclass(frozen=True)
class DeviceReader(Reader):
    """Makes sources of CuPy chunks."""

    def matrix(self, chunk: Any, number: int, rows: int | None = None) -> Any:
        """The chunk as a CuPy array or a canonical CSR matrix of CuPy."""
        if not on_device(chunk):
            kind = f"an array of type {type(chunk).__name__}"
            raise surprise(number, kind, "a CuPy array, as the collection says", True)
        if self.is_sparse != hasattr(chunk, "tocsr"):
            kinds = "a dense array", "a sparse matrix"
            got, wanted = reversed(kinds) if not self.is_sparse else kinds
            raise surprise(number, got, f"{wanted}, as the collection says", True)
        matrix = canonical(chunk) if self.is_sparse else chunk
        found = tuple(matrix.shape)
        wanted_shape = (found[0] if rows is None else rows, self.columns)
        if found != wanted_shape:
            expected = f"{wanted_shape}, as the collection says"
            raise surprise(number, f"shape {found}", expected, False)
        return matrix

    def rows(self, matrix: Any, start: int, stop: int) -> Any:
        """Rows start … stop-1 without a copy."""
        return DeviceSparse(matrix).read(start, stop) if self.is_sparse else matrix[start:stop]

    def source(self, matrix: Any) -> Source:
        """A source over a matrix on a GPU."""
        return self.wrapped(in_memory(matrix))

    def take(self, chunk: Any, number: int, rows: IntArray) -> Any:
        """Some rows of a chunk, on the host."""
        with chunk.device:
            return to_host(self.source(self.matrix(chunk, number)).take(rows))

    def nothing(self, dimensions: int) -> Any:
        """An empty array of the kind that holds numbers per row."""
        cupy = import_optional("cupy", extra="cuda", purpose="to keep row vectors on GPUs")
        return cupy.empty((0,) * dimensions, dtype=np.float64)

    def visit_part(
        self,
        job: Job,
        part: Part,
        rows: int,
        chunk: Any,
        more: Sequence[Any],
        vectors: Sequence[Any],
    ) -> Any:
        """See `_dask_tasks.visit_part`."""
        size, width, start = part.stop - part.start, job.width, part.start
        own = self.rows(self.matrix(chunk, part.chunk, rows), part.skip, rows)
        for vector in vectors:
            if not on_device(vector):
                raise _stays(f"{type(vector).__name__} beside {of_device(own)}")
        pieces = [self.matrix(m, k, count) for m, (k, count) in zip(more, part.more, strict=True)]
        with own.device:
            xp = array_module(own)
            out = xp.zeros(0 if job.shape is None else job.shape, dtype=np.float64)
            values = None
            if width is not None:
                values = xp.empty((size, width) if width else size, dtype=np.float64)
            for first, block in self._blocks(job, [own, *pieces]):
                here = slice(first, first + block.shape[0])
                slices = (vector[here] for vector in vectors)
                found = job.visit(block, start + first, out, *slices)
                if values is not None:
                    values[here] = found
            state = None if job.shape is None else job.reduction.lift(out.get())
            # Whoever gets the values may use another stream.
            xp.cuda.get_current_stream().synchronize()
        if job.shape is None:
            return values
        return state if values is None else (state, values)

    def _blocks(self, job: Job, matrices: Sequence[Any]) -> Iterator[tuple[int, Block]]:
        """(position in the part, rows): few large blocks."""
        raw, done = job.raw or _visits.takes_single_precision(job.visit), 0
        for matrix in matrices:
            source = self.source(matrix)
            step = block_rows(Header.of(source), matrix.device.mem_info[1])
            for first in range(0, matrix.shape[0], step):
                stop = min(first + step, matrix.shape[0])
                yield done + first, (source.read_raw if raw else source.read)(first, stop)
            done += matrix.shape[0]


def count(chunk: Any, is_sparse: bool) -> tuple[int, float, float]:
    """Rows, stored entries and pairs of entries of the same row."""
    if not is_sparse or not hasattr(chunk, "tocsr"):  # a surprise that the first pass will report
        return int(chunk.shape[0]), 0.0, 0.0
    with chunk.device:
        source = DeviceSparse.of(chunk)
        return source.shape[0], source.entry_count, source.pair_count


def _stays(got: str) -> RnlaError:
    return argument_error(
        "row vector",
        got,
        "a Dask array of CuPy chunks",
        "Convert it with dask.array.from_array(...).map_blocks(cupy.asarray).",
        kind=ArgumentTypeError,
    )


class DaskDeviceEngine(DaskEngine):
    """Rows of a Dask array whose chunks are CuPy arrays or CSR matrices of CuPy."""

    is_on_device = True
    _reader_kind = DeviceReader

    @property
    def place(self) -> str:
        """Where the rows are, in words."""
        return "Dask chunks on GPUs"

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
        """See `DaskEngine`. Values per row are a Dask array of CuPy chunks, and stay there."""
        if width is not None and gather:
            raise chunks_stay("A", "one number per row")
        for vector in rows:
            if not hasattr(vector, "__dask_graph__"):
                raise _stays(f"{type(vector).__name__} beside {_WHAT}")
        return super().run(
            visit, rows=rows, shape=shape, reduction=reduction, width=width, raw=raw, gather=False
        )

    def blocks(self) -> Iterator[tuple[int, Block]]:
        """See `Engine`: never; whoever reads blocks computes on the host."""
        raise chunks_stay("A", "reading rows block by block")
