"""Rows of a file brought into memory once, when the budget allows it, instead of in every pass.

A file of moderate size that has to be decoded (Parquet, CSV, compressed chunks) is read once; what
is larger than the budget is read again in every pass. Cost: one reading; memory of the matrix and
one group of rows.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
from typing import Any

import numpy as np

from .._result import IntArray
from ._budget import ROW_VECTORS
from ._source import Block, DenseSource, Header, Source, SparseSource, csr_block

__all__ = ["LoadedSource", "fits"]

_SHARE = 4  # without a stated budget, a quarter of the machine's memory
_GROUP_BYTES = 2**25


def fits(source: Source, memory: int | None) -> bool:
    """Whether the matrix, row vectors and what the reader holds meanwhile stay in the budget."""
    limit = _machine_memory() / _SHARE if memory is None else memory
    return _matrix_bytes(source) + 8.0 * ROW_VECTORS * source.shape[0] + source.unit_bytes <= limit


def _matrix_bytes(source: Source) -> float:
    if not source.is_sparse:
        return source.entry_count * source.dtype.itemsize
    # Values and column numbers twice: groups are kept until all of them have been read.
    return 2.0 * source.entry_count * (source.dtype.itemsize + 8) + 8.0 * source.shape[0]


def _machine_memory() -> float:
    """Bytes this process may use: the machine's, or the container's if that is less."""
    try:
        size = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, OSError, ValueError):
        size = 4.0 * 2**30  # unknown: a small machine
    with contextlib.suppress(OSError, ValueError):
        size = min(size, float(pathlib.Path("/sys/fs/cgroup/memory.max").read_text()))
    return size


class LoadedSource:
    """All rows of a streamed source, in memory; it still knows where each row came from."""

    streamed = False
    unit_bytes = 0.0

    def __init__(self, origin: Source) -> None:
        self._origin = origin
        self._rows = _load_sparse(origin) if origin.is_sparse else _load_dense(origin)
        header = Header.of(origin)
        self.shape, self.dtype, self.is_sparse = header.shape, header.dtype, header.is_sparse
        self.row_cost, self.entry_count = header.row_cost, header.entry_count
        self.pair_count = header.pair_count

    def read(self, start: int, stop: int) -> Block:
        return self._rows.read(start, stop)

    def read_raw(self, start: int, stop: int) -> Block:
        return self._rows.read_raw(start, stop)

    def load(self, start: int, stop: int) -> Source:
        return self._rows.load(start, stop)

    def take(self, rows: IntArray) -> Any:
        return self._rows.take(rows)

    def check(self) -> None:
        pass

    def identity(self) -> object | None:
        identity = getattr(self._origin, "identity", None)
        return None if identity is None else identity()

    def where(self, row: int) -> str:
        return self._origin.where(row)


def _load_dense(origin: Source) -> DenseSource:
    n, d = origin.shape
    whole = np.empty((n, d), dtype=origin.dtype)
    for start, stop in _groups(origin):
        whole[start:stop] = origin.load(start, stop).read_raw(0, stop - start)
    return DenseSource(whole)


def _load_sparse(origin: Source) -> SparseSource:
    d = origin.shape[1]
    data, indices, counts = [], [], [np.zeros(1, dtype=np.int64)]
    for start, stop in _groups(origin):
        block = origin.load(start, stop).read_raw(0, stop - start)
        data.append(block.data)
        indices.append(block.indices)
        counts.append(np.diff(block.indptr).astype(np.int64))
    indptr = np.cumsum(np.concatenate(counts))
    kind = np.int32 if indptr[-1] < 2**31 and d < 2**31 else np.int64
    joined = np.concatenate(indices).astype(kind, copy=False)
    return SparseSource(csr_block(np.concatenate(data), joined, indptr.astype(kind), d))


def _groups(origin: Source) -> list[tuple[int, int]]:
    n = origin.shape[0]
    per_row = max(origin.entry_count / n, 1.0) * origin.dtype.itemsize
    rows = max(1024, int(_GROUP_BYTES / per_row))
    return [(start, min(start + rows, n)) for start in range(0, n, rows)]
