"""[A v_1 ... v_k 1]: row vectors, and a column of ones, beside a matrix wherever its rows live.

Row vectors reach every visit of a pass anyway, so the border is put on block by block, next to the
rows; nothing of size n d is copied or stored. Cost: one copy of each block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp

from .._result import FloatArray, IntArray
from ._device import array_module, beside, is_sparse_rows, on_device
from ._engine import Engine, Visit, Wrap
from ._reduction import ADD, Reduction
from ._source import Block, Header
from .blocks import row_numbers
from .device_source import csr_rows, in_memory
from .rows import host

__all__ = ["BorderedEngine"]


class BorderedEngine:
    """An engine for [A v_1 ... v_k] or [A v_1 ... v_k 1], given one for A and the row vectors."""

    def __init__(
        self, engine: Engine, columns: tuple[Any, ...], ones: bool, wrap: tuple[Wrap, ...] = ()
    ) -> None:
        self._engine, self._columns, self._ones, self._wrap = engine, columns, ones, wrap
        self.is_distributed, self.is_on_device = engine.is_distributed, engine.is_on_device
        header: Any = _wider(engine.header, len(columns), ones)
        for one in wrap:
            header = Header.of(one(header))
        self.header: Header = header

    def _visit(self, visit: Visit) -> Visit:
        return partial(_visit_bordered, visit, len(self._columns), self._ones, self._wrap)

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
        """See `Engine`."""
        return self._engine.run(
            self._visit(visit),
            rows=(*self._columns, *rows),
            shape=shape,
            reduction=reduction,
            width=width,
            raw=raw,
            gather=gather,
        )

    def lazy(self, visit: Visit, *, rows: Sequence[Any] = (), width: int = 0) -> Any:
        """See `Engine`."""
        return self._engine.lazy(self._visit(visit), rows=(*self._columns, *rows), width=width)

    def blocks(self) -> Iterator[tuple[int, Block]]:
        """See `Engine`."""
        columns = [host(column) for column in self._columns]
        for start, block in self._engine.blocks():
            here = slice(start, start + block.shape[0])
            yield (
                start,
                _bordered(block, [column[here] for column in columns], self._ones, self._wrap),
            )

    def take(self, rows: IntArray) -> Any:
        """See `Engine`."""
        taken = self._engine.take(rows)
        columns = [column[beside(taken, rows)] for column in self._columns]
        columns = columns if on_device(taken) else [host(column) for column in columns]
        return _bordered(taken, columns, self._ones, self._wrap)

    def view(self, wrap: Wrap) -> BorderedEngine:
        """See `Engine`."""
        return BorderedEngine(self._engine, self._columns, self._ones, (*self._wrap, wrap))

    def where(self, row: int) -> str:
        """See `Engine`."""
        return self._engine.where(row)

    def identity(self) -> object | None:
        """See `Engine`: the border is data that only reading can tell."""
        return None


def _wider(header: Header, columns: int, ones: bool) -> Header:
    n, d = header.shape
    more = columns + ones
    dtype = np.dtype(np.float64) if columns else header.dtype
    if header.is_sparse:
        entries = header.entry_count + more * n
        pairs = header.pair_count + 2.0 * more * header.entry_count + more**2 * n
        wider = Header.sparse((n, d + more), dtype, entries, pairs)
    else:
        wider = Header.dense((n, d + more), dtype)
    return replace(wider, streamed=header.streamed, unit_bytes=header.unit_bytes)


def _visit_bordered(
    visit: Visit,
    count: int,
    ones: bool,
    wrap: tuple[Wrap, ...],
    block: Block,
    start: int,
    out: FloatArray,
    *slices: FloatArray,
) -> FloatArray | None:
    return visit(_bordered(block, slices[:count], ones, wrap), start, out, *slices[count:])


def _bordered(
    block: Block, columns: Sequence[FloatArray], ones: bool, wrap: tuple[Wrap, ...]
) -> Block:
    m, d = block.shape
    wide: Any
    dtype = np.dtype(np.float64) if columns else block.dtype
    if not is_sparse_rows(block):
        wide = array_module(block).empty((m, d + len(columns) + ones), dtype=dtype)
        wide[:, :d] = block
        for j, column in enumerate(columns):
            wide[:, d + j] = column
        if ones:
            wide[:, -1] = 1.0
    elif on_device(block):
        wide = _bordered_on_device(block, columns, ones, dtype)
    else:
        border = np.empty((m, len(columns) + ones), dtype)
        for j, column in enumerate(columns):
            border[:, j] = column
        if ones:
            border[:, -1] = 1.0
        wide = sp.hstack([block, sp.csr_array(border)], format="csr")
    for one in wrap:
        wide = one(in_memory(wide)).read(0, m)
    return wide


def _bordered_on_device(block: Block, columns: Sequence[Any], ones: bool, dtype: Any) -> Block:
    """CSR rows with dense columns behind them: every row gets as many entries more."""
    xp, (m, d), more = array_module(block), block.shape, len(columns) + ones
    indptr = block.indptr + more * xp.arange(m + 1, dtype=block.indptr.dtype)
    size = block.data.size + more * m
    data, indices = xp.empty(size, dtype=dtype), xp.empty(size, dtype=block.indices.dtype)
    moved = xp.arange(block.data.size, dtype=np.int64) + more * row_numbers(block)
    data[moved], indices[moved] = block.data, block.indices
    for j in range(more):
        places = indptr[1:] - (more - j)
        data[places] = columns[j] if j < len(columns) else 1.0
        indices[places] = d + j
    return csr_rows(type(block), (data, indices, indptr), (m, d + more))
